"""A log that grows while it is read: carriage returns, search, follow the end, a hundred thousand lines."""

from __future__ import annotations

import bisect
import re
from typing import Final, Literal

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSplitter,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.terminal_text import LineAssembler

MAX_LINES: Final = 100_000
_FLUSH_MS = 40
_SEARCH_MS = 150
#: Least width at which the buttons of the search have room.
_WIDE: Final = 340
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]")

Stream = Literal["out", "err"]


class LogView(QWidget):
    """One stream of a job, with its own search line.

    Text may arrive in pieces of any size, also in the middle of a line; it is shown at most 25 times a
    second. Only the last `MAX_LINES` lines are kept, and the view says so. Scrolling up stops following,
    scrolling back to the end resumes it.

    Parameters
    ----------
    title : str
        Shown above, for example ``run.out``.
    max_lines : int
        Lines kept.
    """

    open_requested = Signal()

    def __init__(self, title: str, parent: QWidget | None = None, *, max_lines: int = MAX_LINES) -> None:
        super().__init__(parent)
        self.setObjectName(f"log_{title}")
        self._max_lines = max_lines
        self._assembler = LineAssembler()
        self._pending: list[str] = []
        self._has_tail = False
        self._dropped = 0
        self._matches: list[int] = []
        self._match_length = 0
        self._place: int | None = None
        self._moving = False
        self._build(title)
        self._flush_timer = QTimer(self, singleShot=True, interval=_FLUSH_MS)
        self._flush_timer.timeout.connect(self.flush)
        self._search_timer = QTimer(self, singleShot=True, interval=_SEARCH_MS)
        self._search_timer.timeout.connect(self._search)
        style.ThemeWatcher(self, self._restyle)
        self._restyle()

    # -- building ------------------------------------------------------------------------------------------

    def _build(self, title: str) -> None:
        name = QLabel(title, self)
        style.set_role(name, "subheading")
        self._note = QLabel(self)
        self._note.setObjectName("log_note")
        style.set_role(self._note, "caption")
        self.search_line = QLineEdit(self)
        self.search_line.setObjectName("log_search")
        self.search_line.setPlaceholderText("Find")
        self.search_line.setClearButtonEnabled(True)
        self.search_line.setMaximumWidth(220)
        self.search_line.setAccessibleName(f"Find in {title}")
        self.search_line.textChanged.connect(lambda _text: self._search_timer.start())
        self.search_line.installEventFilter(self)
        self.count = QLabel(self)
        self.count.setObjectName("log_count")
        style.set_role(self.count, "caption")
        self.previous_button = self._button("log_previous", "Previous match (Shift+F3)")
        self.previous_button.clicked.connect(self.find_previous)
        self.next_button = self._button("log_next", "Next match (F3)")
        self.next_button.clicked.connect(self.find_next)
        self.open_button = self._button("log_open", "Open the whole file")
        self.open_button.clicked.connect(self.open_requested)
        self.follow = QCheckBox("Follow", self)
        self.follow.setObjectName("log_follow")
        self.follow.setToolTip("Keep the newest line in view")
        self.follow.setChecked(True)
        self.follow.toggled.connect(self._on_follow)
        self.text = QPlainTextEdit(self)
        self.text.setObjectName("log_text")
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.text.setMaximumBlockCount(self._max_lines)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        style.set_role(self.text, "log")
        self.text.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.text.installEventFilter(self)
        empty = EmptyState("file", "Nothing written yet", parent=self)
        self._body = WithEmptyState(self.text, empty, self)
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(name)
        top.addWidget(self._note, 1)
        for widget in (self.count, self.search_line, self.previous_button, self.next_button, self.follow):
            top.addWidget(widget)
        top.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addLayout(top)
        layout.addWidget(self._body, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, matches are reached with the keys only."""
        super().resizeEvent(event)
        for button in (self.previous_button, self.next_button):
            button.setVisible(self.width() >= _WIDE)

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        style.set_role(button, "quiet")
        return button

    def _restyle(self) -> None:
        self.previous_button.setIcon(glyphs.glyph_icon("up"))
        self.next_button.setIcon(glyphs.glyph_icon("down"))
        self.open_button.setIcon(glyphs.glyph_icon("file"))
        self._highlight()

    # -- text ----------------------------------------------------------------------------------------------

    def append(self, text: str) -> None:
        """Add text as it was written to the stream."""
        self._pending.append(text)
        if not self._flush_timer.isActive():
            self._flush_timer.start()

    def set_text(self, text: str) -> None:
        """Show another log."""
        self.clear()
        if text:
            self.append(text)
        self.flush()

    def clear(self) -> None:
        """Show nothing."""
        self._pending.clear()
        self._assembler.clear()
        self._has_tail = False
        self._dropped = 0
        self.text.clear()
        self._note.clear()
        self._matches = []
        self._place = None
        self._show_count()
        self._body.show_empty(True)

    def flush(self) -> None:
        """Show at once what has arrived."""
        self._flush_timer.stop()
        if not self._pending:
            return
        lines = self._assembler.feed("".join(self._pending))
        self._pending.clear()
        self._write(lines, self._assembler.unfinished)
        self._body.show_empty(False)
        if self.search_line.text():
            self._search_timer.start()

    def _write(self, lines: list[str], tail: str) -> None:
        scroll = self.text.verticalScrollBar()
        place = scroll.value()
        before = self.text.blockCount()
        excess = max(0, len(lines) - self._max_lines)
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._moving = True
        cursor.beginEditBlock()
        if self._has_tail:
            # the unfinished line is written anew: it may have been overwritten meanwhile
            cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
        else:
            self._has_tail = True
        cursor.insertText("\n".join([*lines[excess:], tail]))
        cursor.endEditBlock()
        lost = before + len(lines) - self.text.blockCount()
        self._dropped += max(0, lost)
        if self._dropped:
            self._note.setText(f"The first {self._dropped:,} lines are in the file only")
        if self.follow.isChecked():
            self.scroll_to_end()
        else:
            scroll.setValue(max(0, place - max(0, lost)))
        self._moving = False

    def lines(self) -> list[str]:
        """Return the lines shown; the last one may be unfinished or empty."""
        return self.text.toPlainText().split("\n")

    def scroll_to_end(self) -> None:
        """Bring the newest line into view."""
        scroll = self.text.verticalScrollBar()
        scroll.setValue(scroll.maximum())

    def _on_follow(self, follow: bool) -> None:
        if follow:
            self.scroll_to_end()

    def _on_scrolled(self, value: int) -> None:
        scroll = self.text.verticalScrollBar()
        # only a hand on bar or wheel changes following, not text that arrives or a match that is gone to
        if not self._moving and (scroll.isSliderDown() or self.text.underMouse()):
            self.follow.setChecked(value >= scroll.maximum() - 1)
        self._highlight()

    # -- search --------------------------------------------------------------------------------------------

    def _search(self) -> None:
        self._search_timer.stop()
        wanted = self.search_line.text()
        self._match_length = len(wanted)
        self._matches = []
        if wanted:
            # Qt counts in UTF-16: characters beyond its first plane take two places
            text = _ASTRAL.sub("\ufffd\ufffd", self.text.toPlainText())
            pattern = re.compile(re.escape(wanted), re.IGNORECASE)
            self._matches = [match.start() for match in pattern.finditer(text)]
        if self._matches and self._place not in self._matches:
            self._go_to(self._first_in_view())
        self._show_count()
        self._highlight()

    def _first_in_view(self) -> int:
        top = self.text.firstVisibleBlock().position()
        return bisect.bisect_left(self._matches, top) % len(self._matches)

    def _current(self) -> int:
        return bisect.bisect_left(self._matches, self._place or 0) % max(1, len(self._matches))

    def find_next(self) -> None:
        """Go to the next match, from the last one to the first."""
        self._step(1)

    def find_previous(self) -> None:
        """Go to the previous match, from the first one to the last."""
        self._step(-1)

    def _step(self, step: int) -> None:
        if self._search_timer.isActive():
            self._search()
            return
        if self._matches:
            self._go_to((self._current() + step) % len(self._matches))

    def _go_to(self, number: int) -> None:
        self.follow.setChecked(False)
        cursor = QTextCursor(self.text.document())
        self._place = self._matches[number]
        self._moving = True
        # the end first, so that a match at the right edge is scrolled into view as a whole
        for place in (self._place + self._match_length, self._place):
            cursor.setPosition(place)
            self.text.setTextCursor(cursor)
        self.text.ensureCursorVisible()
        self._moving = False
        self._show_count()
        self._highlight()

    def _show_count(self) -> None:
        if not self.search_line.text():
            self.count.setText("")
        elif not self._matches:
            self.count.setText("not found")
        else:
            self.count.setText(f"{self._current() + 1:,} of {len(self._matches):,}")
        for button in (self.previous_button, self.next_button):
            button.setEnabled(bool(self._matches))

    def _highlight(self) -> None:
        """Mark the matches in view; those elsewhere are marked when they come into view."""
        selections: list[QTextEdit.ExtraSelection] = []
        if self._matches and self.search_line.text():
            top = self.text.firstVisibleBlock().position()
            height = self.text.viewport().height()
            bottom = self.text.cursorForPosition(self.text.viewport().rect().bottomLeft()).block()
            end = bottom.position() + bottom.length() if height > 0 else top
            first, last = bisect.bisect_left(self._matches, top), bisect.bisect_right(self._matches, end)
            for start in self._matches[first : min(last, first + 2000)]:
                selections.append(self._selection(start, is_current=start == self._place))
        self.text.setExtraSelections(selections)

    def _selection(self, start: int, *, is_current: bool) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        cursor = QTextCursor(self.text.document())
        cursor.setPosition(start)
        cursor.setPosition(start + self._match_length, QTextCursor.MoveMode.KeepAnchor)
        selection.cursor = cursor
        style_of_match = selection.format
        style_of_match.setBackground(style.colour("accent" if is_current else "match"))
        style_of_match.setForeground(style.colour("on_accent" if is_current else "text"))
        return selection

    def highlighted(self) -> list[str]:
        """Return the words marked in view."""
        return [s.cursor.selectedText() for s in self.text.extraSelections()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys: Ctrl+F searches, F3 and Return go on, Shift goes back, End follows."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        in_line = watched is self.search_line
        if event.key() == Qt.Key.Key_F3 or (in_line and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)):
            self._step(-1 if back else 1)
            return True
        if in_line and event.key() == Qt.Key.Key_Escape:
            self.search_line.clear()
            self.text.setFocus()
            return True
        if event.matches(QKeySequence.StandardKey.Find):
            self.search_line.setFocus()
            self.search_line.selectAll()
            return True
        if watched is self.text and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_PageUp, Qt.Key.Key_Home):
            self.follow.setChecked(False)
        if watched is self.text and event.key() == Qt.Key.Key_End:
            self.follow.setChecked(True)
            self.scroll_to_end()
            return True
        return super().eventFilter(watched, event)


class LogPanel(QSplitter):
    """Output and errors of a job side by side; the border between them can be moved."""

    open_requested = Signal(str)

    def __init__(
        self, parent: QWidget | None = None, *, orientation: Qt.Orientation = Qt.Orientation.Horizontal
    ) -> None:
        super().__init__(orientation, parent)
        self.setObjectName("log_panel")
        self.setChildrenCollapsible(False)
        self.setHandleWidth(style.SMALL)
        self.out = LogView("run.out", self)
        self.err = LogView("run.err", self)
        self.out.open_requested.connect(lambda: self.open_requested.emit("out"))
        self.err.open_requested.connect(lambda: self.open_requested.emit("err"))
        self.addWidget(self.out)
        self.addWidget(self.err)
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 2)

    def append(self, stream: Stream, text: str) -> None:
        """Add text to one of the streams."""
        (self.out if stream == "out" else self.err).append(text)

    def clear(self) -> None:
        """Empty both."""
        self.out.clear()
        self.err.clear()


__all__ = ["MAX_LINES", "LogPanel", "LogView"]
