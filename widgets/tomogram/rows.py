"""Small parts of the column left of a tomogram."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QSlider, QWidget

from widgets import style

#: Places of a slider.
STEPS: Final = 1000


def heading(text: str) -> QLabel:
    """Return the title of a part."""
    label = QLabel(text)
    style.set_role(label, "subheading")
    return label


def slider(name: str, tip: str) -> QSlider:
    """Return a slider."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setObjectName(name)
    made.setRange(0, STEPS)
    made.setToolTip(tip)
    made.setAccessibleName(tip)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return made


def grid() -> QGridLayout:
    """Return rows of a label and a control."""
    made = QGridLayout()
    made.setHorizontalSpacing(style.SMALL)
    made.setVerticalSpacing(style.TIGHT)
    made.setColumnStretch(1, 1)
    return made


def put(rows: QGridLayout, row: int, text: str, widget: QWidget) -> None:
    """Add a row."""
    label = QLabel(text)
    label.setBuddy(widget)
    style.set_role(label, "muted")
    rows.addWidget(label, row, 0)
    rows.addWidget(widget, row, 1)
