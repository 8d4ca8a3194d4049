"""Logs that grow, overwrite their lines, are searched and followed."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QPlainTextEdit, QToolButton
from pytestqt.qtbot import QtBot

from widgets.log_view import LogPanel, LogView
from widgets.terminal_text import LineAssembler, visible_line


@pytest.fixture
def log(qtbot: QtBot) -> LogView:
    view = LogView("run.out", max_lines=1000)
    qtbot.addWidget(view)
    view.resize(700, 300)
    view.show()
    return view


def text_of(view: LogView) -> QPlainTextEdit:
    found = view.findChild(QPlainTextEdit, "log_text")
    assert found is not None
    return found


def search(qtbot: QtBot, view: LogView, word: str) -> str:
    field = view.findChild(QLineEdit, "log_search")
    assert field is not None
    field.clear()
    qtbot.keyClicks(field, word)
    qtbot.keyClick(field, Qt.Key.Key_F3)
    return count(view)


def count(view: LogView) -> str:
    label = view.findChild(QLabel, "log_count")
    assert label is not None
    return label.text()


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("plain", "plain"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("10 %\r", "10 %"),
        ("windows\r", "windows"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\tb", "a\tb"),
    ],
)
def test_that_a_line_reads_as_in_a_terminal(raw: str, seen: str) -> None:
    assert visible_line(raw) == seen


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_that_pieces_of_any_size_give_the_same_lines(size: int) -> None:
    text = "first\n 1/3\r 2/3\r 3/3\nlast é\nunfinished"
    assembler = LineAssembler()
    lines = []
    for start in range(0, len(text), size):
        lines += assembler.feed(text[start : start + size])
    assert lines == ["first", " 3/3", "last é"]
    assert assembler.unfinished == "unfinished"


def test_that_a_progress_line_of_a_long_job_takes_no_memory() -> None:
    assembler = LineAssembler()
    for step in range(20_000):
        assembler.feed(f"\rstep {step} of 20000")
    assert assembler.unfinished == "step 19999 of 20000"
    assert len(assembler._unfinished) < 5000


def test_that_a_progress_line_is_overwritten_in_view(log: LogView) -> None:
    log.append("start\n")
    for percent in (10, 20, 30):
        log.append(f"\r{percent} %")
        log.flush()
    assert log.lines() == ["start", "30 %"]
    log.append("\nend\n")
    log.flush()
    assert log.lines() == ["start", "30 %", "end", ""]


def test_that_text_appears_by_itself_soon_after_it_was_written(qtbot: QtBot, log: LogView) -> None:
    log.append("hello\n")
    qtbot.waitUntil(lambda: log.lines() == ["hello", ""], timeout=1000)


def test_that_only_the_last_lines_are_kept_and_this_is_said(log: LogView) -> None:
    log.append("".join(f"line {k}\n" for k in range(1500)))
    log.flush()
    assert len(log.lines()) == 1000
    assert log.lines()[-2] == "line 1499"
    note = log.findChild(QLabel, "log_note")
    assert note is not None
    assert note.text() == "The first 501 lines are in the file only"
    log.append("".join(f"more {k}\n" for k in range(300)))
    log.flush()
    assert note.text() == "The first 801 lines are in the file only"
    assert log.lines()[-2] == "more 299"


def test_that_a_hundred_thousand_lines_are_shown_and_searched_at_once(qtbot: QtBot) -> None:
    view = LogView("run.out")
    qtbot.addWidget(view)
    view.resize(700, 300)
    view.show()
    text = "".join(f" epoch {k} loss {k / 7:.3f}\n" for k in range(99_999))
    started = time.perf_counter()
    view.append(text)
    view.flush()
    filled = time.perf_counter() - started
    assert view.lines()[-2] == " epoch 99998 loss 14285.429"
    started = time.perf_counter()
    assert search(qtbot, view, "epoch 777").endswith(" of 111")  # 777, 777x, 777xx
    found = time.perf_counter() - started
    started = time.perf_counter()
    view.append("one more\n")
    view.flush()
    added = time.perf_counter() - started
    assert filled < 4
    assert found < 2
    assert added < 0.2


def test_that_search_counts_marks_and_goes_round(qtbot: QtBot, log: LogView) -> None:
    log.append("Error one\nfine\nerror two\nfine\nERROR three\n")
    log.flush()
    assert search(qtbot, log, "error") == "1 of 3"
    assert log.highlighted() == ["Error", "error", "ERROR"]
    button = log.findChild(QToolButton, "log_next")
    back = log.findChild(QToolButton, "log_previous")
    assert button is not None
    assert back is not None
    seen = []
    for _ in range(3):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        seen.append(count(log))
    assert seen == ["2 of 3", "3 of 3", "1 of 3"]
    qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    assert count(log) == "3 of 3"


def test_that_a_far_match_is_brought_into_view(qtbot: QtBot, log: LogView) -> None:
    log.append("needle\n" + "hay\n" * 500)
    log.flush()
    assert text_of(log).firstVisibleBlock().blockNumber() > 400
    search(qtbot, log, "needle")
    assert text_of(log).firstVisibleBlock().blockNumber() == 0
    assert log.highlighted() == ["needle"]


def test_that_nothing_found_is_said_and_special_signs_are_plain_text(qtbot: QtBot, log: LogView) -> None:
    log.append("loss (data) = 3.1*\n")
    log.flush()
    assert search(qtbot, log, "zebra") == "not found"
    button = log.findChild(QToolButton, "log_next")
    assert button is not None
    assert not button.isEnabled()
    assert search(qtbot, log, "(data) = 3.1*") == "1 of 1"


def test_that_marks_sit_right_behind_signs_outside_the_first_plane(qtbot: QtBot, log: LogView) -> None:
    log.append("🎉🎉 done 🎉 needle\n")
    log.flush()
    search(qtbot, log, "needle")
    assert log.highlighted() == ["needle"]


def test_that_new_text_is_searched_too(qtbot: QtBot, log: LogView) -> None:
    log.append("error one\n")
    log.flush()
    search(qtbot, log, "error")
    log.append("error two\n")
    qtbot.waitUntil(lambda: count(log) == "1 of 2", timeout=2000)


def test_that_the_end_is_followed_until_somebody_looks_back(qtbot: QtBot, log: LogView) -> None:
    scroll = text_of(log).verticalScrollBar()
    follow = log.findChild(QCheckBox, "log_follow")
    assert follow is not None
    log.append("line\n" * 200)
    log.flush()
    assert scroll.value() == scroll.maximum()
    qtbot.keyClick(text_of(log), Qt.Key.Key_PageUp)
    assert not follow.isChecked()
    place = scroll.value()
    log.append("line\n" * 50)
    log.flush()
    assert scroll.value() == place
    qtbot.keyClick(text_of(log), Qt.Key.Key_End)
    assert follow.isChecked()
    assert scroll.value() == scroll.maximum()


def test_that_escape_ends_the_search_and_ctrl_f_begins_it(qtbot: QtBot, log: LogView) -> None:
    log.append("a\nb\n")
    log.flush()
    field = log.findChild(QLineEdit, "log_search")
    assert field is not None
    text_of(log).setFocus()
    qtbot.keyClick(text_of(log), Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert log.focusWidget() is field
    qtbot.keyClicks(field, "a")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""


def test_that_an_empty_log_says_so(log: LogView) -> None:
    assert log._body.is_empty
    log.append("x")
    log.flush()
    assert not log._body.is_empty
    log.clear()
    assert log._body.is_empty


def test_that_output_and_errors_go_to_their_own_views(qtbot: QtBot) -> None:
    panel = LogPanel()
    qtbot.addWidget(panel)
    panel.append("out", "fine\n")
    panel.append("err", "trouble\n")
    panel.out.flush()
    panel.err.flush()
    assert panel.out.lines() == ["fine", ""]
    assert panel.err.lines() == ["trouble", ""]
    button = panel.err.findChild(QToolButton, "log_open")
    assert button is not None
    with qtbot.waitSignal(panel.open_requested) as signal:
        button.click()
    assert signal.args == ["err"]


def test_that_long_lines_are_broken_and_need_no_scroll_bar(qtbot: QtBot) -> None:
    view = LogView("run.err")
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show()
    view.set_text("the image stack is truncated: " + 40 * "bytes are expected " + "/a/path/" + 80 * "x")
    assert view.text.horizontalScrollBar().maximum() == 0
    assert len(view.lines()) == 1
    view.set_text("")
    assert view._body.is_empty
