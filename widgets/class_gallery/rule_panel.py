"""The rules by which classes are kept, as three fields."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QWidget

from jobs.core.class_set import PIXEL_ERROR, RESOLUTION, SIZE, ClassSet
from widgets import style
from widgets.class_gallery.rules import KeepRules

_FIELDS: Final = (
    (SIZE, "Particles ≥", ""),
    (PIXEL_ERROR, "Pixel error ≤", "px"),
    (RESOLUTION, "Resolution ≤", "Å"),
)
_TYPING_MS: Final = 300


class RulePanel(QWidget):
    """An empty field is no rule; a pause in typing applies what was typed.

    Signals
    -------
    changed
        Other rules hold.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class_rules")
        self.fields: dict[str, QLineEdit] = {}
        self._told = KeepRules()
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._typing.timeout.connect(self._tell)
        title = QLabel("Keep classes with", self)
        style.set_role(title, "subheading")
        self.clear_button = QPushButton("Clear", self)
        self.clear_button.setToolTip("No rules")
        self.clear_button.clicked.connect(self.clear)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(style.SMALL)
        grid.setVerticalSpacing(style.TIGHT)
        grid.setColumnStretch(1, 1)
        grid.addWidget(title, 0, 0, 1, 2)
        grid.addWidget(self.clear_button, 0, 2)
        self._units: dict[str, QLabel] = {}
        self._labels: dict[str, QLabel] = {}
        for line, (name, text, unit) in enumerate(_FIELDS, start=1):
            field = self.fields[name] = QLineEdit(self)
            field.setObjectName(f"rule_{name}")
            field.setPlaceholderText("any")
            field.setAccessibleName(text)
            field.textChanged.connect(self._on_text)
            field.returnPressed.connect(self._tell)
            label = self._labels[name] = QLabel(text, self)
            mark = self._units[name] = QLabel(unit, self)
            style.set_role(mark, "caption")
            for column, part in enumerate((label, field, mark)):
                grid.addWidget(part, line, column)
        self._show_clear()

    def set_classes(self, classes: ClassSet) -> None:
        """Offer the rules for which there are columns."""
        for name, field in self.fields.items():
            there = name in classes.columns
            field.setEnabled(there)
            self._labels[name].setEnabled(there)
            field.setToolTip("" if there else "This is not known of these classes")

    def rules(self) -> KeepRules:
        """Return the rules; what is no number is none, and is marked."""
        limits = []
        for name, field in self.fields.items():
            value = _number(field.text())
            style.set_role(field, "problem" if value is None and field.text().strip() else "")
            if value is not None and field.isEnabled():
                limits.append((name, value))
        return KeepRules(tuple(limits))

    def set_limit(self, name: str, value: float) -> None:
        """Fill in a limit, at once."""
        self.fields[name].setText(f"{value:.6g}")
        self._tell()

    def clear(self) -> None:
        """No rules."""
        for field in self.fields.values():
            field.clear()
        self._tell()

    def _on_text(self) -> None:
        self._show_clear()
        self._typing.start()

    def _show_clear(self) -> None:
        self.clear_button.setEnabled(any(field.text() for field in self.fields.values()))

    def _tell(self) -> None:
        self._typing.stop()
        rules = self.rules()
        if rules != self._told:
            self._told = rules
            self.changed.emit()


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
