"""A list of categories with colour, count and a tick for each: the legend that filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from widgets import glyphs, style
from widgets.explorer.category_rows import NAME_ROLE, ROW, CategoryModel, CategoryRows, RowPainter

_Index = QModelIndex | QPersistentModelIndex
_FRAME: Final = 4
_FEWEST_ROWS: Final = 5
#: Longer lists get a field to search them.
_SEARCH_FROM: Final = 12


class CategoryList(QWidget):
    """The legend of categories.

    Signals
    -------
    ticks_changed
        Other categories are ticked; see `ticked`.
    """

    ticks_changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.model = CategoryModel(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self.model)
        self._proxy.setFilterRole(NAME_ROLE)
        self._proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit(self)
        self.search.setObjectName(f"{name}_search")
        self.search.setPlaceholderText("Find")
        self.search.setToolTip("Show only categories with this in their name; All and None act on these")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._proxy.setFilterFixedString)
        self.list = CategoryRows(self)
        self.list.setObjectName(f"{name}_rows")
        self.list.setModel(self._proxy)
        self.list.setItemDelegate(RowPainter(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setToolTip("Click: show or hide. Double-click: only this one.")
        self.list.toggled.connect(self._toggle)
        self.list.only.connect(self._only)
        self.all_button = _small_button("All", f"{name}_all", "Show all categories", self)
        self.none_button = _small_button("None", f"{name}_none", "Hide all categories", self)
        self.all_button.clicked.connect(lambda: self._tick_listed(True))
        self.none_button.clicked.connect(lambda: self._tick_listed(False))
        row = QHBoxLayout()
        row.setSpacing(style.TIGHT)
        row.addWidget(self.search, 1)
        row.addStretch(0)
        row.addWidget(self.all_button)
        row.addWidget(self.none_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)

    @property
    def ticked(self) -> NDArray[np.bool_]:
        """Which categories are shown, ``(K,)``."""
        return self.model.ticked

    def set_rows(self, names: Sequence[str], counts: NDArray[np.integer], colours: NDArray[np.uint8]) -> None:
        """Show other categories, all ticked; `colours` is ``(K, 3)``."""
        self.search.clear()
        self.search.setVisible(len(names) >= _SEARCH_FROM)
        self.model.set_rows(names, counts, colours)
        # a short list takes no more room than it needs
        self.list.setMinimumHeight(ROW * min(max(len(names), 1), _FEWEST_ROWS) + _FRAME)
        self.list.setMaximumHeight(ROW * max(len(names), 1) + _FRAME)

    @property
    def full_height(self) -> int:
        """Height in which all rows are seen."""
        foot = max(self.search.sizeHint().height(), self.all_button.sizeHint().height())
        return self.list.maximumHeight() + style.TIGHT + foot

    def set_ticked(self, ticked: NDArray[np.bool_]) -> None:
        """Tick these categories without a signal."""
        self.model.ticked = ticked.copy()
        self.model.tell()

    def tick(self, ticked: NDArray[np.bool_]) -> None:
        """Tick these categories, as by hand."""
        self.set_ticked(ticked)
        self.ticks_changed.emit()

    def _row(self, index: _Index) -> int:
        return self._proxy.mapToSource(index).row()

    def _toggle(self, index: _Index) -> None:
        ticked = self.ticked.copy()
        ticked[self._row(index)] ^= True
        self.tick(ticked)

    def _only(self, index: _Index) -> None:
        ticked = np.zeros(len(self.ticked), np.bool_)
        ticked[self._row(index)] = True
        self.tick(ticked)

    def _tick_listed(self, on: bool) -> None:
        ticked = self.ticked.copy()
        for row in range(self._proxy.rowCount()):
            ticked[self._row(self._proxy.index(row, 0))] = on
        self.tick(ticked)


def _small_button(text: str, name: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setObjectName(name)
    button.setToolTip(tip)
    style.set_role(button, "link")
    return button
