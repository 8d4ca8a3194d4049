"""The program that RELION's DynaMight job names as its "DynaMight executable".

It takes the command lines of RELION's form, runs each in a process of its own and watches over it, so that
the job ends with exactly one of RELION's exit markers whatever becomes of that process. Markers go into the
directory of ``--pipeline-control``. RELION gives that option only to programs whose command line contains
``relion_``; without it the markers stand in the output directory, where RELION looks for them too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from app.relion_words import JOBS, VIEWER, abort_signals, control_directory, output_directory
from app.runner import ending
from app.runner.identity import host_name, identify
from app.runner.keeper import signal_group
from app.runner.outcome import read_worker
from app.runner.spawn import program_environment
from jobs.core.folder import ExitStatus, JobFolder

EXIT_FAILED, EXIT_INPUT, EXIT_ABORTED = 1, 2, 130
#: What carries out a command.
PROGRAM: Final = (sys.executable, "-P", "-m", "app", "dynamight")
_POLL_S = 0.2


@dataclass(frozen=True)
class Patience:
    """How long a process may take to stop, in seconds, before it is asked again, more firmly.

    Attributes
    ----------
    request
        From the abort request until SIGTERM.
    signal
        From SIGTERM until SIGKILL.
    """

    request: float = 60.0
    signal: float = 30.0


def main(
    argv: Sequence[str] | None = None,
    *,
    program: Sequence[str] = PROGRAM,
    patience: Patience | None = None,
) -> int:
    """Run one command line of RELION's DynaMight job.

    Parameters
    ----------
    argv
        Words after the program's name.
    program
        What carries out the command; words are appended.
    patience
        How long a process may take to stop.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong usage or input, 130 aborted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _Watch(words, program, patience or Patience()).run()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"ERROR: {where}{error.strerror or error}.")
        return EXIT_FAILED


