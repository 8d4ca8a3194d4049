"""Maps of a task, one at a time: which of them is chosen above the slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from widgets import style
from widgets.fields import ChoiceBox
from widgets.volume_preview import VolumePreview


class MapViews(QWidget):
    """Slices and projection of one of several maps; what was chosen is kept when maps are replaced."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map_views")
        self._maps: dict[str, NDArray[Any]] = {}
        self._voxel_a: float | None = None
        self.title = QLabel(self, wordWrap=True)
        self.title.setObjectName("map_title")
        style.set_role(self.title, "caption")
        self.choice = ChoiceBox(self)
        self.choice.setObjectName("map_choice")
        self.choice.setAccessibleName("Which map is shown")
        self.choice.currentIndexChanged.connect(self._show)
        self.preview = VolumePreview()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.choice)
        layout.addWidget(self.title)
        layout.addWidget(self.preview, 1)
        self.set_maps({})

    def set_maps(
        self, maps: Mapping[str, NDArray[Any]], title: str = "", voxel_size_a: float | None = None
    ) -> None:
        """Show maps.

        Parameters
        ----------
        maps : dict of (D, H, W) arrays
            Densities ``[z, y, x]`` by what they are.
        title : str
            What they have in common.
        voxel_size_a : float, optional
            Å per voxel; without it there is no scale bar.
        """
        before = self.choice.currentText()
        names = list(maps)
        with QSignalBlocker(self.choice):
            if names != list(self._maps):
                self.choice.clear()
                self.choice.addItems(names)
                if before in names:
                    self.choice.setCurrentIndex(names.index(before))
        self._maps, self._voxel_a = dict(maps), voxel_size_a
        self.choice.setVisible(len(names) > 1)
        self.title.setText(title)
        self.title.setVisible(bool(title))
        self._show()

    def _show(self) -> None:
        shown = self._maps.get(self.choice.currentText())
        self.preview.set_volume(shown, self._voxel_a)
