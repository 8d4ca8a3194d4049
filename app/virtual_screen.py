"""Where windows can be drawn on this machine: a screen, a virtual one (Xvfb), or memory."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

#: Width × height × colour depth of the virtual screen.
SCREEN = "1680x1050x24"
_PROBE = "from PySide6.QtGui import QGuiApplication; QGuiApplication(['probe'])"
_PROBE_S = 60.0
_START_S = 20.0


@dataclass(frozen=True)
class Screen:
    """What windows are drawn on.

    Attributes
    ----------
    kind
        ``screen``: somebody can see it; ``virtual``: an Xvfb server; ``memory``: Qt alone, without OpenGL.
    environment
        Environment of the process that opens the window.
    """

    kind: Literal["screen", "virtual", "memory"]
    environment: Mapping[str, str]

    @property
    def is_seen(self) -> bool:
        """Whether somebody sits before it."""
        return self.kind == "screen"


def _qt_starts(environment: Mapping[str, str]) -> bool:
    """Try in a process of its own, because Qt ends the process when it finds no usable display."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            check=False,
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _has_display(environment: Mapping[str, str]) -> bool:
    named = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return named and environment.get("QT_QPA_PLATFORM") not in ("offscreen", "minimal")


@contextmanager
def find_screen(base: Mapping[str, str] | None = None, *, hidden: bool = False) -> Iterator[Screen]:
    """Provide a screen for as long as the block lasts.

    Parameters
    ----------
    base
        Environment to start from; None = that of this process.
    hidden
        True: never the screen somebody sits before.

    Yields
    ------
    Screen
        The best there is: the display, a virtual one that is started here, or memory.
    """
    environment = dict(os.environ if base is None else base)
    if not hidden and _has_display(environment) and _qt_starts(environment):
        yield Screen("screen", environment)
        return
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        environment.pop(name, None)
    environment["LIBGL_ALWAYS_SOFTWARE"] = "1"
    server, display = _start_virtual()
    try:
        virtual = {**environment, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        if display and _qt_starts(virtual):
            yield Screen("virtual", virtual)
        else:
            yield Screen("memory", {**environment, "QT_QPA_PLATFORM": "offscreen"})
    finally:
        if server is not None:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _start_virtual() -> tuple[subprocess.Popen[bytes] | None, str]:
    """Start Xvfb on a display number of its own choice; returns ``(None, "")`` where there is none."""
    program = shutil.which("Xvfb")
    if program is None:
        return None, ""
    reading, writing = os.pipe()
    # A server resets itself when its last client has gone, and refuses whoever comes in that moment.
    command = [program, "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]
    try:
        server = subprocess.Popen(
            command,
            pass_fds=(writing,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal ends the demo, which then ends the server
        )
    except OSError:
        os.close(reading)
        return None, ""
    finally:
        os.close(writing)
    with os.fdopen(reading) as answer:
        ready, _, _ = select.select([answer], [], [], _START_S)
        number = answer.readline().strip() if ready else ""  # empty at once when the server gave up
    return server, f":{number}" if number else ""
