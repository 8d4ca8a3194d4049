"""Selections that were given a name, and what comes of two or more of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.explorer.selection_uses import wide_button

Mask = NDArray[np.bool_]
_LINES: Final = 5
#: Name, sign between the names in the history, and tip.
WAYS: Final = {
    "union": ("Union", " ∪ ", "Particles in any of the chosen selections"),
    "intersection": ("Common", " ∩ ", "Particles in all of the chosen selections"),
    "difference": ("First only", " ∖ ", "Particles of the uppermost chosen selection that are in no other"),
    "others": ("Others", "", "Particles in none of the chosen selections"),
}


def united(masks: Sequence[Mask], way: str) -> Mask:
    """Return what comes of masks ``(P,)``: their ``union``, ``intersection``, ``difference`` or ``others``.

    Raises
    ------
    ValueError
        When there are no masks, or no such way.
    """
    if not masks or way not in WAYS:
        raise ValueError("choose one or more selections, and how they are combined")
    stack = np.stack([np.asarray(mask, np.bool_) for mask in masks])
    if way == "intersection":
        return np.asarray(stack.all(axis=0))
    if way == "difference":
        return stack[0] & ~stack[1:].any(axis=0)
    together = np.asarray(stack.any(axis=0))
    return ~together if way == "others" else together


class NamedSets(QWidget):
    """Keeps selections under names.

    Signals
    -------
    applied : object, str
        Particles ``(P,)`` and words for the history.
    kept : str, object
        A selection ``(P,)`` was given a name.
    forgotten : str
        The selection of this name is no longer wanted.
    """

    applied = Signal(object, str)
    kept = Signal(str, object)
    forgotten = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_named")
        self._current: Mask | None = None
        self._kept: dict[str, NDArray[np.uint8]] = {}
        self._n = 0
        self._build()
        self._show()

    def _build(self) -> None:
        self.name = QLineEdit(self)
        self.name.setObjectName("explorer_named_name")
        self.name.setPlaceholderText("Name of the selection")
        self.name.setAccessibleName("Name of the selection")
        self.name.returnPressed.connect(self.keep)
        self.keep_button = wide_button(
            self, "Keep", "explorer_named_keep", "Keep the selection under this name, with the job"
        )
        self.keep_button.clicked.connect(lambda _on: self.keep())
        self.list = QListWidget(self)
        self.list.setObjectName("explorer_named_list")
        self.list.setAccessibleName("Kept selections")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setToolTip(
            "Choose one or more (Ctrl, Shift); double-click: select exactly these. Del: forget"
        )
        self.list.setFixedHeight(_LINES * (self.list.fontMetrics().height() + 6))
        self.list.itemSelectionChanged.connect(self._show)
        self.list.itemDoubleClicked.connect(lambda _item: self.apply("union"))
        self.forget_button = wide_button(
            self, "Forget", "explorer_named_forget", "Forget the chosen ones for good"
        )
        self.forget_button.clicked.connect(lambda _on: self.forget())
        self.ways: dict[str, QToolButton] = {}
        grid = QGridLayout()
        grid.setSpacing(style.TIGHT)
        for place, (way, (text, _sign, tip)) in enumerate(WAYS.items()):
            button = wide_button(self, text, f"explorer_named_{way}", tip)
            button.clicked.connect(lambda _on, w=way: self.apply(w))
            self.ways[way] = button
            grid.addWidget(button, place // 2, place % 2)
        first = QHBoxLayout()
        first.setSpacing(style.TIGHT)
        first.addWidget(self.name, 2)
        first.addWidget(self.keep_button, 1)
        first.addWidget(self.forget_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addLayout(first)
        layout.addWidget(self.list)
        layout.addLayout(grid)

    # -- from outside --------------------------------------------------------------------------------------

    def set_count(self, n: int) -> None:
        """Begin anew with `n` particles."""
        self._n, self._current = n, None
        self._kept.clear()
        self.list.clear()
        self._show()

    def set_selection(self, mask: Mask | None) -> None:
        """Take the selection that can be kept, ``(P,)``."""
        self._current = mask
        self._show()

    def names(self) -> list[str]:
        """Names of the kept selections, in the order of the list."""
        return list(self._kept)

    def mask_of(self, name: str) -> Mask:
        """Return the particles ``(P,)`` of a kept selection."""
        return np.unpackbits(self._kept[name], count=self._n).view(np.bool_)

    def keep(self) -> None:
        """Keep the selection under the name that was written, or the next number."""
        if self._current is None or len(self._current) != self._n:
            return
        name = self.name.text().strip() or self._free_name()
        self._enter(name, self._current)
        self.name.clear()
        self._show()
        self.kept.emit(name, self._current.copy())

    def restore(self, masks: Mapping[str, Mask]) -> None:
        """Offer selections ``(P,)`` that were kept before, beside those that there are."""
        for name, mask in masks.items():
            if name not in self._kept and len(mask) == self._n:
                self._enter(name, mask)
        self._show()

    def _enter(self, name: str, mask: Mask) -> None:
        if name not in self._kept:
            self.list.addItem(QListWidgetItem())
        self._kept[name] = np.packbits(mask)
        item = self.list.item(list(self._kept).index(name))
        item.setData(Qt.ItemDataRole.UserRole, name)
        item.setText(f"{name} · {int(mask.sum()):,}")

    def forget(self) -> None:
        """Forget the chosen selections."""
        for name in self._chosen():
            self.list.takeItem(list(self._kept).index(name))
            del self._kept[name]
            self.forgotten.emit(name)
        self._show()

    def choose(self, *names: str) -> None:
        """Choose some of the kept selections, as by hand."""
        for row, name in enumerate(self._kept):
            self.list.item(row).setSelected(name in names)

    def apply(self, way: str) -> None:
        """Select what comes of the chosen selections."""
        chosen = self._chosen()
        if not chosen:
            return
        words = WAYS[way][1].join(chosen) if way != "others" else f"others than {', '.join(chosen)}"
        self.applied.emit(united([self.mask_of(name) for name in chosen], way), words)

    # -- state ---------------------------------------------------------------------------------------------

    def _chosen(self) -> list[str]:
        return [name for row, name in enumerate(self._kept) if self.list.item(row).isSelected()]

    def _free_name(self) -> str:
        number = len(self._kept) + 1
        while f"selection {number}" in self._kept:
            number += 1
        return f"selection {number}"

    def _show(self) -> None:
        can_keep = self._current is not None
        self.keep_button.setEnabled(can_keep)
        self.name.setEnabled(can_keep)
        chosen = self._chosen()
        self.forget_button.setEnabled(bool(chosen))
        for way, button in self.ways.items():
            button.setEnabled(len(chosen) > (way in ("intersection", "difference")))
