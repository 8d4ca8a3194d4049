"""Divides particles into groups and selects some of them by number."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget

from widgets import style
from widgets.explorer.label_lists import read_numbers, write_numbers
from widgets.fields import ChoiceBox

METHODS: Final = {
    "kmeans": ("k-means", "Round groups of like size"),
    "gmm": (
        "Mixture",
        "Mixture of Gaussians with full covariances: long and unlike groups, with probabilities",
    ),
}
_MOST: Final = 200


class GroupPicker(QWidget):
    """Method, number of groups and seed, and below which groups are wanted.

    Signals
    -------
    find_wanted : str, int, int
        Method, number of groups, seed.
    applied : object, str
        Particles ``(P,)`` of the groups, and words for the history.
    """

    find_wanted = Signal(str, int, int)
    applied = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_groups")
        self.labels: NDArray[np.integer] | None = None
        self.probability: NDArray[np.floating] | None = None
        self._method = ""
        self._build()
        self._show()

    def _build(self) -> None:
        self.method = ChoiceBox(self)
        self.method.setObjectName("explorer_groups_method")
        self.method.setAccessibleName("How particles are divided")
        for row, (key, (text, tip)) in enumerate(METHODS.items()):
            self.method.addItem(text, key)
            self.method.setItemData(row, tip, 3)  # tooltip
        self.count = _spin(self, "count", 1, _MOST, 3, "Number of groups")
        self.seed = _spin(self, "seed", 0, 999_999, 0, "Seed: the same number gives the same groups")
        self.seed.setPrefix("seed ")
        self.find_button = QPushButton("Find", self)
        self.find_button.setObjectName("explorer_groups_find")
        self.find_button.setToolTip("Divide all particles by their latent places, and colour by the groups")
        self.find_button.clicked.connect(
            lambda _on: self.find_wanted.emit(
                str(self.method.currentData()), self.count.value(), self.seed.value()
            )
        )
        self.numbers = QLineEdit(self)
        self.numbers.setObjectName("explorer_groups_numbers")
        self.numbers.setPlaceholderText("Groups, as in 1, 3, 5-7")
        self.numbers.setAccessibleName("Groups to select")
        self.numbers.textChanged.connect(lambda _text: self._show())
        self.numbers.returnPressed.connect(self.apply)
        self.sure = _spin(self, "sure", 0, 99, 0, "Only particles whose group is at least this likely")
        self.sure.setPrefix("≥ ")
        self.sure.setSuffix(" %")
        self.sure.valueChanged.connect(lambda _value: self._show())
        self.apply_button = QPushButton("Apply", self)
        self.apply_button.setObjectName("explorer_groups_apply")
        self.apply_button.setToolTip("Select these particles, in the way chosen above")
        self.apply_button.clicked.connect(lambda _on: self.apply())
        self.text = QLabel(self, wordWrap=True)
        self.text.setObjectName("explorer_groups_text")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.setColumnStretch(0, 1)
        layout.addWidget(self.method, 0, 0)
        layout.addWidget(self.count, 0, 1)
        layout.addWidget(self.seed, 1, 0)
        layout.addWidget(self.find_button, 1, 1)
        layout.addWidget(self.numbers, 2, 0)
        layout.addWidget(self.sure, 2, 1)
        foot = QHBoxLayout()
        foot.setSpacing(style.SMALL)
        foot.addWidget(self.text, 1)
        foot.addWidget(self.apply_button)
        layout.addLayout(foot, 3, 0, 1, 2)

    # -- from outside --------------------------------------------------------------------------------------

    def set_groups(
        self,
        labels: NDArray[np.integer] | None,
        probability: NDArray[np.floating] | None = None,
        method: str = "kmeans",
    ) -> None:
        """Take groups ``(P,)`` numbered from 0, -1 for none, and how likely each is; None forgets them."""
        self.labels, self.probability, self._method = labels, probability, METHODS[method][0]
        self._show()

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Particles of each group."""
        labels = self.labels
        none = np.zeros(0, np.int64)
        return none if labels is None else np.bincount(labels[labels >= 0])

    def wanted(self) -> NDArray[np.bool_]:
        """Return which particles are wanted, ``(P,)``.

        Raises
        ------
        ValueError
            With a sentence, when there are no groups or the list is wrong.
        """
        if self.labels is None:
            raise ValueError("Find groups first")
        wanted = np.array(read_numbers(self.numbers.text(), len(self.sizes))) - 1
        mask = np.isin(self.labels, wanted)
        if self.probability is not None and self.sure.value():
            mask &= self.probability >= self.sure.value() / 100
        return mask

    def apply(self) -> None:
        """Select the wanted groups."""
        try:
            mask = self.wanted()
        except ValueError as error:
            self._say(str(error), "problem")
            return
        words = write_numbers(read_numbers(self.numbers.text(), len(self.sizes)))
        self.applied.emit(mask, f"{self._method} {words}")

    # -- state ---------------------------------------------------------------------------------------------

    def _show(self) -> None:
        has = self.labels is not None
        self.numbers.setEnabled(has)
        self.sure.setVisible(self.probability is not None)
        self.apply_button.setEnabled(has and bool(self.numbers.text().strip()))
        if not has:
            self._say("Groups are numbered by size, the largest first", "caption")
            return
        if not self.numbers.text().strip():
            self._say(self._about(), "caption")
            return
        try:
            self._say(f"{int(self.wanted().sum()):,} particles", "caption")
        except ValueError as error:
            self.apply_button.setEnabled(False)
            self._say(str(error), "problem")

    def _about(self) -> str:
        sizes = self.sizes
        text = f"{len(sizes)} groups of {int(sizes.min(initial=0)):,} to {int(sizes.max(initial=0)):,}"
        known: Any = self.probability
        if known is not None and np.isfinite(known).any():
            text += f", median probability {100 * float(np.nanmedian(known)):.0f} %"
        return text

    def _say(self, text: str, role: str) -> None:
        style.set_role(self.text, role)
        self.text.setText(text[:1].upper() + text[1:])


def _spin(parent: QWidget, name: str, low: int, high: int, value: int, tip: str) -> QSpinBox:
    spin = QSpinBox(parent)
    spin.setObjectName(f"explorer_groups_{name}")
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setToolTip(tip)
    spin.setAccessibleName(tip)
    return spin
