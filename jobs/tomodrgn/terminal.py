"""A terminal as commands see it: progress on standard error, results on standard output."""

from __future__ import annotations

import sys
import time
from typing import Final

_LINE_S: Final = 0.5


class Terminal:
    """Tells how a command gets on."""

    def __init__(self) -> None:
        self._shown = 0.0

    def say(self, text: str) -> None:
        """Write a line to standard error."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def result(self, text: str) -> None:
        """Write a line to standard output."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def progress(self, what: str, done: int, of: int) -> None:
        """Rewrite the progress line, at most twice a second."""
        now = time.monotonic()
        if done >= of or now - self._shown >= _LINE_S:
            self._shown = now
            sys.stderr.write(f"\r{what}: {done} of {of}    " + ("\n" if done >= of else ""))
            sys.stderr.flush()


def device_named(gpu_id: str, terminal: Terminal) -> str:
    """Return the device that a command line asks for, and say so when it is another one.

    Raises
    ------
    UserError
        When it names no GPU, or one that is not there.
    """
    from jobs.core.devices import choose_devices

    devices, remark = choose_devices(gpu_id)
    if remark:
        terminal.say(remark)
    return devices[0]
