"""Where windows are drawn."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.virtual_screen import find_screen

_SHOT = (
    "import sys; from PySide6.QtWidgets import QApplication, QLabel; a = QApplication([]); w = QLabel('x');"
    "w.resize(120, 80); w.show(); a.processEvents(); sys.exit(not w.grab().save(sys.argv[1]))"
)


def without_display() -> dict[str, str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return {name: value for name, value in os.environ.items() if name not in hidden}


def place_of(display: str) -> Path:
    """Where an X server listens."""
    return Path("/tmp/.X11-unix") / f"X{display.removeprefix(':')}"


def greet(place: Path) -> bytes:
    """Connect to an X server as every program does, and return the first byte of its answer: 1 is welcome."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(place))
        connection.send(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        return connection.recv(1)


def test_that_a_window_can_be_pictured_where_there_is_no_display(tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    with find_screen(without_display()) as screen:
        assert not screen.is_seen
        subprocess.run(
            [sys.executable, "-P", "-c", _SHOT, str(picture)],
            env=dict(screen.environment),
            check=True,
            timeout=60,
        )
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_that_memory_serves_where_there_is_no_virtual_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with find_screen(without_display()) as screen:
        assert screen.kind == "memory"
        assert screen.environment["QT_QPA_PLATFORM"] == "offscreen"


def test_that_the_virtual_display_ends_with_the_block() -> None:
    with find_screen(without_display()) as screen:
        display = screen.environment.get("DISPLAY", "")
    assert display == "" or not place_of(display).exists()


def test_that_a_display_that_is_only_named_is_not_believed() -> None:
    with find_screen({**without_display(), "DISPLAY": ":87654"}) as screen:
        assert screen.kind != "screen"


def test_that_programs_one_after_the_other_are_all_welcome_on_the_virtual_display() -> None:
    with find_screen(without_display()) as screen:
        assert screen.kind == "virtual"
        place = place_of(screen.environment["DISPLAY"])
        for k in range(120):
            assert greet(place) == b"\x01", f"program {k} was refused"
            time.sleep(0.002 * (k % 5))
