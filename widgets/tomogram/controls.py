"""The column left of a tomogram: which one, which slab of it, and how its particles are shown."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from widgets import style
from widgets.tomogram.particle_controls import ParticleControls
from widgets.tomogram.slab_controls import SlabControls
from widgets.tomogram.tomogram_list import TomogramList


class TomogramControls(QWidget):
    """Holds the three parts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_controls")
        self.tomograms = TomogramList()
        self.slab = SlabControls()
        self.particles = ParticleControls()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.LARGE)
        layout.addWidget(self.tomograms, 1)
        layout.addWidget(self.slab)
        layout.addWidget(self.particles)
