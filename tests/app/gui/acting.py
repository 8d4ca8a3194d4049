"""What a person does in the window, for the tests."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from app.gui.main_window import MainWindow

REFINEMENT = "Refine3D/job001/"


def type_into(qtbot: Any, window: MainWindow, option: str, text: str) -> None:
    """Type a value into the field of an option, as a person does."""
    form = window.page.current_form
    assert form is not None
    form.focus_field(option)
    editor = form.rows[option].editor
    line = editor if isinstance(editor, QLineEdit) else editor.findChild(QLineEdit)
    assert line is not None, f"{option} has no line to type into"
    line.selectAll()
    qtbot.keyClicks(line, text)


def fill_in_tutorial(qtbot: Any, window: MainWindow) -> None:
    """Fill in the form as the tutorial says (its job029 is our job001)."""
    form = window.page.current_form
    assert form is not None
    type_into(qtbot, window, "fn_star", f"{REFINEMENT}run_data.star")
    type_into(qtbot, window, "fn_map", f"{REFINEMENT}run_class001.mrc")
    type_into(qtbot, window, "nr_gaussians", "8000")
    type_into(qtbot, window, "initial_threshold", "0.015")
    type_into(qtbot, window, "reg_factor", "1")
    form.rows["do_preload"].editor.set_text("Yes")
    type_into(qtbot, window, "nr_threads", "4")


def start(qtbot: Any, window: MainWindow) -> str:
    """Wait for the checks and press Run!; returns the name of the job."""
    form = window.page.current_form
    assert form is not None
    qtbot.waitUntil(lambda: not form.checking, timeout=5000)
    assert not form.has_errors(), [problem.sentence for problem in form.problems()]
    qtbot.mouseClick(window.page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
    assert window.page.details is not None
    return window.page.details.entry.name


def wait_for_status(qtbot: Any, window: MainWindow, name: str, status: str) -> None:
    """Wait until the lists and the page show a status."""
    qtbot.waitUntil(
        lambda: (
            name in window.entries
            and window.entries[name].status == status
            and window.page.details is not None
            and window.page.details.entry.status == status
        ),
        timeout=15000,
    )
