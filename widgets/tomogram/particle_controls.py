"""How the particles of a tomogram are shown."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from widgets import style
from widgets.fields import ChoiceBox
from widgets.tomogram import rows

#: Ways to show particles: key, words, and what they mean.
SHOWN_AS: Final = (
    ("balls", "Balls", "Each particle as a ball"),
    ("arrows", "Arrows", "Each particle as an arrow along the z axis of the reference"),
    ("mean", "Mean map", "The map of the mean state, at every particle"),
    ("cluster", "Cluster maps", "At every particle the map of the mean state of its category of colour"),
    ("own", "Own volumes", "At every particle the volume of its own state"),
)


class ParticleControls(QWidget):
    """What stands for a particle, its size, level and opacity.

    Signals
    -------
    look_changed
        Particles are to be shown in another way.
    """

    look_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addWidget(rows.heading("Particles"))
        self.shown_as = ChoiceBox()
        self.shown_as.setObjectName("tomogram_shown_as")
        self.shown_as.setAccessibleName("Show particles as")
        for k, (key, text, tip) in enumerate(SHOWN_AS):
            self.shown_as.addItem(text, key)
            self.shown_as.setItemData(k, tip, Qt.ItemDataRole.ToolTipRole)
        self.shown_as.activated.connect(lambda _index: self._on_look())
        self.ball_size = rows.slider("tomogram_size", "Size of balls and arrows; maps are enlarged")
        self.opacity = rows.slider("tomogram_opacity", "Opacity of the particles")
        self.map_level = rows.slider("tomogram_map_level", "Level of the maps")
        self.ball_size.setValue(rows.STEPS // 2)
        self.map_level.setValue(rows.STEPS // 2)
        self.opacity.setValue(rows.STEPS)
        grid = rows.grid()
        for k, (text, widget) in enumerate(
            (
                ("Show as", self.shown_as),
                ("Size", self.ball_size),
                ("Level", self.map_level),
                ("Opacity", self.opacity),
            )
        ):
            rows.put(grid, k, text, widget)
        for slider in (self.ball_size, self.opacity, self.map_level):
            slider.valueChanged.connect(lambda _v: self.look_changed.emit())
        layout.addLayout(grid)
        self.note = QLabel("", wordWrap=True)
        self.note.setObjectName("tomogram_note")
        style.set_role(self.note, "caption")
        layout.addWidget(self.note)
        self._on_look(silent=True)

    @property
    def look(self) -> str:
        """How particles are shown."""
        return str(self.shown_as.currentData())

    @property
    def size_factor(self) -> float:
        """Size of balls and arrows against what suits the tomogram: a quarter to four times."""
        return float(4.0 ** (2 * self.ball_size.value() / rows.STEPS - 1))

    @property
    def enlargement(self) -> float:
        """How many times larger than they are maps are drawn, 1 to 8."""
        return float(max(1.0, 8.0 ** (2 * self.ball_size.value() / rows.STEPS - 1)))

    @property
    def level_factor(self) -> float:
        """Level of maps against the automatic one: a third to three times."""
        return float(3.0 ** (2 * self.map_level.value() / rows.STEPS - 1))

    @property
    def particle_opacity(self) -> float:
        """Opacity, 0.05 to 1."""
        return 0.05 + 0.95 * self.opacity.value() / rows.STEPS

    def choose_look(self, key: str) -> None:
        """Show particles in another way, as by hand."""
        self.shown_as.setCurrentIndex(self.shown_as.findData(key))
        self._on_look()

    def _on_look(self, *, silent: bool = False) -> None:
        maps = self.look in ("mean", "cluster", "own")
        self.map_level.setEnabled(maps)
        if not silent:
            self.look_changed.emit()
