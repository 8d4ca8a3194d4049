"""The demo in the window, from the filled-in form to the report, with the buttons a person presses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.gui.demo_guide import DemoGuide
from app.gui.main_window import MainWindow
from tests.app.gui.acting import REFINEMENT, start, wait_for_status


def offered(window: MainWindow) -> QPushButton:
    """Return the button of the message bar."""
    return window.message_bar.action


def test_that_the_demo_leads_from_the_training_to_the_report(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[Any] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: pages.append(url) or True)
    window.demo = DemoGuide(window)
    window.demo.fill_in({"fn_star": f"{REFINEMENT}run_data.star", "fn_map": f"{REFINEMENT}run_class001.mrc"})
    assert "Press Run!" in window.message_bar.text.text()
    window.panes.reveal("flowchart")
    qtbot.mouseClick(offered(window), Qt.MouseButton.LeftButton)
    assert not window.page.run_button.visibleRegion().isEmpty()
    name = start(qtbot, window)
    for label in ("Estimate inverse deformations", "Deformed backprojection"):
        wait_for_status(qtbot, window, name, "Succeeded")
        qtbot.waitUntil(lambda label=label: offered(window).text() == label, timeout=10000)
        qtbot.mouseClick(offered(window), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "press Continue!" in window.message_bar.text.text(), timeout=5000)
        assert window.page.run_button.text() == "Continue!"
        start(qtbot, window)
        wait_for_status(qtbot, window, name, "Running")
    qtbot.waitUntil(lambda: offered(window).text() == "Explore", timeout=15000)
    qtbot.mouseClick(offered(window), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: offered(window).text() == "Report…", timeout=5000)
    qtbot.waitUntil(lambda: window.explorer_commands.is_shown, timeout=30000)
    qtbot.mouseClick(offered(window), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(pages), timeout=30000)
    assert Path(pages[0].toLocalFile()).suffix == ".html"
    assert "That was the demo" in window.message_bar.text.text()


def test_that_another_job_of_the_project_is_not_part_of_the_demo(qtbot: QtBot, window: MainWindow) -> None:
    window.demo = DemoGuide(window)
    values = {"fn_star": f"{REFINEMENT}run_data.star", "fn_map": f"{REFINEMENT}run_class001.mrc"}
    window.show_new("dynamight", values)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    qtbot.waitUntil(lambda: name.rstrip("/") in window.message_bar.text.text(), timeout=5000)
    assert not offered(window).isVisible()
