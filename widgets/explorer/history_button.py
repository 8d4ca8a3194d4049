"""The steps of a selection, each of which can be gone back to."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from widgets import glyphs, style
from widgets.explorer.selection import Selection

#: Steps that the tip lists.
_LAST = 8


class HistoryButton(QToolButton):
    """Opens a menu of the steps.

    Signals
    -------
    chosen : int
        Place of a step in the history.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_selection_history")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setText("Steps")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        style.set_role(self, "button")
        self._selection = Selection(0)
        self.steps = QMenu(self)
        self.steps.aboutToShow.connect(self._fill)
        self.setMenu(self.steps)
        style.ThemeWatcher(self, self._restyle)
        self._restyle()

    def show_selection(self, selection: Selection) -> None:
        """Offer the steps of a selection."""
        self._selection = selection
        self.setEnabled(len(selection.history) > 1)
        self.setToolTip("Go back to an earlier step\n" + "\n".join(selection.history[-_LAST:]))

    def _fill(self) -> None:
        self.steps.clear()
        for place, words in enumerate(self._selection.history):
            entry = self.steps.addAction(words)
            entry.setCheckable(True)
            entry.setChecked(place == self._selection.place)
            entry.triggered.connect(lambda _on=False, k=place: self.chosen.emit(k))

    def _restyle(self) -> None:
        self.setIcon(glyphs.glyph_icon("clock", "text"))
