"""What can be done with jobs: stopping, marking, naming, deleting and bringing back, overwriting."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.gui import housekeeping_commands, job_commands
from app.gui.job_commands import check_alias
from app.gui.main_window import MainWindow
from app.project.project import Project
from app.runner.outcome import read_worker
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, type_into, wait_for_status

Asked = Callable[..., list[dict[str, Any]]]
NAME = "DynaMight/job002/"
CONTROL = Qt.KeyboardModifier.ControlModifier


def folder(window: MainWindow) -> Path:
    assert window.project_path is not None
    return window.project_path


def begin(qtbot: Any, window: MainWindow, seed: str) -> str:
    """Start the fake with a seed that tells how it is to behave."""
    fill_in_tutorial(qtbot, window)
    type_into(qtbot, window, "seed", seed)
    return start(qtbot, window)


def test_that_a_failure_is_told_in_words_with_the_log_one_click_away(qtbot: Any, window: MainWindow) -> None:
    name = begin(qtbot, window, "13")
    wait_for_status(qtbot, window, name, "Failed")
    told = window.message_bar.messages()[-1]
    assert "the box of the map is 60 px, that of the particles 64 px" in told
    window.panes.reveal("io")
    window.message_bar.action.click()
    assert window.message_bar.action.text() == "Show log"
    assert window.panes.docks["logs"].isVisible()
    qtbot.waitUntil(lambda: "ERROR" in window.logs.err.lines()[0], timeout=4000)
    assert "60 px" in window.page.reason_text()
    assert window.page.run_button.isEnabled()


def test_that_a_killed_worker_is_a_failed_job_within_five_seconds(qtbot: Any, window: MainWindow) -> None:
    name = begin(qtbot, window, "19")
    wait_for_status(qtbot, window, name, "Running")
    qtbot.waitUntil(lambda: any("Epoch 2 of" in line for line in window.logs.out.lines()), timeout=8000)
    record = read_worker(folder(window) / name)
    assert record is not None
    assert record.worker is not None
    killed = time.monotonic()
    os.kill(record.worker.pid, signal.SIGKILL)
    wait_for_status(qtbot, window, name, "Failed")
    assert time.monotonic() - killed < 5.0
    assert "kill" in window.message_bar.messages()[-1].lower()


def test_that_the_message_of_a_killed_run_is_gone_when_the_next_one_begins_and_ends(
    qtbot: Any, window: MainWindow
) -> None:
    window.message_bar.show_warning("Something else.")
    name = begin(qtbot, window, "23")
    wait_for_status(qtbot, window, name, "Failed")
    qtbot.waitUntil(lambda: "SIGKILL" in window.message_bar.text.text(), timeout=5000)
    assert start(qtbot, window) == name
    wait_for_status(qtbot, window, name, "Succeeded")
    qtbot.waitUntil(lambda: len(window.message_bar.messages()) > 1, timeout=5000)
    other, success = window.message_bar.messages()
    assert other == "Something else."
    assert success.startswith("DynaMight/job002: ") and "SIGKILL" not in success
    assert window.message_bar.more.text() == "+1 more"


def test_that_a_job_can_be_aborted_and_taken_up_again(qtbot: Any, window: MainWindow, asked: Asked) -> None:
    questions = asked("abort")
    name = begin(qtbot, window, "19")
    wait_for_status(qtbot, window, name, "Running")
    qtbot.waitUntil(lambda: any("Epoch 2 of" in line for line in window.logs.out.lines()), timeout=8000)
    window.actions_by_key["abort"].trigger()
    wait_for_status(qtbot, window, name, "Aborted")
    assert "30 s" in questions[0]["text"]
    assert window.page.run_button.text() == "Continue!"
    assert window.page.run_button.isEnabled()


def test_that_a_job_outlives_the_window_and_is_found_again(
    qtbot: Any, window: MainWindow, make_window: Callable[..., MainWindow], asked: Asked
) -> None:
    asked("abort")
    name = begin(qtbot, window, "19")
    wait_for_status(qtbot, window, name, "Running")
    path = folder(window)
    window.close()
    record = read_worker(path / name)
    assert record is not None
    assert record.worker_alive
    again = make_window(path)
    assert again.entries[name].status == "Running"
    again.select(name)
    wait_for_status(qtbot, again, name, "Running")
    again.actions_by_key["abort"].trigger()
    wait_for_status(qtbot, again, name, "Aborted")


def test_that_deleting_lists_the_dependants_and_takes_them_along(
    qtbot: Any, window: MainWindow, asked: Asked
) -> None:
    questions = asked("delete")
    name = schedule(qtbot, window)
    choose(qtbot, window, REFINEMENT)
    window.actions_by_key["delete"].trigger()
    qtbot.waitUntil(lambda: not window.entries, timeout=5000)
    assert [line.split("   ")[0] for line in questions[0]["items"]] == [
        "001: Refine3D/job001/",
        "002: DynaMight/job002/",
    ]
    assert not (folder(window) / name).exists()
    assert (folder(window) / "Trash" / name / "job.star").exists()
    assert window.page.details is None


def test_that_nothing_is_deleted_without_a_yes(qtbot: Any, window: MainWindow, asked: Asked) -> None:
    questions = asked("")
    choose(qtbot, window, REFINEMENT)
    window.actions_by_key["delete"].trigger()
    qtbot.waitUntil(lambda: bool(questions), timeout=4000)
    qtbot.wait(300)
    assert REFINEMENT in window.entries
    assert (folder(window) / REFINEMENT / "job.star").exists()


def test_that_a_deleted_job_comes_back_from_the_trash(
    qtbot: Any, window: MainWindow, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked("delete")
    name = schedule(qtbot, window)
    choose(qtbot, window, name)
    window.actions_by_key["delete"].trigger()
    qtbot.waitUntil(lambda: name not in window.entries, timeout=5000)
    monkeypatch.setattr(
        housekeeping_commands, "ask_undelete", lambda _window, lines: [line.key for line in lines]
    )
    window.actions_by_key["undelete"].trigger()
    qtbot.waitUntil(lambda: name in window.entries, timeout=5000)
    assert (folder(window) / name / "job.star").exists()


def test_that_a_deletion_is_undone_with_one_key_or_the_button_of_its_message(
    qtbot: Any, window: MainWindow, asked: Asked
) -> None:
    name = schedule(qtbot, window)
    undo = window.actions_by_key["undo_delete"]
    jobs = window.jobs.finished.view

    def press() -> None:
        window.activateWindow()
        qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=5000)
        jobs.setFocus()
        QTest.keyClick(jobs, Qt.Key.Key_Z, CONTROL)

    for bring_back in (window.message_bar.action.click, press):
        asked("delete")
        choose(qtbot, window, REFINEMENT)
        assert not undo.isEnabled()
        window.actions_by_key["delete"].trigger()
        qtbot.waitUntil(lambda: not window.entries and undo.isEnabled(), timeout=5000)
        assert window.message_bar.messages()[-1] == "Refine3D/job001 and 1 more were moved to the trash."
        bring_back()
        qtbot.waitUntil(lambda: {REFINEMENT, name} == set(window.entries), timeout=5000)
        qtbot.waitUntil(lambda: window.wanted == REFINEMENT, timeout=5000)
        assert (folder(window) / name / "job.star").exists()
        assert not undo.isEnabled() and not window.message_bar.isVisible()


def test_that_the_trash_is_emptied_after_a_question_only(
    qtbot: Any, window: MainWindow, asked: Asked
) -> None:
    questions = asked("delete", "", "empty")
    name = schedule(qtbot, window)
    choose(qtbot, window, name)
    window.actions_by_key["delete"].trigger()
    qtbot.waitUntil(lambda: name not in window.entries, timeout=5000)
    trash = folder(window) / "Trash"
    window.actions_by_key["empty_trash"].trigger()
    qtbot.waitUntil(lambda: len(questions) == 2, timeout=4000)
    assert trash.exists()
    window.actions_by_key["empty_trash"].trigger()
    qtbot.waitUntil(lambda: not trash.exists(), timeout=4000)


def test_that_an_alias_is_given_and_taken_away(
    qtbot: Any, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(qtbot, window, REFINEMENT)
    for alias in ("best", ""):
        monkeypatch.setattr(job_commands.forms, "ask_line", lambda *_args, word=alias: word)
        window.actions_by_key["set_alias"].trigger()
        qtbot.waitUntil(lambda word=alias: window.entries[REFINEMENT].alias == word, timeout=4000)
        assert (folder(window) / "Refine3D" / "best").is_symlink() is bool(alias)


@pytest.mark.parametrize(
    ("alias", "word"), [("a", "two"), ("job7", "job"), ("a/b", "/"), ("NoneSuch", "None"), ("x{y", "{")]
)
def test_that_an_alias_which_relion_refuses_is_refused_while_typing(alias: str, word: str) -> None:
    assert word in check_alias(alias)


def test_that_a_good_alias_is_accepted() -> None:
    assert check_alias("hinge 25 degrees") == ""


def test_that_marking_changes_the_status_in_the_project(qtbot: Any, window: MainWindow) -> None:
    choose(qtbot, window, REFINEMENT)
    window.actions_by_key["mark_failed"].trigger()
    qtbot.waitUntil(lambda: window.entries[REFINEMENT].status == "Failed", timeout=4000)
    assert Project.open(folder(window)).process(REFINEMENT).status == "Failed"
    qtbot.waitUntil(window.actions_by_key["mark_finished"].isEnabled, timeout=4000)
    window.actions_by_key["mark_finished"].trigger()
    qtbot.waitUntil(lambda: window.entries[REFINEMENT].status == "Succeeded", timeout=4000)


def test_that_overwriting_runs_anew_in_a_folder_of_the_same_name(
    qtbot: Any, window: MainWindow, asked: Asked
) -> None:
    questions = asked("overwrite")
    name = start_quickly(qtbot, window)
    (folder(window) / name / "old_result.mrc").write_bytes(b"old")
    window.actions_by_key["toggle_overwrite"].trigger()
    assert window.page.run_button.text() == "Overwrite!"
    form = window.page.current_form
    assert form is not None
    assert form.rows["fn_star"].editor.isEnabled()
    type_into(qtbot, window, "nr_gaussians", "9000")
    qtbot.waitUntil(lambda: not form.checking, timeout=5000)
    window.page.run_button.click()
    wait_for_status(qtbot, window, name, "Running")
    wait_for_status(qtbot, window, name, "Succeeded")
    assert questions[0]["title"] == "Overwrite DynaMight/job002?"
    assert list(window.entries) == [REFINEMENT, name]
    assert not (folder(window) / name / "old_result.mrc").exists()
    assert (folder(window) / "Trash" / name / "old_result.mrc").read_bytes() == b"old"
    assert window.page.details is not None
    assert window.page.details.values["nr_gaussians"] == "9000"
    assert [run.number for run in window.page.details.runs] == [1]
    assert Project.open(folder(window)).pipeline.counter == 3


def test_that_a_note_is_saved_without_losing_what_was_appended_meanwhile(
    qtbot: Any, window: MainWindow
) -> None:
    window.select(REFINEMENT)
    qtbot.waitUntil(lambda: window.note.text.toPlainText() != "", timeout=4000)
    path = folder(window) / REFINEMENT / "note.txt"
    with path.open("a") as note:
        note.write("appended by another program\n")
    window.note.text.setPlainText("A refinement made elsewhere.\nThe best one.\n")
    window.note.flush()
    qtbot.waitUntil(lambda: "The best one." in path.read_text(), timeout=4000)
    assert path.read_text() == ("A refinement made elsewhere.\nThe best one.\nappended by another program\n")


def test_that_the_settings_of_the_last_job_are_there_at_the_next_start(
    qtbot: Any, window: MainWindow, make_window: Callable[..., MainWindow]
) -> None:
    schedule(qtbot, window)
    path = folder(window)
    window.close()
    again = make_window(path)
    form = again.page.current_form
    assert form is not None
    qtbot.waitUntil(lambda: form.values()["initial_threshold"] == "0.015", timeout=4000)
    assert form.mode == "new"


def start_quickly(qtbot: Any, window: MainWindow) -> str:
    """Run the tutorial's first job to its end."""
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    return name


def schedule(qtbot: Any, window: MainWindow) -> str:
    """Enter the tutorial's first job without running it."""
    fill_in_tutorial(qtbot, window)
    window.page.schedule_button.click()
    wait_for_status(qtbot, window, NAME, "Scheduled")
    return NAME


def choose(qtbot: Any, window: MainWindow, name: str) -> None:
    """Choose a job and wait until it is shown."""
    window.select(name)
    qtbot.waitUntil(
        lambda: window.page.details is not None and window.page.details.entry.name == name, timeout=4000
    )
