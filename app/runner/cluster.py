"""Submission to a cluster's queue through a RELION template."""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from app.runner.spawn import program_environment
from jobs.core.errors import UserError

SCRIPT = "run_submit.script"
_SUBMIT_S = 120.0
#: What cancels a job that this command submitted.
_CANCEL = {"sbatch": "scancel", "qsub": "qdel", "bsub": "bkill", "msub": "canceljob"}
_ID_PATTERNS = (
    r"Submitted batch job (\d+)",  # Slurm
    r"Job <(\d+)>",  # LSF
    r"Your job(?:-array)? (\d+)",  # Grid Engine
    r"^\s*(\d+(?:\.[\w.-]+)?)\s*$",  # PBS, and Slurm with --parsable
)


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


def shell_command(command: list[str]) -> str:
    """Return a command line that finds our packages on whichever machine the queue chooses."""
    ours = program_environment()
    return shlex.join(
        ["env", *(f"{name}={ours[name]}" for name in ("PYTHONPATH", "PYTHONSAFEPATH")), *command]
    )


def submit(
    project_dir: Path, name: str, values: Mapping[str, str], template: Path, command: str
) -> str | None:
    """Write ``run_submit.script`` and hand it to the queue.

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
    str or None
        The queue's id of the job, where it tells one.

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
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"the queue submit command failed: {error}", column="qsub") from error
    _append(project_dir / name / "run.out", done.stdout)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise UserError(f"the queue refused the job: {said}", column="qsub")
    _append(project_dir / name / "run.err", done.stderr)
    return queue_id(done.stdout)


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def queue_id(printed: str) -> str | None:
    """Return the id in what a submit command printed, None when there is none that is known."""
    for pattern in _ID_PATTERNS:
        match = re.search(pattern, printed, re.MULTILINE)
        if match:
            return match[1]
    return None


def cancel(qsub: str, identifier: str) -> bool:
    """Take a job out of the queue; False when the command for it is not known or fails."""
    try:
        words = shlex.split(qsub)
        program = _CANCEL.get(Path(words[0]).name, "") if words else ""
        if not program:
            return False
        done = subprocess.run(
            [program, identifier],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SUBMIT_S,
            check=False,
        )
    except (ValueError, OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
