"""Smaller parts: machine, problems, messages, notes, slow answers."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QLabel, QListWidget, QPlainTextEdit, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from jobs.core.errors import Problem
from widgets import style
from widgets.background import Newest
from widgets.copy_block import CopyBlock
from widgets.empty_state import EmptyState
from widgets.message_bar import MessageBar
from widgets.note_editor import NoteEditor
from widgets.problem_list import ProblemList


def test_that_problems_are_listed_errors_first_and_lead_to_their_field(qtbot: QtBot) -> None:
    widget = ProblemList()
    qtbot.addWidget(widget)
    widget.show()
    widget.set_problems(
        [
            Problem("Many Gaussians need much memory", severity="warning"),
            Problem("the box is 128, that of the particles 256", "fn_map", "Choose another map"),
        ],
        {"fn_map": "Consensus map:"},
    )
    assert widget.texts() == [
        "Consensus map: the box is 128, that of the particles 256. Choose another map.",
        "Many Gaussians need much memory.",
    ]
    items = widget.findChild(QListWidget, "problem_items")
    assert items is not None
    with qtbot.waitSignal(widget.field_requested) as signal:
        qtbot.mouseClick(
            items.viewport(), Qt.MouseButton.LeftButton, pos=items.visualItemRect(items.item(0)).center()
        )
    assert signal.args == ["fn_map"]
    widget.set_problems([])
    assert widget._body.empty.message() == "No problems"
    assert widget._body.is_empty


@pytest.fixture
def bar(qtbot: QtBot) -> MessageBar:
    widget = MessageBar()
    qtbot.addWidget(widget)
    widget.resize(700, 60)
    return widget


def test_that_an_error_stays_and_its_log_is_one_click_away(qtbot: QtBot, bar: MessageBar) -> None:
    asked: list[str] = []
    bar.show_error(
        "DynaMight/job034/ failed: the stack is truncated.", "Show log", lambda: asked.append("log")
    )
    assert bar.isVisible()
    assert not bar.isModal()
    button = bar.findChild(QPushButton, "message_action")
    assert button is not None
    assert button.text() == "Show log"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked == ["log"]
    assert bar.isVisible()
    assert not bar._timer.isActive()


def test_that_messages_wait_for_each_other_and_are_not_repeated(qtbot: QtBot, bar: MessageBar) -> None:
    bar.show_error("first")
    bar.show_warning("second")
    bar.show_error("first")
    assert bar.messages() == ["second", "first"]
    more = bar.findChild(QLabel, "message_more")
    text = bar.findChild(QLabel, "message_text")
    close = bar.findChild(QToolButton, "message_close")
    assert more is not None
    assert text is not None
    assert close is not None
    assert more.text() == "+1 more"
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    assert text.text() == "second"
    qtbot.keyClick(bar, Qt.Key.Key_Escape)
    assert not bar.isVisible()


def test_that_messages_about_what_has_changed_are_taken_back(bar: MessageBar) -> None:
    bar.show_error("It was killed.", about="job002")
    bar.show_warning("The disk is full.")
    bar.show_success("It ended.", about="job002")
    bar.forget("job003")
    assert bar.text.text() == "It ended." and bar.more.text() == "+2 more"
    bar.forget("job002")
    assert bar.messages() == ["The disk is full."]
    assert bar.text.text() == "The disk is full." and bar.more.text() == ""
    bar.forget("")
    assert bar.isHidden()


def test_that_good_news_leaves_by_itself(qtbot: QtBot, bar: MessageBar) -> None:
    bar.show_success("DynaMight/job034/ has finished.")
    assert bar._timer.isActive()
    bar._timer.setInterval(1)
    bar._timer.start()
    qtbot.waitUntil(lambda: not bar.isVisible())


@pytest.fixture
def note(qtbot: QtBot) -> NoteEditor:
    widget = NoteEditor()
    qtbot.addWidget(widget)
    widget.show()
    return widget


def typed(note: NoteEditor) -> QPlainTextEdit:
    found = note.findChild(QPlainTextEdit, "note_text")
    assert found is not None
    return found


def state(note: NoteEditor) -> str:
    found = note.findChild(QLabel, "note_state")
    assert found is not None
    return found.text()


def test_that_a_note_is_saved_a_moment_after_typing(qtbot: QtBot, note: NoteEditor) -> None:
    with qtbot.waitSignal(note.save_requested, timeout=3000) as signal:
        qtbot.keyClicks(typed(note), "better mask")
        assert state(note) == "Not saved yet"
    assert signal.args == ["better mask"]
    note.mark_saved("better mask")
    assert state(note) == "Saved"


def test_that_the_old_note_is_saved_before_another_jobs_is_shown(qtbot: QtBot, note: NoteEditor) -> None:
    qtbot.keyClicks(typed(note), "half a sen")
    with qtbot.waitSignal(note.save_requested) as signal:
        note.set_text("note of the other job", other_job=True)
    assert signal.args == ["half a sen"]
    assert typed(note).toPlainText() == "note of the other job"
    assert not note.is_dirty


def test_that_words_being_typed_are_never_overwritten(qtbot: QtBot, note: NoteEditor) -> None:
    note.set_text("on disk")
    qtbot.keyClicks(typed(note), "mine ")
    note.set_text("changed by somebody")
    assert typed(note).toPlainText() == "mine on disk"
    assert "changed elsewhere" in state(note)
    reload = note.findChild(QPushButton, "note_reload")
    keep = note.findChild(QPushButton, "note_keep")
    assert reload is not None
    assert keep is not None
    with qtbot.waitSignal(note.save_requested) as signal:
        qtbot.mouseClick(keep, Qt.MouseButton.LeftButton)
    assert signal.args == ["mine on disk"]
    note.set_text("changed again")
    qtbot.mouseClick(reload, Qt.MouseButton.LeftButton)
    assert typed(note).toPlainText() == "changed again"
    assert not note.is_dirty


def test_that_a_read_only_note_is_not_saved(qtbot: QtBot, note: NoteEditor) -> None:
    note.set_text("old")
    note.set_read_only(True)
    qtbot.keyClicks(typed(note), "x")
    assert typed(note).toPlainText() == "old"
    assert state(note) == "Read only"


def test_that_an_empty_state_offers_what_to_do(qtbot: QtBot) -> None:
    widget = EmptyState("folder", "No project", "Open one, or make a new one.", "Open project")
    qtbot.addWidget(widget)
    widget.show()
    assert widget.message() == "No project Open one, or make a new one."
    button = widget.findChild(QPushButton, "empty_action")
    assert button is not None
    with qtbot.waitSignal(widget.action):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_that_only_the_newest_answer_arrives(qtbot: QtBot) -> None:
    owner = QObject()
    first_runs, release = threading.Event(), threading.Event()
    asked: list[int] = []

    def slow(number: int) -> int:
        asked.append(number)
        if number == 1:
            first_runs.set()
            release.wait(3)
        return 10 * number

    newest = Newest(slow, 0, owner)
    answers: list[int] = []
    newest.answered.connect(answers.append)
    newest.request(1)
    qtbot.waitUntil(first_runs.is_set)
    for number in (2, 3, 4):
        newest.request(number)
    qtbot.wait(20)
    release.set()
    qtbot.waitUntil(lambda: not newest.pending)
    assert answers == [40]
    assert asked == [1, 4]


def test_that_the_gui_thread_is_left_alone(qtbot: QtBot) -> None:
    owner = QObject()
    newest = Newest(lambda _: threading.current_thread(), 0, owner)
    with qtbot.waitSignal(newest.answered) as signal:
        newest.request(None)
    assert signal.args[0] is not threading.main_thread()


def test_that_an_answer_nobody_wants_any_more_is_dropped(qtbot: QtBot) -> None:
    owner = QObject()
    release = threading.Event()
    newest = Newest(lambda _: release.wait(3), 0, owner)
    answers: list[object] = []
    newest.answered.connect(answers.append)
    newest.request(1)
    qtbot.waitUntil(lambda: newest._busy)
    newest.cancel()
    release.set()
    qtbot.waitUntil(lambda: not newest.pending)
    assert answers == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_every_panel_survives_a_change_of_theme(
    qtbot: QtBot, qapp: QApplication, bar: MessageBar, note: NoteEditor, theme: style.Theme
) -> None:
    bar.show_error("wrong")
    bright = style.apply_theme(qapp, theme).name == "light"
    for widget in (bar, note):
        image = widget.grab().toImage().scaled(1, 1)
        assert (image.pixelColor(0, 0).lightness() > 128) == bright
    style.apply_theme(qapp, "light")


def test_that_a_copied_command_is_what_was_given_though_its_options_hold_together(qtbot: QtBot) -> None:
    block = CopyBlock("Command")
    qtbot.addWidget(block)
    command = "heteroscope run dynamight --fn_star=a-b.star --nr_gaussians=1000"
    block.set_text(command)
    assert block.value() == command
    block.button.click()
    assert QApplication.clipboard().text() == command
    block.text.selectAll()
    assert block.text.createMimeDataFromSelection().text() == command
