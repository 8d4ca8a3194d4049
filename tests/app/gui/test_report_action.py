"""The report of a job, asked for in the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QPushButton

from app.gui.main_window import MainWindow
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, wait_for_status


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that a browser was asked to show."""
    found: list[Path] = []

    def take(url: QUrl) -> bool:
        found.append(Path(url.toLocalFile()))
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", take)
    return found


def test_that_the_button_writes_the_report_and_shows_it(
    qtbot: Any, window: MainWindow, opened: list[Path]
) -> None:
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    button = window.overview.findChild(QPushButton, "overview_report")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(opened), timeout=15_000)
    assert window.project_path is not None
    assert opened == [(window.project_path / name / "report.html").resolve()]
    text = opened[0].read_text(encoding="utf-8")
    assert "It succeeded." in text
    assert "8000" in text
    assert f"job {REFINEMENT.rstrip('/')}" in text
    assert str(window.project_path / name / "report.html") in window.statusBar().currentMessage()


def test_that_a_project_that_is_only_read_asks_where_to(
    qtbot: Any, window: MainWindow, opened: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "elsewhere.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(out), ""))
    window.jobs.finished.select(REFINEMENT)
    qtbot.waitUntil(lambda: window.wanted == REFINEMENT, timeout=5000)
    window.readonly = True
    window.overview_commands.make_report()
    qtbot.waitUntil(lambda: opened == [out.resolve()], timeout=15_000)
    assert "Refine3D" in out.read_text(encoding="utf-8")
