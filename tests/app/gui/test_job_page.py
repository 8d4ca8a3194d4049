"""The page of a job: what RELION's users expect of clicks, fields and the start button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt

from app.gui.main_window import MainWindow
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, type_into, wait_for_status


def test_that_a_click_on_the_type_of_a_shown_job_copies_its_parameters(
    qtbot: Any, window: MainWindow
) -> None:
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    item = window.types.item(0)
    qtbot.mouseClick(
        window.types.viewport(), Qt.MouseButton.LeftButton, pos=window.types.visualItemRect(item).center()
    )
    form = window.page.current_form
    assert form is not None
    assert window.page.details is None
    assert form.mode == "new"
    assert form.values()["initial_threshold"] == "0.015"
    assert window.page.run_button.text() == "Run!"
    assert window.page.run_button.isEnabled()


def test_that_run_waits_for_a_change_after_a_start(qtbot: Any, window: MainWindow) -> None:
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    assert not window.page.run_button.isEnabled()
    wait_for_status(qtbot, window, name, "Succeeded")
    assert not window.page.run_button.isEnabled()
    assert "Change something" in window.page.run_button.toolTip()
    type_into(qtbot, window, "nr_threads", "2")
    assert window.page.run_button.isEnabled()


def test_that_typing_while_a_job_runs_survives_its_end(qtbot: Any, window: MainWindow) -> None:
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Running")
    type_into(qtbot, window, "other_args", "typed meanwhile")
    wait_for_status(qtbot, window, name, "Succeeded")
    form = window.page.current_form
    assert form is not None
    assert form.values()["other_args"] == "typed meanwhile"


def test_that_a_wrong_field_keeps_the_job_from_starting_and_is_shown(qtbot: Any, window: MainWindow) -> None:
    type_into(qtbot, window, "fn_star", "Refine3D/job001/missing.star")
    form = window.page.current_form
    assert form is not None
    qtbot.waitUntil(lambda: form.has_errors() and not form.checking, timeout=5000)
    qtbot.mouseClick(window.page.run_button, Qt.MouseButton.LeftButton)
    assert "missing.star does not exist" in window.message_bar.messages()[-1]
    assert window.page.details is None
    assert list(window.entries) == [REFINEMENT]


def test_that_a_job_of_another_program_is_shown_to_be_read_only(qtbot: Any, window: MainWindow) -> None:
    window.jobs.finished.select(REFINEMENT)
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=4000)
    page = window.page
    assert page.job_type is None
    assert not page.run_button.isVisible()
    table = page.foreign.table
    shown = {table.item(row, 2).text(): table.item(row, 1).text() for row in range(table.rowCount())}
    assert shown == {"fn_img": "Extract/job012/particles.star", "sym_name": "D2", "do_zero_mask": "Yes"}
    qtbot.waitUntil(
        lambda: window.logs.out.lines()[0] == "Auto-refine: Refinement has converged", timeout=4000
    )
    assert window.io.outputs.tree.topLevelItemCount() == 1
    assert window.note.text.toPlainText() == "A refinement made elsewhere.\n"
    assert not window.actions_by_key["clone"].isEnabled()


def test_that_the_command_is_shown_with_the_number_the_job_would_get(
    qtbot: Any, window: MainWindow, asked: Callable[..., list[dict[str, Any]]]
) -> None:
    questions = asked("")
    fill_in_tutorial(qtbot, window)
    qtbot.mouseClick(window.page.command_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(questions), timeout=4000)
    command = questions[0]["copyable"]
    assert "DynaMight/job002/" in command
    assert " -P -m fake_motion " in command
    assert window.project_path is not None
    assert not (window.project_path / "DynaMight").exists()


def test_that_schedule_enters_the_job_and_run_now_starts_it(qtbot: Any, window: MainWindow) -> None:
    fill_in_tutorial(qtbot, window)
    qtbot.mouseClick(window.page.schedule_button, Qt.MouseButton.LeftButton)
    name = "DynaMight/job002/"
    wait_for_status(qtbot, window, name, "Scheduled")
    assert window.jobs.scheduled.selected() == name
    assert window.page.run_button.text() == "Run now!"
    window.show_new("dynamight")
    window.jobs.scheduled.select(name)
    wait_for_status(qtbot, window, name, "Scheduled")
    qtbot.waitUntil(window.page.run_button.isEnabled, timeout=4000)
    form = window.page.current_form
    assert form is not None
    qtbot.waitUntil(lambda: not form.checking, timeout=4000)
    qtbot.mouseClick(window.page.run_button, Qt.MouseButton.LeftButton)
    wait_for_status(qtbot, window, name, "Succeeded")


def test_that_an_alias_typed_before_the_start_is_given_to_the_job(qtbot: Any, window: MainWindow) -> None:
    fill_in_tutorial(qtbot, window)
    qtbot.keyClicks(window.page.alias, "hinge")
    name = start(qtbot, window)
    qtbot.waitUntil(lambda: window.entries[name].alias == "hinge", timeout=4000)
    assert window.project_path is not None
    assert (window.project_path / "DynaMight" / "hinge").is_symlink()
