"""Which slab or surface of a tomogram is shown."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.tomogram import rows
from widgets.tomogram.slab import AXES, Axis, Slab

_THICKNESS_PX: Final = 5


class SlabControls(QWidget):
    """Axis, position, thickness and contrast of the slab, and the level of the surface.

    Signals
    -------
    slab_changed
        Another slab, or another density range.
    axis_changed
        The slab lies across another axis now.
    surface_changed
    """

    slab_changed = Signal()
    axis_changed = Signal()
    surface_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        self._extent = np.ones(3)
        self._middle = np.full(3, 0.5)
        self._filling = False
        top = QHBoxLayout()
        self.slab_on = QCheckBox("Slab")
        self.slab_on.setObjectName("tomogram_slab_on")
        self.slab_on.setChecked(True)
        self.slab_on.toggled.connect(self._on_slab)
        top.addWidget(self.slab_on, 1)
        self._axes = QButtonGroup(self)
        for k, axis in enumerate(AXES):
            button = QToolButton()
            button.setObjectName(f"tomogram_axis_{axis}")
            button.setText(axis)
            button.setCheckable(True)
            button.setToolTip(f"Look along {axis}, at slabs across it")
            style.set_role(button, "button")
            self._axes.addButton(button, k)
            top.addWidget(button)
        self._axes.buttons()[0].setChecked(True)
        self._axes.idClicked.connect(self._on_axis)
        layout.addLayout(top)
        grid = rows.grid()
        self.position = rows.slider("tomogram_position", "Where the slab lies")
        self.position.valueChanged.connect(self._on_slab)
        self.thickness = QDoubleSpinBox()
        style.pad_number(self.thickness)
        self.thickness.setObjectName("tomogram_thickness")
        self.thickness.setSuffix(" Å")
        self.thickness.setDecimals(0)
        self.thickness.setToolTip("Thickness over which the density is averaged")
        self.thickness.setKeyboardTracking(False)
        self.thickness.valueChanged.connect(self._on_slab)
        self.contrast = rows.slider("tomogram_contrast", "Contrast of the slab")
        self.contrast.setValue(rows.STEPS // 2)
        self.contrast.valueChanged.connect(self._on_slab)
        self.where = QLabel("")
        self.where.setObjectName("tomogram_where")
        style.set_role(self.where, "caption")
        for k, (text, widget) in enumerate(
            (("Position", self.position), ("Thickness", self.thickness), ("Contrast", self.contrast))
        ):
            rows.put(grid, k, text, widget)
        layout.addLayout(grid)
        layout.addWidget(self.where)
        row = QHBoxLayout()
        self.surface_on = QCheckBox("Surface")
        self.surface_on.setObjectName("tomogram_surface_on")
        self.surface_on.setToolTip("Surface of equal density of the whole tomogram")
        self.level = rows.slider("tomogram_level", "Density on the surface")
        self.level.setValue(rows.STEPS // 2)
        self.surface_on.toggled.connect(lambda _on: self.surface_changed.emit())
        self.level.valueChanged.connect(self._on_level)
        row.addWidget(self.surface_on)
        row.addWidget(self.level, 1)
        layout.addLayout(row)

        self.set_volume(None, 1.0)

    def set_volume(
        self, extent_a: np.ndarray | None, voxel_size_a: float, middle_a: np.ndarray | None = None
    ) -> None:
        """Take size z, y, x of a tomogram in Å and its voxel size; None without one.

        The slab goes to `middle_a` (z, y, x), by default the middle of the tomogram.
        """
        there = extent_a is not None
        for widget in (self.slab_on, self.position, self.thickness, self.contrast):
            widget.setEnabled(there)
        for widget in (self.surface_on, self.level):
            widget.setEnabled(there)
        if extent_a is None:
            self.where.setText("")
            return
        self._filling = True
        self._extent = np.asarray(extent_a, float)
        self.thickness.setRange(voxel_size_a, float(self._extent.max()))
        self.thickness.setSingleStep(voxel_size_a)
        self.thickness.setValue(_THICKNESS_PX * voxel_size_a)
        self._middle = self._extent / 2 if middle_a is None else np.clip(middle_a, 0, self._extent)
        self._to_middle()
        self._filling = False
        self._say_where()

    def _to_middle(self) -> None:
        k = AXES.index(self.axis)
        self.position.setValue(round(rows.STEPS * float(self._middle[k] / self._extent[k])))

    @property
    def axis(self) -> Axis:
        """Axis across which the slab lies."""
        return AXES[max(0, self._axes.checkedId())]

    @property
    def slab(self) -> Slab:
        """The slab that is wanted."""
        extent = self._extent[AXES.index(self.axis)]
        return Slab(self.axis, extent * self.position.value() / rows.STEPS, self.thickness.value())

    def limits(self, automatic: tuple[float, float]) -> tuple[float, float]:
        """Return densities that are black and white, by the slider of contrast."""
        low, high = automatic
        middle, half = (low + high) / 2, (high - low) / 2
        factor = 4.0 ** (1 - 2 * self.contrast.value() / rows.STEPS)
        # dark ground stays dark: the lower end moves less
        return middle - half * min(1.0, factor) ** 0.5, middle + half * factor

    @property
    def surface_level(self) -> float:
        """Level of the surface from 0 to 1 between black and the largest density."""
        return self.level.value() / rows.STEPS

    def _on_level(self, _value: int) -> None:
        if self.surface_on.isChecked():
            self.surface_changed.emit()

    def _on_axis(self, _id: int) -> None:
        self._filling = True
        self._to_middle()
        self._filling = False
        self._say_where()
        self.axis_changed.emit()

    def _on_slab(self, _value: object = None) -> None:
        if not self._filling:
            self._say_where()
            self.slab_changed.emit()

    def _say_where(self) -> None:
        slab = self.slab
        self.where.setText(f"{slab.axis} = {slab.position_a:,.0f} Å, mean over {slab.thickness_a:,.0f} Å")
