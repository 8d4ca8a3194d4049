"""The command line: which command is meant, and how every kind of mistake is told.

Results go to standard output, progress and complaints to standard error. Exit codes: 0 success, 1 the job
failed, 2 wrong usage or input, 130 aborted.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence

from app import __version__
from app.cli_parser import did_you_mean
from jobs.core.errors import UserError

Command = Callable[[Sequence[str]], int]

#: Word to (function, arguments, what it does). Modules are loaded when their command is given.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("cli_run:run", "TYPE --project DIR --OPTION VALUE …", "make a job and run it"),
    "new": ("cli_run:new", "TYPE --project DIR --OPTION VALUE …", "make a job without starting it"),
    "continue": ("cli_run:carry_on", "JOB --OPTION VALUE …", "a further task of a job, or unfinished work"),
    "schedule": ("cli_schedule:schedule", "[JOB …]", "run scheduled jobs one after another"),
    "abort": ("cli_follow:stop", "JOB", "ask a job to stop, and end it after a while"),
    "jobs": ("cli_show:jobs", "[PROJECT]", "list the jobs of a project"),
    "show": ("cli_show:show", "JOB [--command]", "status, files, options and runs of a job; its commands"),
    "compare": ("cli_overview:compare", "JOB[:RUN] JOB[:RUN]", "in which options two jobs or runs differ"),
    "report": ("cli_report:report", "[JOB] [--out FILE]", "a job or project as a page: plots, methods …"),
    "validate": ("cli_show:validate", "JOB", "check settings and input files of a job"),
    "selftest": ("selftest:command", "[--json]", "try windows, OpenGL, drawing of maps and the GPU"),
    "gpus": ("cli_show:gpus", "[--watch]", "the GPUs and the processor, and who uses them"),
    "queue": ("cli_queue:queue", "[PROJECT] [--move JOB PLACE] …", "the jobs that wait for a device"),
    "states": ("cli_explore:states", "JOB map|movie|subset|embedding …", "write what a job found, headless"),
    "alias": ("cli_change:alias", "JOB NAME", "give a job a name"),
    "tag": ("cli_flowchart:tag", "JOB [add|remove WORD …]", "put coloured words on a job, or list them"),
    "note": ("cli_note:note", "[JOB] [--add TEXT]", "show or lengthen the note of a job or the project"),
    "flowchart": ("cli_flowchart:flowchart", "--out FILE [--job JOB]", "draw the project as SVG or PDF"),
    "mark": ("cli_change:mark", "JOB finished|failed", "say how a job ended that left no marker"),
    "delete": ("cli_change:delete", "JOB …", "move jobs to the trash"),
    "undelete": ("cli_change:undelete", "[JOB]", "bring a job back, or list the trash"),
    "disk": ("cli_clean:disk", "[PROJECT]", "what jobs and trash take, and what cleaning would free"),
    "clean": ("cli_clean:clean", "JOB … [--harsh]", "move what is no longer needed to the trash"),
    "init": ("cli_show:init", "[DIR]", "make a project"),
    "unlock": ("cli_show:unlock", "[PROJECT]", "who locks a project; remove the lock of a dead program"),
    "restore": ("cli_change:restore", "[PROJECT]", "go back to a backup of a damaged project file"),
    "upgrade": ("cli_change:upgrade", "[PROJECT]", "bring a project of RELION 3 or 4 to RELION 5's form"),
}
#: Commands that app.__main__ carries out, because they open the window.
WINDOW_COMMANDS: dict[str, tuple[str, str]] = {
    "explore": ("JOB [--half 0|1|2] …", "walk through the latent space of a job, beside the moving map"),
    "display": ("FILE …", "show maps, image stacks, STAR files, curves, logs, pictures and pages"),
    "demo": ("[DIR]", "simulate data, learn their motion, open the result"),
}


def words_known() -> list[str]:
    """Return every word that may stand first on the command line."""
    from jobs.registry import JOB_TYPES

    return [*COMMANDS, *WINDOW_COMMANDS, *JOB_TYPES]


def is_command(word: str) -> bool:
    """Tell whether a first word is a command (otherwise it should be a project)."""
    return word.startswith("-") or word in COMMANDS or word in words_known()


def main(arguments: Sequence[str]) -> int:
    """Carry out one command and return its exit code."""
    return guarded(lambda: _dispatch(list(arguments)))


def guarded(action: Callable[[], int]) -> int:
    """Do something and return its exit code; mistakes are told in one sentence, never a traceback."""
    try:
        code = action()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UserError as error:
        _complain(error)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        room = " Make room and try again." if error.errno == errno.ENOSPC else ""
        print(f"heteroscope: {where}{error.strerror or error}.{room}", file=sys.stderr)
        return 2
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(bool(error.code))
    except Exception as error:
        if os.environ.get("HETEROSCOPE_DEBUG"):
            raise
        print(
            f"heteroscope: an unexpected error, a fault of the program: {type(error).__name__}: {error}. "
            "Set HETEROSCOPE_DEBUG=1 to see where.",
            file=sys.stderr,
        )
        return 1


def _complain(error: UserError) -> None:
    problems = getattr(error, "problems", None)
    if problems:
        for problem in problems:
            option = f"--{problem.field}: " if problem.field else ""
            print(f"heteroscope: {option}{problem.sentence}", file=sys.stderr)
    else:
        print(f"heteroscope: {error}", file=sys.stderr)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    first, rest = words[0], words[1:]
    if first in ("-V", "--version"):
        print(f"heteroscope {__version__}")
        return 0
    if first in COMMANDS:
        module, _, function = COMMANDS[first][0].partition(":")
        command: Command = getattr(importlib.import_module(f"app.{module}"), function)
        return command(rest)
    return _job_type_command(first, rest)


def _job_type_command(word: str, rest: list[str]) -> int:
    """Hand over to the commands that a job type brings along, such as those of the original program."""
    from jobs.registry import JOB_TYPES

    job_type = JOB_TYPES.get(word)
    if job_type is None:
        what = "option" if word.startswith("-") else "command"
        hint = did_you_mean(word, words_known()) or "See heteroscope --help"
        nor = "" if word.startswith("-") else ", and no folder of that name"
        raise UserError(f"There is no {what} '{word}'{nor}", hint=hint)
    module = f"{job_type.module}.commands"
    if rest and rest[0].startswith("-") and any(w == "--project" or w.startswith("--project=") for w in rest):
        # Options alone, with a project: a job of that project, as "run TYPE" makes it.
        return _dispatch(["run", word, *rest])
    if importlib.util.find_spec(module) is None:
        raise UserError(
            f"{job_type.title} has no commands of its own",
            hint=f"Use: heteroscope run {word} --project DIR …",
        )
    return int(importlib.import_module(module).main(rest))


def overview() -> str:
    """Return the help text of the whole command line."""
    from jobs.registry import JOB_TYPES

    lines = [("heteroscope [PROJECT]", "open the window")]
    lines += [
        (f"heteroscope {word} {usage}".rstrip(), text) for word, (usage, text) in WINDOW_COMMANDS.items()
    ]
    lines += [(f"heteroscope {word} {usage}".rstrip(), text) for word, (_, usage, text) in COMMANDS.items()]
    for key, job_type in JOB_TYPES.items():
        if importlib.util.find_spec(f"{job_type.module}.commands") is not None:
            lines.append((f"heteroscope {key} …", f"{job_type.title}: commands of its own"))
    width = max(len(usage) for usage, _ in lines)
    body = "\n".join(f"  {usage:<{width}}  {text}" for usage, text in lines)
    return (
        "Heteroscope: motions and mixtures in cryo-EM data, on RELION projects.\n\n"
        f"{body}\n\n"
        f"TYPE is one of: {', '.join(JOB_TYPES)}. Options are spelt as in job.star (--fn_star or --fn-star); "
        "heteroscope run TYPE --help lists them.\n"
        "JOB is a name, alias, number or path, such as DynaMight/job001.\n"
        "Exit codes: 0 success, 1 the job failed, 2 wrong usage or input, 130 aborted."
    )
