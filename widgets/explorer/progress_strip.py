"""A line that says what is being computed, how far it is, and stops it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QToolButton, QWidget

from widgets import glyphs, style
from widgets.elided_label import ElidedLabel


class ProgressStrip(QWidget):
    """Hidden while nothing is under way."""

    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_progress")
        self.text = ElidedLabel()
        self.text.setFixedWidth(190)
        self.text.setObjectName("explorer_progress_text")
        style.set_role(self.text, "caption")
        self.bar = QProgressBar()
        self.bar.setObjectName("explorer_progress_bar")
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(110, 8)
        self.stop = QToolButton()
        self.stop.setObjectName("explorer_progress_stop")
        self.stop.setToolTip("Stop this")
        self.stop.setAccessibleName("Stop")
        self.stop.setAutoRaise(True)
        self.stop.clicked.connect(self.stop_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SMALL)
        row.addWidget(self.text)
        row.addWidget(self.bar)
        row.addWidget(self.stop)
        style.ThemeWatcher(self, self._draw)
        self._draw()
        self.hide()

    def _draw(self) -> None:
        self.stop.setIcon(glyphs.glyph_icon("close", "muted"))

    def show_progress(self, done: int, of: int, text: str) -> None:
        """Say how far the work is; with `of` 0 the bar only moves."""
        self.text.setText(text)
        self.bar.setRange(0, of)
        self.bar.setValue(done)
        self.show()
