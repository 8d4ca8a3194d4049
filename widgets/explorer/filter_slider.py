"""A slider for a low-pass filter, from none to coarse, in Å."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from widgets import style

#: Resolutions of its steps, Å; 0 = no filter.
STEPS_A: Final = (0, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60)


class FilterSlider(QWidget):
    """Low-pass filter in Å.

    Signals
    -------
    changed : float
        The resolution in Å, 0 for no filter.
    """

    changed = Signal(float)

    def __init__(self, name: str, parent: QWidget | None = None, *, start_a: int = 20) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._title = QLabel("Low-pass", self)
        style.set_role(self._title, "caption")
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setObjectName(f"{name}_slider")
        self.slider.setRange(0, len(STEPS_A) - 1)
        self.slider.setValue(STEPS_A.index(start_a))
        self.slider.setPageStep(2)
        self.slider.setAccessibleName("Low-pass filter")
        self.slider.setToolTip("Filter image and projection to this resolution; to the left: as they are")
        self.slider.valueChanged.connect(self._on_value)
        self.label = QLabel(self)
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        style.set_role(self.label, "caption")
        self.label.setMinimumWidth(style.text_width(style.small_font(self), "60 Å") + 2)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self._title)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.label)
        self._say()

    @property
    def resolution_a(self) -> float:
        """Resolution in Å, 0 for no filter."""
        return float(STEPS_A[self.slider.value()])

    def _on_value(self) -> None:
        self._say()
        self.changed.emit(self.resolution_a)

    def _say(self) -> None:
        self.label.setText(f"{self.resolution_a:g} Å" if self.resolution_a else "off")
