"""Commands that make and run jobs: run, new, continue, schedule."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli_follow import attend
from app.cli_parser import Parser, did_you_mean
from app.cli_places import find_job, in_project, open_project
from app.project.project import Project
from app.runner import checks, launch
from app.runner.launch import continue_job, start_job, status_of
from app.runner.queue import LocalQueue
from app.runner.stored import read_stored
from jobs import registry
from jobs.core.declaration import JobOptions, JobType, add_arguments, from_arguments, specs
from jobs.core.errors import UserError


def job_type_named(word: str) -> JobType:
    """Return a job type by its word on the command line.

    Raises
    ------
    UserError
        When there is none, with the nearest one that there is.
    """
    if word in registry.JOB_TYPES:
        return registry.JOB_TYPES[word]
    known = ", ".join(registry.JOB_TYPES)
    raise UserError(
        f"There is no job type '{word}'", hint=did_you_mean(word, registry.JOB_TYPES) or f"There are: {known}"
    )


def _type_word(words: Sequence[str], command: str) -> tuple[JobType | None, list[str]]:
    """Take the job type, the first word that is no option, out of a command line."""
    if words and not words[0].startswith("-"):
        return job_type_named(words[0]), list(words[1:])
    if words and words[0] in ("-h", "--help"):
        return None, list(words)
    raise UserError(
        f"heteroscope {command} needs a job type first: {', '.join(registry.JOB_TYPES)}",
        hint=f"For example: heteroscope {command} {next(iter(registry.JOB_TYPES))} --help",
    )


def _running_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--queue",
        action="store_true",
        help="wait until earlier jobs of this project have left the GPU (or CPU)",
    )
    parser.add_argument("--detach", action="store_true", help="return at once; the job goes on by itself")
    parser.add_argument("--log", action="store_true", help="show what the job prints")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the result")


def run(words: Sequence[str]) -> int:
    """``heteroscope run TYPE``: make a job and run it."""
    return _make("run", words)


def new(words: Sequence[str]) -> int:
    """``heteroscope new TYPE``: make a job that waits as Scheduled."""
    return _make("new", words)


def _make(command: str, words: Sequence[str]) -> int:
    job_type, rest = _type_word(words, command)
    if job_type is None:
        for known in registry.JOB_TYPES.values():
            print(f"heteroscope {command} {known.key} --help    {known.title}: {known.summary}")
        return 0
    program = f"heteroscope {command} {job_type.key}"
    usage = f"{program} --project DIR [--OPTION VALUE …]"
    parser = Parser(prog=program, usage=usage, description=job_type.summary)
    parser.add_argument("--project", default=None, help="folder of the project [the current one]")
    parser.add_argument("--alias", default="", help="a name for the job")
    if command == "run":
        _running_arguments(parser)
    add_arguments(parser, job_type.options, task=job_type.main_task.name)
    given = parser.read(rest)
    project = open_project(given.project)
    options = in_project(from_arguments(job_type.options, given), Path(project.path))
    _refuse_greyed(job_type, options, job_type.options(), given, is_continue=False)
    if not getattr(given, "quiet", False):
        _warn(project, job_type, options, waiting=command == "new")
    if command == "new":
        print(start_job(project, job_type, options, schedule=True, alias=given.alias))
        return 0
    if given.queue:
        name = LocalQueue(project).submit(job_type, options, alias=given.alias)
    else:
        name = start_job(project, job_type, options, alias=given.alias)
    return attend(project, name, given)


def _refuse_greyed(
    job_type: JobType, options: JobOptions, base: JobOptions, given: argparse.Namespace, *, is_continue: bool
) -> None:
    """Refuse options that a form would show greyed, unless they change nothing."""
    for declared in specs(job_type.options):
        wrong = "new" if is_continue else "continue"
        changes = getattr(options, declared.name) != getattr(base, declared.name)
        if hasattr(given, declared.name) and declared.enabled == wrong and changes:
            when = "for a new job" if is_continue else "when a job is continued"
            hint = (
                ""
                if is_continue
                else f"Run the job first, then: heteroscope continue JOB --{declared.name} …"
            )
            raise UserError(
                f"--{declared.name} ({declared.label.rstrip(':')}) can be given only {when}", hint=hint
            )


def _warn(
    project: Project,
    job_type: JobType,
    options: JobOptions,
    name: str | None = None,
    *,
    waiting: bool = False,
) -> None:
    """Print doubts about the options; errors are raised when the job is made."""
    root = Path(project.path)
    found = checks.find_problems(root, job_type, options, name=name)
    later = checks.find_problems(root, job_type, options, name=name, waiting=True) if waiting else found
    for problem in found:
        # a job that only waits may be made before what it needs is there
        if problem.severity == "warning" or problem not in later:
            print(f"Warning: {problem.sentence}", file=sys.stderr)
    if not checks.is_cluster_job(options) and (note := _gpu_note(job_type, options)):
        print(note, file=sys.stderr)


def _gpu_note(job_type: JobType, options: JobOptions) -> str:
    try:
        return checks.gpu_for(job_type, options).note
    except UserError:
        return ""  # told as a problem


def carry_on(words: Sequence[str]) -> int:
    """``heteroscope continue JOB``: a further task of a job, or its unfinished work."""
    if not words or words[0].startswith("-"):
        if words and words[0] in ("-h", "--help"):
            print(
                "usage: heteroscope continue JOB [--project DIR] [--detach] [--log] [--quiet] "
                "[--OPTION VALUE …]\n\n"
                "A further task of a job, such as: heteroscope continue DynaMight/job001 --do_inverse Yes\n"
                "Without a task: takes up unfinished work. heteroscope continue JOB --help lists the options."
            )
            return 0
        raise UserError(
            "heteroscope continue needs a job first",
            hint="For example: heteroscope continue DynaMight/job001 --help",
        )
    place = Parser(prog=f"heteroscope continue {words[0]}", add_help=False)
    place.add_argument("--project", default=None)
    where, _ = place.parse_known_args(list(words[1:]))
    project = open_project(where.project, words[0])
    name = find_job(project, words[0])
    stored = read_stored(Path(project.path), name)
    job_type, base = stored.job_type, stored.options
    program = f"heteroscope continue {words[0]}"
    usage = f"{program} [--OPTION VALUE …]"
    parser = Parser(prog=program, usage=usage, description=f"{name}: {job_type.summary}")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    _running_arguments(parser)
    add_arguments(parser, job_type.options, task=_task_meant(job_type, words[1:]))
    given = parser.read(words[1:])
    options = in_project(from_arguments(job_type.options, given, base), Path(project.path))
    options = _one_task(job_type, options, given)
    waits = status_of(project, name) == launch.SCHEDULED
    _refuse_greyed(job_type, options, base, given, is_continue=not waits)
    if not given.quiet:
        _warn(project, job_type, options, None if waits else name)
    if given.queue:
        LocalQueue(project).submit(job_type, options, name=name)
    else:
        continue_job(project, name, job_type, options)
    return attend(project, name, given)


def _task_meant(job_type: JobType, words: Sequence[str]) -> str:
    """Return the task whose switch is on a command line, so that its own spellings can be read."""
    said = {word.partition("=")[0].lstrip("-").replace("-", "_") for word in words if word.startswith("--")}
    return next((task.name for task in job_type.tasks if task.switch in said), "")


def _one_task(job_type: JobType, options: JobOptions, given: argparse.Namespace) -> JobOptions:
    """Switch off the task of an earlier continuation when another one is asked for now."""
    switches = [task.switch for task in job_type.tasks if task.switch]
    if not any(getattr(given, switch, False) for switch in switches):
        return options
    off = {switch: False for switch in switches if not hasattr(given, switch)}
    return type(options)(**{**options.model_dump(), **off})
