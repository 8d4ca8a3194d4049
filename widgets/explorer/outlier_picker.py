"""Selects particles that lie far out in latent space: those whose norm is beyond so many deviations."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from widgets import style

_START: Final = 1.5


def norms_of(latent: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the length ``(P,)`` of latent places ``(P, L)``; NaN where one is not finite."""
    lengths = np.sqrt(np.einsum("ij,ij->i", latent, latent, dtype=np.float64))
    return np.where(np.isfinite(lengths), lengths, np.nan)


class OutlierPicker(QWidget):
    """Says live how many particles lie beyond mean + n · deviation of the norms.

    Signals
    -------
    applied : object, str
        These particles ``(P,)``, and words for the history.
    """

    applied = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_outliers")
        self._norms: NDArray[np.float64] = np.zeros(0)
        self._mean = self._deviation = 0.0
        what = QLabel("‖z‖ > mean +", self)
        self.count = QDoubleSpinBox(self)
        self.count.setObjectName("explorer_outliers_count")
        self.count.setRange(-5.0, 20.0)
        self.count.setSingleStep(0.1)
        self.count.setDecimals(2)
        self.count.setValue(_START)
        self.count.setSuffix(" σ")
        self.count.setToolTip("How many standard deviations beyond the mean norm")
        self.count.setAccessibleName(self.count.toolTip())
        self.count.valueChanged.connect(lambda _value: self._show())
        self.text = QLabel(self, wordWrap=True)
        self.text.setObjectName("explorer_outliers_text")
        style.set_role(self.text, "caption")
        self.apply_button = QPushButton("Apply", self)
        self.apply_button.setObjectName("explorer_outliers_apply")
        self.apply_button.setToolTip("Select these particles, in the way chosen above")
        self.apply_button.clicked.connect(lambda _on: self.apply())
        line, foot = QHBoxLayout(), QHBoxLayout()
        for row in (line, foot):
            row.setSpacing(style.SMALL)
        line.addWidget(what)
        line.addWidget(self.count, 1)
        foot.addWidget(self.text, 1)
        foot.addWidget(self.apply_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addLayout(line)
        layout.addLayout(foot)
        self._show()

    def set_latent(self, latent: NDArray[np.floating]) -> None:
        """Take latent places ``(P, L)``."""
        self._norms = norms_of(latent)
        known = self._norms[np.isfinite(self._norms)]
        self._mean = float(known.mean()) if len(known) else 0.0
        self._deviation = float(known.std()) if len(known) else 0.0
        self._show()

    @property
    def limit(self) -> float:
        """The norm beyond which particles are outliers."""
        return self._mean + self.count.value() * self._deviation

    def wanted(self) -> NDArray[np.bool_]:
        """Return which particles are outliers, ``(P,)``; those without a place are none."""
        return self._norms > self.limit

    def apply(self) -> None:
        """Select the outliers."""
        if len(self._norms):
            self.applied.emit(self.wanted(), f"‖z‖ > mean + {self.count.value():g} σ")

    def _show(self) -> None:
        self.apply_button.setEnabled(len(self._norms) > 0)
        self.text.setText(
            f"{int(self.wanted().sum()):,} particles beyond {self.limit:.3g}" if len(self._norms) else ""
        )
