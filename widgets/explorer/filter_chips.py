"""The filters in force on columns other than the shown one, each with a cross to remove it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from widgets import glyphs, style
from widgets.explorer.columns import Source


class FilterChips(QWidget):
    """One line per filter.

    Signals
    -------
    removed
        The cross of this `Source` was clicked.
    """

    removed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_filter_chips")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(style.TIGHT)
        self._texts: dict[Source, str] = {}
        self.hide()

    def show_conditions(self, texts: Mapping[Source, str]) -> None:
        """Show other filters, by what they say."""
        if dict(texts) == self._texts:
            return
        self._texts = dict(texts)
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for source, text in texts.items():
            self._layout.addWidget(self._chip(source, text))
        self.setVisible(bool(texts))

    def _chip(self, source: Source, text: str) -> QWidget:
        chip = QFrame(self)
        chip.setObjectName("explorer_filter_chip")
        style.set_role(chip, "bar-info")
        label = QLabel(text, chip)
        label.setFont(style.small_font(self))
        label.setToolTip(f"Filter: {text}")
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        label.setTextFormat(Qt.TextFormat.PlainText)
        cross = QToolButton(chip)
        cross.setObjectName("explorer_filter_remove")
        cross.setIcon(glyphs.glyph_icon("close"))
        cross.setToolTip("Remove this filter")
        style.set_role(cross, "quiet")
        cross.clicked.connect(lambda _on=False, s=source: self.removed.emit(s))
        row = QHBoxLayout(chip)
        row.setContentsMargins(style.SMALL, 1, 2, 1)
        row.setSpacing(style.TIGHT)
        row.addWidget(label, 1)
        row.addWidget(cross)
        return chip
