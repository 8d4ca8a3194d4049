"""The deformed backprojection aborted, killed and continued in the window: what is said, and what is left."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt

from app.gui.main_window import MainWindow
from app.runner.outcome import read_worker
from jobs.core.folder import JobFolder
from tests.app.gui.test_three_steps import finish, press_continue, real, status, train

__all__ = ["real"]

ROOT = Path(__file__).resolve().parents[3]
#: Names that hold the time of a run, or what it has reached, not its result.
_NOT_RESULTS = (".json", ".log", ".png")


def results(folder: Path) -> dict[str, str]:
    """Return a checksum of every map and table a backprojection leaves."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in _NOT_RESULTS
    }


def worker_pid(window: MainWindow, name: str) -> int:
    record = read_worker(JobFolder(window.project_path or "", name).path)
    assert record is not None and record.worker is not None
    return record.worker.pid


def begin(qtbot: Any, window: MainWindow, name: str) -> None:
    """Press Continue! for the backprojection, and wait until it has begun to add images."""
    job = JobFolder(window.project_path or "", name).path
    before = len(list(job.glob("options.*.json")))
    since = (job / "metrics.jsonl").stat().st_size
    press_continue(qtbot, window, "do_reconstruct")
    qtbot.waitUntil((job / f"options.{before + 1:03d}.json").is_file, timeout=10_000)
    qtbot.waitUntil(lambda: (job / "metrics.jsonl").stat().st_size > since, timeout=90_000)
    os.kill(worker_pid(window, name), signal.SIGSTOP)  # held in the middle, however fast the machine


def outputs(window: MainWindow) -> list[str]:
    tree = window.io.outputs.tree
    tops = [tree.topLevelItem(k) for k in range(tree.topLevelItemCount())]
    files = [top.child(k) for top in tops if top is not None for k in range(top.childCount())]
    return [item.text(1) for item in files if item is not None]


def uninterrupted(project: Path, name: str, other: Path) -> subprocess.Popen[bytes]:
    """Begin the backprojection in a copy of the project, where nothing disturbs it."""
    shutil.copytree(project, other)
    command = [sys.executable, "-P", "-m", "app", "continue", name, "--do_reconstruct", "Yes"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=other, env=environment, stdout=subprocess.DEVNULL)


def test_that_a_backprojection_aborted_and_killed_in_the_window_goes_on_to_the_same_maps(
    qtbot: Any, real: MainWindow, asked: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    window, page = real, real.page
    name = train(qtbot, window)
    assert window.project_path is not None
    folder = JobFolder(window.project_path, name).path / "backprojection"
    other = uninterrupted(window.project_path, name, tmp_path / "other")

    questions = asked("abort")
    begin(qtbot, window, name)
    qtbot.waitUntil(lambda: status(window, name) == "Running", timeout=5000)
    qtbot.waitUntil(lambda: "being made" in outputs(window), timeout=5000)
    assert "missing" not in outputs(window)
    assert page.run_button.text() == "Continue!" and page.hindrance() == "The job is running."
    window.job_commands.abort()
    os.kill(worker_pid(window, name), signal.SIGCONT)
    finish(qtbot, window, name, "Aborted")
    assert "can be continued from there" in questions[0]["text"]
    assert page.reason_text() == "The job was aborted."
    assert any("aborted" in message for message in window.message_bar.messages())
    assert page.run_button.text() == "Continue!" and page.can_run(), page.hindrance()
    assert not (folder / "map_half1.mrc").exists()

    begin(qtbot, window, name)
    os.kill(worker_pid(window, name), signal.SIGKILL)
    finish(qtbot, window, name, "Failed")
    assert "SIGKILL" in page.reason_text() or "killed" in page.reason_text()
    assert page.run_button.text() == "Continue!" and page.can_run(), page.hindrance()

    press_continue(qtbot, window, "do_reconstruct")
    qtbot.waitUntil(lambda: status(window, name) == "Running", timeout=10_000)
    finish(qtbot, window, name)
    assert page.reason_text() == ""
    assert page.result.found.lead == "Deformed backprojection:" and "Resolution" in page.result.found.text
    assert other.wait(60) == 0
    whole = results(JobFolder(tmp_path / "other", name).path / "backprojection")
    assert {"map_half1.mrc", "map_half2.mrc"} <= set(whole)
    assert results(folder) == whole
    qtbot.mouseClick(page.result.all_button, Qt.MouseButton.LeftButton)
    assert window.monitor.isVisible()
