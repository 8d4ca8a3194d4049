"""Drop-down lists of many choices."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

_Index = QModelIndex | QPersistentModelIndex


class Choices(QAbstractListModel):
    """Texts and values of a box; ten thousand of them cost nothing until it is opened."""

    def __init__(self, choices: Sequence[tuple[str, object]], parent: QObject) -> None:
        super().__init__(parent)
        self._choices = choices

    def rowCount(self, parent: _Index | None = None) -> int:
        """Return the number of choices."""
        return 0 if parent is not None and parent.isValid() else len(self._choices)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return text and value of a choice."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._choices[index.row()][0]
        return self._choices[index.row()][1] if role == Qt.ItemDataRole.UserRole else None


class ChoiceBox(QComboBox):
    """A drop-down list that looks like the other fields and leaves the wheel to the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page unless this list has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def refill(box: QComboBox, choices: Sequence[tuple[str, object]], chosen: object) -> None:
    """Offer other choices without announcing it; the first one is chosen when `chosen` is not among them."""
    box.blockSignals(True)
    box.setModel(Choices(choices, box))  # the one before belonged to the box, which deletes it
    at = next((k for k, (_, value) in enumerate(choices) if value == chosen), 0)
    box.setCurrentIndex(at if choices else -1)
    box.blockSignals(False)
