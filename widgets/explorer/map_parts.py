"""Small controls of the map pane, all with names, tooltips and words for screen readers."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QToolButton

from widgets import style
from widgets.fields import ChoiceBox


def combo(name: str, tip: str, items: Sequence[tuple[str, str]]) -> QComboBox:
    """Return a box that offers texts with keys."""
    box = ChoiceBox()
    box.setObjectName(name)
    box.setToolTip(tip)
    box.setAccessibleName(tip)
    for key, text in items:
        box.addItem(text, key)
    return box


def button(name: str, tip: str, *, checkable: bool) -> QToolButton:
    """Return a square button for an icon."""
    made = QToolButton()
    made.setObjectName(name)
    made.setToolTip(tip)
    made.setAccessibleName(tip)
    made.setIconSize(QSize(18, 18))
    made.setFixedSize(style.CONTROL_HEIGHT, style.CONTROL_HEIGHT)
    made.setCheckable(checkable)
    style.set_role(made, "quiet")
    return made


def check(text: str, name: str, tip: str) -> QCheckBox:
    """Return a box to tick."""
    box = QCheckBox(text)
    box.setObjectName(name)
    box.setToolTip(tip)
    return box


def label(text: str) -> QLabel:
    """Return the quiet name of a control."""
    made = QLabel(text)
    style.set_role(made, "muted")
    return made
