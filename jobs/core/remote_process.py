"""Starting the process that holds a model, hearing what it writes, and saying in words how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from jobs.core import remote_wire
from jobs.core.errors import UserError

#: Folder that holds the package `jobs`.
_PACKAGES: Final = Path(__file__).resolve().parents[2]
_END_S: Final = 5.0
_LOG_BYTES: Final = 8192
_AGAIN: Final = "Open the model again"
_WORDS: Final = {
    signal.SIGKILL: "killed",
    signal.SIGTERM: "terminated",
    signal.SIGSEGV: "crashed: segmentation fault",
    signal.SIGBUS: "crashed: bus error",
    signal.SIGFPE: "crashed: arithmetic error",
    signal.SIGABRT: "crashed: aborted itself",
}


class Ending(NamedTuple):
    """What is said to those who ask a process that is gone."""

    message: str
    hint: str = _AGAIN
    details: str = ""


class ModelProcess:
    """A process of ours at the other end of a socket; it ends whenever we do.

    Parameters
    ----------
    arguments
        Command line after ``python -P -m``.
    folder
        Current folder of the process.

    Raises
    ------
    UserError
        If it cannot be started.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        # Without a name: nothing is left of it, and a process that writes much is never held up.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process is let go
        self._last_words = ""
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        remote_wire.prepare(self.channel)
        # Nothing is ever written into this pipe. When its only writing end closes, by whatever end of ours,
        # the kernel ends the process that listens to it, even in the middle of a computation.
        listen, speak = os.pipe()
        self._lifeline = os.fdopen(speak, "wb", 0)
        try:
            socket.send_fds(self.channel, [b"L"], [listen])
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *arguments],
                stdin=theirs.fileno(),
                stdout=self._log,
                stderr=self._log,
                cwd=folder,
                env=_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for the window
            )
        except OSError as error:
            self.let_go()
            reason = error.strerror or type(error).__name__
            raise UserError(f"No process for the model could be started ({reason})", path=folder) from None
        finally:
            theirs.close()
            os.close(listen)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def log(self) -> str:
        """Return the last that the process has written, such as warnings of libraries."""
        if self._log.closed:
            return self._last_words
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), _LOG_BYTES, max(0, size - _LOG_BYTES)).decode(errors="replace")

    def kill(self) -> None:
        """End it at once, and whoever listens to it; it holds nothing that would have to be saved."""
        self._process.kill()
        with contextlib.suppress(OSError):  # it has hung up already
            self.channel.shutdown(socket.SHUT_RDWR)

    def wait(self) -> None:
        """Wait until it is gone."""
        self._process.wait()

    def let_go(self) -> None:
        """Close our ends of everything that connects us to it."""
        self._last_words = self.log()
        for end in (self.channel, self._lifeline, self._log):
            end.close()

    def ending(self, reason: str = "") -> Ending:
        """Say how it ended, once it has stopped to answer.

        Parameters
        ----------
        reason
            Why it is ended now, if it has not ended by itself.
        """
        if reason:
            self._process.kill()
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code, reason = self._process.wait(), reason or "it did not answer"
        log = self.log()
        hint = _AGAIN
        if not reason and code < 0:
            reason = _WORDS.get(signal.Signals(-code), signal.Signals(-code).name)
            if -code == signal.SIGKILL:
                hint = f"{_AGAIN}; if this happens again, memory may be short: close other programs"
        elif not reason:
            said = next((line.strip() for line in reversed(log.split("\n")) if line.strip()), "")
            reason = f"exit code {code}" + (f": {said}" if said else "")
        return Ending(f"The process that holds the model ended ({reason})", hint, log)


def _environment() -> dict[str, str]:
    """Return an environment in which our packages are found, and nothing in the current folder is."""
    known = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    places = dict.fromkeys([str(_PACKAGES), *known])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(places),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
    }
