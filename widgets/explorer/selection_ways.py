"""Further ways to select: by groups, by distance, and by selections that were kept."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from widgets import style
from widgets.explorer.group_picker import GroupPicker
from widgets.explorer.named_sets import NamedSets
from widgets.explorer.outlier_picker import OutlierPicker
from widgets.explorer.selection_uses import wide_button


class SelectionWays(QWidget):
    """A row of buttons, each of which opens its part below.

    Signals
    -------
    applied : object, str
        Particles ``(P,)`` and words for the history.
    opened
        One of the parts was opened.
    """

    applied = Signal(object, str)
    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_selection_ways")
        self.groups = GroupPicker(self)
        self.outliers = OutlierPicker(self)
        self.named = NamedSets(self)
        self._buttons: dict[QWidget, QToolButton] = {}
        row = QHBoxLayout()
        row.setSpacing(style.TIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addLayout(row)
        parts: tuple[tuple[GroupPicker | OutlierPicker | NamedSets, str, str, str], ...] = (
            (
                self.groups,
                "Groups…",
                "groups",
                "Find groups by k-means or a mixture, and select some of them",
            ),
            (self.outliers, "Outliers…", "outliers", "Select particles that lie far out in latent space"),
            (self.named, "Kept…", "named", "Keep selections under names, and combine them"),
        )
        for part, text, name, tip in parts:
            button = wide_button(self, text, f"explorer_by_{name}", tip)
            button.setCheckable(True)
            button.toggled.connect(partial(self._open, part))
            part.applied.connect(self.applied)
            part.hide()
            row.addWidget(button, 1)
            layout.addWidget(part)
            self._buttons[part] = button

    def open(self, part: QWidget) -> None:
        """Open one of the parts."""
        self._buttons[part].setChecked(True)

    def close_all(self) -> None:
        """Close whatever is open."""
        for button in self._buttons.values():
            button.setChecked(False)

    def _open(self, part: QWidget, on: bool) -> None:
        part.setVisible(on)
        if on:
            for other, button in self._buttons.items():
                if other is not part:
                    button.setChecked(False)
            self.opened.emit()
