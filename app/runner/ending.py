"""How a job ends that did not say so itself: reason into ``run.err``, then exactly one exit marker.

Used by the keeper of every running job, therefore without imports beyond the standard library.
"""

# pathlib would cost the keeper of every job a megabyte
# ruff: noqa: PTH105, PTH110, PTH116, PTH118, PTH123
from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import signal
from typing import Any

from jobs.core.run_outcome import write_outcome

SUCCESS, FAILURE, ABORTED = "SUCCESS", "FAILURE", "ABORTED"
MARKERS = {kind: f"RELION_JOB_EXIT_{kind}" for kind in (SUCCESS, FAILURE, ABORTED)}
ABORT_REQUEST = "RELION_JOB_ABORT_NOW"
WORKER_FILE = "worker.json"

_MEANING = {
    "SIGSEGV": "a library crashed with a memory access error",
    "SIGBUS": "a memory access error; a file that was being read may have been shortened",
    "SIGABRT": "a library gave up",
    "SIGILL": "the processor does not know an instruction that a library was compiled for",
    "SIGFPE": "an arithmetic error in a library",
    "SIGTERM": "somebody, or the system shutting down, asked it to stop",
    "SIGINT": "it was interrupted",
    "SIGHUP": "its terminal was closed",
    "SIGXCPU": "its limit of computing time was reached",
    "SIGXFSZ": "its limit of file size was reached",
}


def signal_name(number: int) -> str:
    """Return ``SIGKILL`` and the like, or ``signal 42`` where there is no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def describe_end(
    exit_code: int | None, number: int | None, *, out_of_memory: bool = False, aborted: bool = False
) -> str:
    """Return one sentence on a worker that ended without an exit marker.

    Parameters
    ----------
    exit_code
        Exit code, None when unknown (nobody was there to receive it).
    number
        Signal that ended it, None when there was none or it is unknown.
    out_of_memory
        True when the system is known to have killed for lack of memory.
    aborted
        True when an abort had been asked for.
    """
    if aborted:
        how = f" and was ended with {signal_name(number)}" if number else ""
        return f"The job was aborted on request{how}."
    if number is not None:
        name = signal_name(number)
        if name == "SIGKILL":
            why = (
                "the system killed it because memory ran out"
                if out_of_memory
                else "killed, probably because memory ran out, or by hand"
            )
        else:
            why = _MEANING.get(name, "it was ended by a signal")
        return f"The worker was ended by {name}: {why}."
    if exit_code is not None:
        return f"The worker ended with exit code {exit_code} without saying why; see the lines above."
    return (
        "The worker disappeared without a trace: killed, probably because memory ran out, "
        "or the machine was restarted."
    )


def marker_of(job_dir: str) -> str | None:
    """Return SUCCESS, FAILURE or ABORTED (looked for in RELION's order), or None."""
    for kind, name in MARKERS.items():
        if os.path.exists(os.path.join(job_dir, name)):
            return kind
    return None


def abort_requested(job_dir: str) -> bool:
    """Tell whether somebody asked this job to stop."""
    return os.path.exists(os.path.join(job_dir, ABORT_REQUEST))


def end_silently(job_dir: str, reason: str, *, aborted: bool) -> bool:
    """Write reason and exit marker of a worker that ended without one.

    Several processes may notice a death at once; a lock on ``run.err`` lets only one of them speak.

    Parameters
    ----------
    job_dir
        The job's folder.
    reason
        One sentence for ``run.err``.
    aborted
        True: the marker is ABORTED, otherwise FAILURE.

    Returns
    -------
    bool
        False when there was a marker already (nothing is written then).

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    with open(os.path.join(job_dir, "run.err"), "ab") as log:
        # Some network file systems have no locks; at worst the reason then stands there twice.
        with contextlib.suppress(OSError):
            fcntl.flock(log, fcntl.LOCK_EX)
        if marker_of(job_dir) is not None:
            return False
        log.write(f"{'' if aborted else 'ERROR: '}{reason}\n".encode())
        log.flush()
        kind = ABORTED if aborted else FAILURE
        write_outcome(job_dir, kind)
        touch(os.path.join(job_dir, MARKERS[kind]))
    return True


def keep_outcome(job_dir: str, run: int | None = None) -> None:
    """Write down what the exit marker tells of a run, before it is taken away; nothing without a marker."""
    kind = marker_of(job_dir)
    if kind is None:
        return
    with contextlib.suppress(OSError):
        worker = read_worker_file(job_dir)
        # the marker of a project that was copied is as old as the copy
        ended = worker.get("ended") if run is not None and worker.get("run") == run else None
        if not isinstance(ended, str) or not ended:
            seconds = os.stat(os.path.join(job_dir, MARKERS[kind])).st_mtime
            ended = datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")
        write_outcome(job_dir, kind, run, ended)


def touch(path: str) -> None:
    """Make an empty file."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))


def read_worker_file(job_dir: str) -> dict[str, Any]:
    """Return what ``worker.json`` says, or {} when there is none (or it cannot be read)."""
    try:
        with open(os.path.join(job_dir, WORKER_FILE), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_worker_file(job_dir: str, content: dict[str, Any]) -> None:
    """Write ``worker.json`` (temporary name, then rename)."""
    path = os.path.join(job_dir, WORKER_FILE)
    temporary = f"{path}.tmp{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")
    os.replace(temporary, path)
