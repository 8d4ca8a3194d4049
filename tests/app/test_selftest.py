"""The graphics self-test: what it finds here, and what it advises where something is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import selftest, selftest_advice
from app.selftest import Probed
from app.virtual_screen import find_screen


def test_that_without_a_display_it_says_what_to_do_instead_of_crashing(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment |= {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22", "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "selftest", "--json"],
        capture_output=True,
        text=True,
        timeout=200,
        env=environment,
    )
    found = {entry["key"]: entry for entry in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert found["qt"]["state"] == "bad"
    assert "logged in over SSH without a display" in found["qt"]["hint"]
    assert found["compute"]["state"] in ("good", "doubtful")


def test_that_on_the_virtual_display_everything_is_drawn_and_computed_rightly() -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "SSH_CONNECTION")
    with find_screen({k: v for k, v in os.environ.items() if k not in hidden}, hidden=True) as screen:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "app", "selftest", "--json"],
            capture_output=True,
            text=True,
            timeout=300,
            env=dict(screen.environment),
        )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [entry["key"] for entry in found] == ["machine", "qt", "opengl", "scene", "compute"]
    assert done.returncode == 0, done.stdout
    by_key = {entry["key"]: entry for entry in found}
    assert by_key["qt"]["state"] == "good"
    assert "slow" in by_key["opengl"]["hint"]  # the processor draws
    assert by_key["scene"]["state"] == "good", by_key["scene"]
    assert "pixels are right" in by_key["scene"]["found"]


def test_that_missing_libraries_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "libxcb-cursor.so.0: cannot open shared object file: No such file or directory"
    monkeypatch.setattr(selftest, "probe", lambda _name: Probed({}, "the process was ended by SIGABRT", said))
    finding = selftest.look_at_qt()
    assert finding.state == "bad"
    assert "sudo apt install libxcb-cursor0" in finding.hint
    assert "sudo dnf install xcb-util-cursor" in finding.hint


@pytest.mark.parametrize(
    ("facts", "state", "hint"),
    [
        ({"format": "4.6", "version": "4.6", "renderer": "NVIDIA A100", "vendor": "NVIDIA"}, "good", ""),
        ({"format": "4.5", "version": "4.5", "renderer": "llvmpipe", "vendor": "Mesa"}, "doubtful", "slow"),
        ({"format": "1.4", "version": "1.4", "renderer": "Indirect", "vendor": "SGI"}, "bad", "OpenGL 2.1"),
    ],
)
def test_that_opengl_is_judged(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, str], state: str, hint: str
) -> None:
    monkeypatch.setattr(selftest, "probe", lambda _name: Probed(facts))
    finding = selftest.look_at_opengl()
    assert finding.state == state
    assert hint in finding.hint


def test_that_wrong_numbers_of_a_card_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    card = {"name": "Card", "memory_gib": 8, "free_gib": 7, "error": 0.3}
    facts = {"torch": "2", "cuda": "12", "devices": [card], "cupy": {}}
    monkeypatch.setattr(selftest, "probe", lambda _name: Probed(facts))
    finding = selftest.look_at_computing()
    assert (finding.state, finding.hint) == ("bad", selftest_advice.WRONG_NUMBERS)


def test_that_a_probe_that_crashes_or_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert selftest.probe("qt").problem == "the process ended with code 1"
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "could not be started" in selftest.probe("qt").problem
