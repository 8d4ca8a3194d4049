"""The window at home on a mounted project: a job of another machine is followed and aborted by files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.gui.main_window import MainWindow
from app.project.project import Project
from app.runner import abort, outcome, processes
from jobs import registry
from jobs.simulate.params import JOB_TYPE as SIMULATE
from tests.support.jobs import wait_until

JOB = "Simulate/job001/"
#: Far more images than are ever made here: the job lasts until it is aborted.
N_IMAGES = 100_000
PATIENCE_MS = 60_000


@pytest.fixture
def node(tmp_path: Path) -> dict[str, str]:
    """Environment of the distant machine: a home of its own, and no display."""
    home = tmp_path / "home_on_node"
    home.mkdir()
    kept = {
        k: v for k, v in os.environ.items() if "DISPLAY" not in k and not k.startswith(("XDG_", "PYTHON"))
    }
    return {**kept, "HOME": str(home)}


@pytest.fixture
def mounted(tmp_path: Path, node: dict[str, str]) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A project on which the other machine works, started by its command line."""
    path = tmp_path / "mounted"
    path.mkdir()
    Project.create(path)
    words = ["run", "simulate", "--project", str(path), "--nr_images", str(N_IMAGES), "--box_size", "32"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app", *words],
        env=node,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield path, process
    finally:
        # a worker that was not aborted ends by the file as well
        if process.poll() is None and (path / JOB).is_dir():
            (path / JOB / "RELION_JOB_ABORT_NOW").touch()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be on a machine of another name, and touch no process of the distant one."""

    def forbidden(*_arguments: object, **_named: object) -> bool:
        raise AssertionError("a process of another machine was looked at or ended")

    monkeypatch.setattr(socket, "gethostname", lambda: "laptop-at-home")
    monkeypatch.setattr(outcome, "is_alive", forbidden)
    monkeypatch.setattr(abort, "end_group", forbidden)
    monkeypatch.setattr(processes, "end_group", forbidden)


def test_that_a_job_of_another_machine_is_followed_and_aborted_through_files_only(
    qtbot: Any,
    make_window: Callable[..., MainWindow],
    mounted: tuple[Path, subprocess.Popen[str]],
    at_home: None,
    asked: Callable[..., list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, process = mounted
    monkeypatch.setitem(registry.JOB_TYPES, "simulate", SIMULATE)
    worker_file = path / JOB / "worker.json"
    wait_until(lambda: worker_file.exists() or process.poll() is not None, PATIENCE_MS / 1000)
    assert process.poll() is None, process.communicate()
    started = json.loads(worker_file.read_text())
    assert started["host"] not in ("", "laptop-at-home")

    window = make_window(path)
    window.select(JOB)
    qtbot.waitUntil(
        lambda: window.page.details is not None and window.page.details.entry.name == JOB, timeout=PATIENCE_MS
    )
    # log and progress come by themselves
    qtbot.waitUntil(lambda: "images: 1" in window.logs.out.text.toPlainText(), timeout=PATIENCE_MS)
    assert window.entries[JOB].status == "Running"
    # nobody here could know whether it lives, so it is not taken for dead
    assert not list((path / JOB).glob("RELION_JOB_EXIT_*"))

    questions = asked("abort")
    window.actions_by_key["abort"].trigger()
    assert JOB.rstrip("/") in questions[0]["title"]
    qtbot.waitUntil(lambda: window.entries[JOB].status == "Aborted", timeout=PATIENCE_MS)
    assert (path / JOB / "RELION_JOB_EXIT_ABORTED").exists()
    told, _ = process.communicate(timeout=PATIENCE_MS / 1000)
    assert process.returncode == 130
    assert told.splitlines()[-1] == JOB
    # the worker ended by itself, not by a signal
    assert json.loads(worker_file.read_text())["signal"] is None
