"""How many particles are shown, and what can be done with a filter."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from widgets import style


class FilterFoot(QWidget):
    """A count and two buttons.

    Signals
    -------
    off_wanted, select_wanted
        Show all particles again; select those that are shown.
    """

    off_wanted = Signal()
    select_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_filter_foot")
        self.count = QLabel(self)
        self.count.setObjectName("explorer_shown_count")
        self.off = QPushButton("Filter off", self)
        self.off.setObjectName("explorer_filter_off")
        self.off.setToolTip("Show all particles again")
        self.off.clicked.connect(lambda _on: self.off_wanted.emit())
        self.select = QPushButton("Select these", self)
        self.select.setObjectName("explorer_select_shown")
        self.select.setToolTip(
            "Select the particles that are shown, in the way chosen under Select (new, or, and, not)"
        )
        self.select.clicked.connect(lambda _on: self.select_wanted.emit())
        buttons = QHBoxLayout()
        buttons.setSpacing(style.SMALL)
        buttons.addWidget(self.off, 1)
        buttons.addWidget(self.select, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self.count)
        layout.addLayout(buttons)

    def show_count(self, count: int, of: int, *, filtered: bool) -> None:
        """Say how many of how many are shown."""
        self.count.setText(f"{count:,} of {of:,} shown" if filtered else f"All {of:,} particles shown")
        style.set_role(self.count, "subheading" if filtered else "caption")
        self.off.setEnabled(filtered)
        self.select.setEnabled(filtered)
