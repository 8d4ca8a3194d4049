"""A level: its name, a slider along the densities, a field for the number, and the way back to automatic."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QToolButton, QWidget

from widgets import style
from widgets.explorer.map_level_bar import LevelBar
from widgets.explorer.map_levels import Levels
from widgets.explorer.number_text import exact, parsed


class LevelRow(QWidget):
    """Chooses one level.

    Signals
    -------
    level_chosen
        By a person; :attr:`chosen` is None for an automatic level.
    """

    level_chosen = Signal()

    def __init__(self, title: str, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_row")
        #: The level that a person has chosen, None for an automatic one.
        self.chosen: float | None = None
        self._value = 0.0
        label = QLabel(title)
        style.set_role(label, "muted")
        self.bar = LevelBar()
        self.bar.setObjectName(name)
        self.bar.setToolTip(tip)
        self.bar.setAccessibleName(title)
        self.bar.level_moved.connect(self.choose)
        self.field = QLineEdit()
        self.field.setObjectName(f"{name}_value")
        self.field.setToolTip(f"{tip}, as a number in the grey scale of the map")
        self.field.setAccessibleName(f"{title}, as a number")
        self.field.setFixedWidth(style.text_width(self.field.font(), "0.00000") + 24)
        self.field.editingFinished.connect(self._on_typed)
        self.automatic = QToolButton()
        self.automatic.setObjectName(f"{name}_automatic")
        self.automatic.setText("Auto")
        self.automatic.setToolTip("A level that shows the molecule")
        self.automatic.setCheckable(True)
        self.automatic.setChecked(True)
        self.automatic.clicked.connect(self._on_automatic)
        self.automatic.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        style.set_role(self.automatic, "button")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SMALL)
        row.addWidget(label)
        row.addWidget(self.bar, 1)
        row.addWidget(self.field)
        row.addWidget(self.automatic)

    @property
    def value(self) -> float:
        """The level in use, chosen or automatic."""
        return self._value

    def show_level(self, value: float, levels: Levels | None) -> None:
        """Show the level in use, without choosing it."""
        if levels is not None:
            self.bar.set_levels(levels)
        if self.chosen is not None and value != self.chosen:
            return  # a newer choice is under way
        self._value = value
        if not self.bar.isSliderDown():
            self.bar.set_level(value)
        if not self.field.hasFocus():
            self.field.setText(exact(float(f"{value:.3g}")))

    def choose(self, value: float) -> None:
        """Choose a level."""
        self.chosen = self._value = value
        self.automatic.setChecked(False)
        if not self.bar.isSliderDown():
            self.bar.set_level(value)
        self.field.setText(exact(float(f"{value:.3g}")))
        self.level_chosen.emit()

    def step(self, count: int) -> None:
        """Go up or down a little."""
        self.bar.step(count)

    def _on_typed(self) -> None:
        value = parsed(self.field.text())
        if value is None or value == float(f"{self._value:.3g}"):
            self.field.setText(exact(float(f"{self._value:.3g}")))
            return
        self.choose(value)

    def _on_automatic(self) -> None:
        self.chosen = None
        self.automatic.setChecked(True)
        self.level_chosen.emit()
