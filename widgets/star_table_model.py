"""A table of a million rows for Qt: cells are read when they are seen, order and filter are one array."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from widgets import style
from widgets.star_table_source import Rows, TableSource

_REMEMBERED: Final = 2000
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT: Final = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
Index = QModelIndex | QPersistentModelIndex


class TableModel(QAbstractTableModel):
    """Rows of a source, those and in the order that `show_rows` was given."""

    def __init__(self, source: TableSource, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source = source
        self.rows: Rows = np.arange(source.n_rows, dtype=np.int64)
        self._cache: OrderedDict[int, Sequence[str]] = OrderedDict()
        first = source.row(0) if source.n_rows else [""] * len(source.columns)
        self._align = [_RIGHT if _is_number(cell) else _LEFT for cell in first]

    def show_rows(self, rows: Rows) -> None:
        """Show these rows, in this order."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of rows shown."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.source.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text and alignment of a cell."""
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.cell(index.row(), index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._align[index.column()]
        return None

    def cell(self, place: int, column: int) -> str:
        """Return the text at a place of the shown rows."""
        return self.cells(place)[column]

    def alignment(self, column: int) -> int:
        """Return how a column is aligned: numbers to the right."""
        return self._align[column]

    def cells(self, place: int) -> Sequence[str]:
        """Return the texts of one of the shown rows."""
        row = int(self.rows[place])
        found = self._cache.get(row)
        if found is None:
            found = self._cache[row] = self.source.row(row)
            if len(self._cache) > _REMEMBERED:
                self._cache.popitem(last=False)
        return found

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return names of columns, and numbers of rows as they stand in the file."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.source.columns[section].removeprefix("rln")
            if role == Qt.ItemDataRole.ToolTipRole:
                return f"{self.source.columns[section]}\nClick: sort, and show what its values are"
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self._align[section]
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{int(self.rows[section]) + 1}"
        if role == Qt.ItemDataRole.ForegroundRole:
            return style.colour("muted")
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
