"""A running job of another program is asked to stop as RELION does it, and its settings are read in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton

from app.gui.foreign_abort import ask_to_stop
from app.gui.main_window import MainWindow
from jobs.core.errors import UserError
from tests.app.gui.acting import REFINEMENT
from tests.support.foreign import append_job, set_status

Asked = Callable[..., list[dict[str, Any]]]


def test_that_a_job_of_relion_can_be_asked_to_stop_and_its_end_is_seen(
    qtbot: Any, window: MainWindow, asked: Asked
) -> None:
    assert window.project_path is not None
    name = append_job(window.project_path)
    qtbot.waitUntil(lambda: name in window.entries, timeout=5000)
    window.jobs.running.select(name)
    advice = window.overview.summary.advice
    qtbot.waitUntil(lambda: "can be asked to stop" in advice.text.text(), timeout=5000)
    request = window.project_path / name / "RELION_JOB_ABORT_NOW"

    questions = asked("", "abort")
    assert window.actions_by_key["abort"].isEnabled()
    window.actions_by_key["abort"].trigger()
    assert "RELION_JOB_ABORT_NOW" in questions[0]["text"] and "never ended by force" in questions[0]["text"]
    assert not request.exists(), "let it run"
    (button,) = [b for b in advice.buttons if isinstance(b, QPushButton) and b.text() == "Abort…"]
    button.click()
    qtbot.waitUntil(request.exists, timeout=5000)
    qtbot.waitUntil(lambda: "was asked to stop" in advice.text.text(), timeout=5000)
    assert "was asked to stop" in window.statusBar().currentMessage()
    assert window.entries[name].status == "Running", "only its program says when it is over"

    set_status(window.project_path, name, "Aborted", marker="ABORTED")
    qtbot.waitUntil(lambda: window.overview.badge.status == "Aborted", timeout=5000)
    assert not window.actions_by_key["abort"].isEnabled()


def test_that_a_job_that_ended_meanwhile_is_left_alone(project: Path) -> None:
    name = append_job(project)
    (project / name / "RELION_JOB_EXIT_SUCCESS").touch()
    with pytest.raises(UserError, match="Class2D/job002 has ended already"):
        ask_to_stop(project, name)
    assert not (project / name / "RELION_JOB_ABORT_NOW").exists()


def test_that_settings_of_other_programs_are_read_in_words(qtbot: Any, window: MainWindow) -> None:
    window.jobs.finished.select(REFINEMENT)
    table = window.page.foreign.table
    qtbot.waitUntil(lambda: table.rowCount() == 3, timeout=4000)
    shown = [[table.item(row, column).text() for column in range(3)] for row in range(3)]
    assert shown == [
        ["Input images", "Extract/job012/particles.star", "fn_img"],
        ["Symmetry", "D2", "sym_name"],
        ["Zeros outside the mask", "Yes", "do_zero_mask"],
    ]
