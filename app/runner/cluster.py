"""Submission to a cluster's queue through a RELION template."""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app.runner.identity import Identity, host_name, identify
from app.runner.queue_record import UNKNOWN_ID, QueueRecord
from app.runner.spawn import THREAD_VARIABLES, program_environment
from jobs.core.errors import UserError

SCRIPT = "run_submit.script"
#: Seconds that a submit command has to return.
_SUBMIT_S = 60.0
#: Which queue a submit command belongs to.
_SYSTEMS = {"sbatch": "slurm", "qsub": "pbs", "bsub": "lsf", "msub": "pbs"}
_ID_PATTERNS = (
    (r"Submitted batch job (\d+)", "slurm"),
    (r"Job <(\d+)>", "lsf"),
    (r"Your job(?:-array)? (\d+)", "sge"),
    # PBS, and Slurm with --parsable, where the cluster may follow
    (r"^\s*(\d+(?:\.[\w.-]+)?)(?:;[\w.-]+)?\s*$", ""),
)
#: Submit commands that run the script themselves, at once and on this machine.
_SHELLS = frozenset({"bash", "sh", "dash", "csh", "tcsh", "ksh", "zsh"})
#: Leaves the script to the system's first process, and tells its process id.
_DETACH = """
import os, sys
pid = os.fork()
if pid:
    print(pid, flush=True)
    os._exit(0)
os.setsid()
for number, path in ((1, sys.argv[1]), (2, sys.argv[2])):
    os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), number)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def placeholders(values: Mapping[str, str], name: str) -> dict[str, str]:
    """Return what RELION's placeholders stand for, except the command.

    Parameters
    ----------
    values
        The job's options in RELION's words.
    name
        The job, with trailing slash.
    """
    mpi = _whole(values.get("nr_mpi", "1"))
    threads = _whole(values.get("nr_threads", "1"))
    dedicated = _whole(values.get("min_dedicated", "1"))
    cores = mpi * threads
    found = {
        "XXXmpinodesXXX": str(mpi),
        "XXXthreadsXXX": str(threads),
        "XXXcoresXXX": str(cores),
        "XXXdedicatedXXX": str(dedicated),
        "XXXnodesXXX": str(math.ceil(cores / dedicated)),
        "XXXnameXXX": name,
        "XXXerrfileXXX": f"{name}run.err",
        "XXXoutfileXXX": f"{name}run.out",
        "XXXqueueXXX": values.get("queuename", ""),
    }
    for option, value in values.items():
        match = re.fullmatch(r"qsub_extra(\d+)", option)
        # An extra that the site does not define stays in the script as it is, as with RELION.
        if match and f"RELION_QSUB_EXTRA{match[1]}" in os.environ:
            found[f"XXXextra{match[1]}XXX"] = value
    return found


def _whole(text: str) -> int:
    try:
        return max(1, int(text))
    except ValueError:
        return 1


def fill_template(template: str, replacements: Mapping[str, str], command: str) -> str:
    """Return the submission script.

    A line with the command follows RELION's rule: its own programs (``relion_`` in the command) are put into
    the line, any other command stands alone on its line and the rest of the line (such as ``srun``) is left
    out. The script ends with an empty line.

    Parameters
    ----------
    template
        Text of the template.
    replacements
        Placeholder to value; others stay as they are.
    command
        The job's command line.
    """
    lines = []
    for line in template.splitlines():
        for mark, value in replacements.items():
            line = line.replace(mark, value)
        if "XXXcommandXXX" in line:
            line = line.replace("XXXcommandXXX", command) if "relion_" in command else command
        lines.append(line)
    return "\n".join([*lines, "", ""])


def shell_command(command: list[str], threads: int = 1) -> str:
    """Return a command line that finds our packages on whichever machine the queue chooses."""
    ours = program_environment()
    settings = {name: ours[name] for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    settings |= {"PYTHONUNBUFFERED": "1", **dict.fromkeys(THREAD_VARIABLES, str(max(1, threads)))}
    return shlex.join(["env", *(f"{name}={value}" for name, value in settings.items()), *command])


def submit(
    project_dir: Path, name: str, values: Mapping[str, str], template: Path, command: str
) -> QueueRecord:
    """Write ``run_submit.script`` and hand it to the queue, or start it where the command is a shell.

    Parameters
    ----------
    project_dir
        The project, in which the submit command is run.
    name
        The job.
    values
        Options in RELION's words; ``qsub`` is the submit command, ``qsubscript`` the template.
    template
        The template.
    command
        What the script shall run.

    Returns
    -------
    QueueRecord
        Which queue has it, and under which id where it tells one.

    Raises
    ------
    UserError
        When the template cannot be read, or the submit command does not exist or refuses.
    """
    try:
        text = template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"the submission script template cannot be read ({error})",
            path=template,
            column="qsubscript",
            hint="Choose another one on the Running tab",
        ) from error
    if "XXXcommandXXX" not in text:
        raise UserError(
            "the submission script template holds no line with XXXcommandXXX, so it would start nothing",
            path=template,
            column="qsubscript",
        )
    script = f"{name}{SCRIPT}"
    (project_dir / script).write_text(
        fill_template(text, placeholders(values, name), command), encoding="utf-8"
    )
    try:
        words = shlex.split(values.get("qsub", ""))
    except ValueError as error:
        raise UserError(f"the queue submit command cannot be read ({error})", column="qsub") from error
    if not words:
        raise UserError("the queue submit command is empty", column="qsub", hint="Give one, such as sbatch")
    if Path(words[0]).name in _SHELLS:
        return _start_in_shell(project_dir, name, [*words, script])
    try:
        done = subprocess.run(
            [*words, script],
            cwd=project_dir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SUBMIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise UserError(
            f"the queue submit command '{words[0]}' does not exist on this machine",
            column="qsub",
            hint="Set 'Submit to queue?' to No to run the job here",
        ) from None
    except subprocess.TimeoutExpired:
        raise UserError(
            f"the queue submit command '{words[0]}' did not return within {_SUBMIT_S:.0f} s",
            column="qsub",
            hint="See whether the queue answers; it may have taken the job all the same",
        ) from None
    except OSError as error:
        raise UserError(f"the queue submit command failed: {error}", column="qsub") from error
    _append(project_dir / name / "run.out", done.stdout)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise UserError(f"the queue refused the job: {said}", column="qsub")
    _append(project_dir / name / "run.err", done.stderr)
    identifier, system = queue_id(done.stdout)
    return QueueRecord(
        system or _SYSTEMS.get(Path(words[0]).name, ""),
        identifier or UNKNOWN_ID,
        values.get("qsub", ""),
        host_name(),
        submitted=time.time(),
    )


def _start_in_shell(project_dir: Path, name: str, command: list[str]) -> QueueRecord:
    """Start a script with a shell of this machine, detached: it goes on when we end."""
    if shutil.which(command[0], path=os.environ.get("PATH")) is None:
        raise UserError(f"the shell '{command[0]}' does not exist on this machine", column="qsub")
    logs = [str(project_dir / name / log) for log in ("run.out", "run.err")]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _DETACH, *logs, *command],
            cwd=project_dir,
            env=program_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SUBMIT_S,
            check=False,
        )
        pid = int(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UserError(f"the submission script could not be started: {error}", column="qsub") from error
    # a script that has ended already leaves a process that is never found alive
    process = identify(pid) or Identity(pid, 0.0)
    return QueueRecord("shell", str(pid), command[0], host_name(), submitted=time.time(), process=process)


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def queue_id(printed: str) -> tuple[str | None, str]:
    """Return the id in what a submit command printed, and the queue that writes it so ("" = any)."""
    for pattern, system in _ID_PATTERNS:
        match = re.search(pattern, printed, re.MULTILINE)
        if match:
            return match[1], system or ("pbs" if "." in match[1] else "")
    return None, ""