class _Watch:
    """One command, its process, and the markers it must leave."""

    def __init__(self, words: list[str], program: Sequence[str], patience: Patience) -> None:
        self._words, self._program, self._patience = words, program, patience
        self._command = words[0] if words else ""
        self._output = output_directory(words)
        self._control = control_directory(words)
        self._stopped = self._child = 0
        self._asked = False
        self._asked_at = self._signalled_at = 0.0

    def run(self) -> int:
        """Carry the command out and leave the marker; returns the exit code."""
        marked = self._marked()
        if marked is not None and _is_alive(marked):
            if self._command != VIEWER:
                _say(f"ERROR: {marked.path}: this job is running already. Abort it first.")
                return EXIT_INPUT
            marked = None  # whoever computes in this folder leaves the marker
        elif self._command == VIEWER and not self._control and marked and marked.exit_status() is not None:
            marked = None  # RELION removes markers before it starts anything: this was called by hand
        if marked is None:
            return self._carry_out(None)
        marked.path.mkdir(parents=True, exist_ok=True)
        # An exit marker beside it tells that an abort request is left over from an earlier run.
        if marked.exit_status() is not None:
            marked.clear_markers()
        with abort_signals(self._stop):
            code, status = EXIT_FAILED, ExitStatus.FAILURE
            try:
                if self._abort_wanted(marked):
                    _say("The job was aborted before it began.")
                    code, status = EXIT_ABORTED, ExitStatus.ABORTED
                else:
                    code = self._carry_out(marked)
                    status = self._status(code)
            finally:
                said = self._leave_marker(marked, status)
        return 0 if said is ExitStatus.SUCCESS else code

    def _leave_marker(self, marked: JobFolder, status: ExitStatus) -> ExitStatus:
        """Leave the marker and return it; another process that works in the folder by now leaves its own."""
        if self._command == VIEWER and self._child and _pid_of(marked) not in (None, self._child):
            return status
        # The worker has left its own marker when it works in the same folder.
        said = marked.exit_status() if self._output and _same(self._output, marked.path) else None
        marked.mark(said or status)
        return said or status

    def _marked(self) -> JobFolder | None:
        """Folder that gets the marker; None for commands that leave none."""
        if self._control:
            return _folder(self._control)
        if self._command in JOBS and self._output is not None and self._output.is_dir():
            return _folder(self._output)
        return None

    def _carry_out(self, marked: JobFolder | None) -> int:
        """Run the process to its end; returns an exit code."""
        log_start = {name: _size(marked, f"run.{name}") for name in ("out", "err")}
        try:
            child = subprocess.Popen(
                [*self._program, *self._words],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                # In a group of its own, so that Ctrl+C reaches it through us only.
                start_new_session=marked is not None,
            )
        except OSError as error:
            _say(f"ERROR: the program could not be started: {error}.")
            return EXIT_FAILED
        if marked is None:
            return _plain(child)
        self._child = child.pid
        record = self._record(child.pid, log_start)
        self._write(record)
        while not _has_ended(child):
            self._urge(child, marked)
            time.sleep(_POLL_S)
        # Data loaders that it left behind are ended with it; it still holds its number here.
        signal_group(child.pid, signal.SIGKILL)
        code = child.wait()
        ended = {"exit_code": code if code >= 0 else None, "signal": -code if code < 0 else None}
        if self._output is None or _pid_of(_folder(self._output)) == child.pid:
            self._write({**record, **ended, "ended": _now()})
        return self._judge(code, marked)

    def _judge(self, code: int, marked: JobFolder) -> int:
        """Exit code of ours for that of the process."""
        if code in (0, EXIT_ABORTED):
            return code
        if self._abort_wanted(marked):
            _say(ending.describe_end(None, -code if code < 0 else None, aborted=True))
            return EXIT_ABORTED
        if code < 0:
            _say(f"ERROR: {ending.describe_end(None, -code)}")
            return EXIT_FAILED
        return code

    def _status(self, code: int) -> ExitStatus:
        return {0: ExitStatus.SUCCESS, EXIT_ABORTED: ExitStatus.ABORTED}.get(code, ExitStatus.FAILURE)

    def _urge(self, child: subprocess.Popen[bytes], marked: JobFolder) -> None:
        """Ask the process to stop when that is wanted, more firmly as time goes on."""
        if not self._abort_wanted(marked):
            return
        now = time.monotonic()
        if not self._asked_at:
            self._asked_at = now
        if (
            not self._stopped
            and self._command != VIEWER
            and self._output is not None
            and self._output.is_dir()
        ):
            # Where the worker looks; it removes requests of earlier runs when it begins.
            _folder(self._output).request_abort()
        gentle = self._command == VIEWER or self._stopped or now - self._asked_at > self._patience.request
        if gentle and not self._signalled_at:
            self._signalled_at = now
            # Not through Popen, which would take note of an end that is looked for elsewhere.
            os.kill(child.pid, signal.SIGTERM)
        elif self._signalled_at and now - self._signalled_at > self._patience.signal:
            signal_group(child.pid, signal.SIGKILL)

    def _abort_wanted(self, marked: JobFolder) -> bool:
        # Once seen it stays: the worker removes requests, taking them for old, when it begins.
        self._asked = self._asked or bool(self._stopped) or marked.abort_requested()
        return self._asked

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._stopped = number

    def _record(self, pid: int, log_start: Mapping[str, int]) -> dict[str, object]:
        """What our window needs to know that somebody works in the folder."""
        found, own = identify(pid), identify(os.getpid())
        run = _folder(self._output).next_run() if self._output is not None and self._output.is_dir() else 1
        return {
            **(found.as_dict() if found else {"pid": pid, "create_time": 0.0, "start_ticks": None}),
            "host": host_name(),
            "run": run,
            "viewer": self._command == VIEWER,
            "started": _now(),
            "keeper": own.as_dict() if own else None,
            "log_start": log_start,
        }

    def _write(self, record: Mapping[str, object]) -> None:
        if self._output is not None and self._output.is_dir():
            with contextlib.suppress(OSError):  # only our window looks at it
                ending.write_worker_file(str(self._output), dict(record))


def _folder(path: Path) -> JobFolder:
    return JobFolder(path.parent, path.name)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _is_alive(folder: JobFolder) -> bool:
    """Tell whether somebody computes in a folder on this machine; looking at it does not count."""
    record = read_worker(folder.path)
    if record is None or ending.read_worker_file(str(folder.path)).get("viewer"):
        return False
    return bool(record.worker_alive)


def _pid_of(folder: JobFolder) -> int | None:
    record = read_worker(folder.path)
    return record.worker.pid if record is not None and record.worker is not None else None


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Tell whether a process has ended; it is not yet taken note of, so that its number stays its own."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _plain(child: subprocess.Popen[bytes]) -> int:
    """Wait for a command that leaves no marker."""
    while True:
        try:
            code = child.wait()
            return code if code >= 0 else EXIT_FAILED
        except KeyboardInterrupt:
            continue  # it has got the same and ends


def _size(folder: JobFolder | None, name: str) -> int:
    path = folder.path / name if folder is not None else None
    return path.stat().st_size if path is not None and path.exists() else 0


def _environment() -> dict[str, str]:
    environment = program_environment()
    environment["PYTHONUNBUFFERED"] = "1"
    # Count GPUs as the driver's tools do, not by speed.
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    return environment


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
