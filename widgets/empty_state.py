"""What a view says when it has nothing to show: what would be here, and how to get it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from widgets import glyphs, style

#: Below this height there is no drawing (pixels).
_LOW: Final = 84


class EmptyState(QWidget):
    """A drawing, a short title, a sentence, and at most one thing to do."""

    action = Signal()

    def __init__(
        self, glyph: str, title: str, text: str = "", action_text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("empty_state")
        self._glyph = glyph
        self._picture = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._title.setObjectName("empty_title")
        style.set_role(self._title, "subheading")
        self._text = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._text.setObjectName("empty_text")
        style.set_role(self._text, "muted")
        self._button = QPushButton(self)
        self._button.setObjectName("empty_action")
        self._button.clicked.connect(self.action)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.SMALL)
        layout.addStretch(2)
        layout.addWidget(self._picture)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)
        self.set_message(title, text, action_text, glyph)
        style.ThemeWatcher(self, self._draw)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little height, the words need it more than the drawing."""
        super().resizeEvent(event)
        self._picture.setVisible(self.height() >= _LOW)

    def set_message(self, title: str, text: str = "", action_text: str = "", glyph: str = "") -> None:
        """Say something else."""
        self._glyph = glyph or self._glyph
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._button.setText(action_text)
        self._button.setVisible(bool(action_text))
        self._draw()

    def message(self) -> str:
        """Return title and sentence, as they are read."""
        return f"{self._title.text()} {self._text.text()}".strip()

    def _draw(self) -> None:
        pixmap = glyphs.glyph_pixmap(self._glyph, style.colour("disabled"), 32, self.devicePixelRatioF(), 1.1)
        self._picture.setPixmap(pixmap)


class WithEmptyState(QWidget):
    """Shows a view, or an empty state in its place."""

    def __init__(self, view: QWidget, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.empty = empty
        self._stack = QStackedLayout(self)
        self._stack.addWidget(view)
        self._stack.addWidget(empty)
        self.show_empty(True)

    def show_empty(self, empty: bool) -> None:
        """Choose which of the two is seen."""
        self._stack.setCurrentWidget(self.empty if empty else self.view)

    @property
    def is_empty(self) -> bool:
        """Whether the empty state is shown."""
        return self._stack.currentWidget() is self.empty
