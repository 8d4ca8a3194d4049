"""How large and how dense particles are drawn: two sliders."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from widgets import style

#: Parts of the fitting size, and of full opacity, in percent.
_SIZES: Final = (40, 300)
_OPACITIES: Final = (5, 100)


class PointLook(QWidget):
    """Size and opacity of points.

    Signals
    -------
    changed : float, float
        Size as a factor of the one that fits the number of points, and opacity from 0 to 1.
    """

    changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_point_look")
        self.size_slider = self._slider("size", _SIZES, "Size of points that are drawn one by one")
        self.opacity_slider = self._slider("opacity", _OPACITIES, "Opacity of the points")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(style.SMALL)
        layout.setVerticalSpacing(style.TIGHT)
        for row, (text, slider) in enumerate((("Size", self.size_slider), ("Opacity", self.opacity_slider))):
            label = QLabel(text, self)
            style.set_role(label, "muted")
            layout.addWidget(label, row, 0)
            layout.addWidget(slider, row, 1)

    @property
    def values(self) -> tuple[float, float]:
        """Factor of the size, and opacity."""
        return self.size_slider.value() / 100, self.opacity_slider.value() / 100

    def _slider(self, name: str, ends: tuple[int, int], tip: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(f"explorer_point_{name}")
        slider.setRange(*ends)
        slider.setValue(100)
        slider.setPageStep(10)
        slider.setToolTip(tip)
        slider.setAccessibleName(tip)
        slider.valueChanged.connect(lambda _value: self.changed.emit(*self.values))
        return slider
