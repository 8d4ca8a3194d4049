"""A table of the selected particles with all that is known of them: sorted by a click, copied with Ctrl+C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QTableView, QVBoxLayout, QWidget

from widgets import style
from widgets.explorer.column_values import Values
from widgets.explorer.columns import Columns
from widgets.explorer.number_text import short
from widgets.explorer.steady import Steady

_Index = QModelIndex | QPersistentModelIndex
#: Columns shown at most, beside the name.
MOST: Final = 40
_NONE: Final = QModelIndex()


@dataclass(frozen=True, eq=False)
class Known:
    """Columns of all particles with their titles."""

    columns: Columns
    titles: tuple[str, ...]
    values: tuple[Values, ...]


def read_all(columns: Columns) -> Known:
    """Read every column that a table can show; blocks."""
    titles: list[str] = []
    found: list[Values] = []
    for source in columns.sources:
        if source.special or source.raw in ("image_name", "index") or len(found) >= MOST:
            continue
        values = columns.read(source)
        if values is not None and values.kind != "vector":
            titles.append(source.label)
            found.append(values)
    return Known(columns, tuple(titles), tuple(found))


class ParticleModel(QAbstractTableModel):
    """Rows of chosen particles; only what is in view is made text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: NDArray[Any] = np.zeros(0, object)
        self.known: Known | None = None
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)

    def show(self, names: NDArray[Any], known: Known | None, rows: NDArray[np.int64]) -> None:
        """Show other particles or columns."""
        self.beginResetModel()
        self.names, self.known, self.rows = names, known, rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _NONE) -> int:
        """Particles."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NONE) -> int:
        """Number, name, and what else is known."""
        return 0 if parent.isValid() else 2 + (len(self.known.titles) if self.known is not None else 0)

    def headerData(self, section: int, direction: Qt.Orientation, role: int = 0) -> Any:
        """Titles of the columns."""
        if role != Qt.ItemDataRole.DisplayRole.value or direction != Qt.Orientation.Horizontal:
            return None
        if section < 2:
            return ("Index", "Particle")[section]
        return self.known.titles[section - 2] if self.known is not None else None

    def data(self, index: _Index, role: int = 0) -> Any:
        """Text of a cell; numbers stand to the right."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() != 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def text(self, line: int, column: int) -> str:
        """Return what stands in a cell."""
        row = int(self.rows[line])
        if column < 2:
            return str(row) if column == 0 else str(self.names[row])
        assert self.known is not None
        values = self.known.values[column - 2]
        if values.codes is not None and values.names:
            code = int(values.codes[row])
            return values.names[code] if code >= 0 else ""
        number = float(values.numbers[row])
        return short(number) if np.isfinite(number) else ""

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the particles in the order of a column; those without a value last."""
        if not 0 <= column < self.columnCount():
            return
        if column == 0:
            keys: NDArray[Any] = self.rows
        elif column == 1:
            keys = np.unique(self.names[self.rows].astype(str), return_inverse=True)[1]
        else:
            assert self.known is not None
            keys = self.known.values[column - 2].numbers[self.rows].astype(np.float64)
        falling = order == Qt.SortOrder.DescendingOrder
        keys = np.where(np.isfinite(keys), -keys if falling else keys, np.inf)
        self.layoutAboutToBeChanged.emit()
        self.rows = self.rows[np.argsort(keys, kind="stable")]
        self.layoutChanged.emit()


class ParticleTable(QWidget):
    """The table with its count.

    Signals
    -------
    chosen : int
        A particle was double-clicked.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_particle_table")
        self._columns: Columns | None = None
        self._known: Known | None = None
        self._names: NDArray[Any] = np.zeros(0, object)
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self.model = ParticleModel(self)
        self.view = QTableView(self)
        self.view.setObjectName("explorer_particle_rows")
        self.view.setModel(self.model)
        self.view.setSortingEnabled(True)
        self.view.setWordWrap(False)
        self.view.setAlternatingRowColors(True)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.view.horizontalHeader().setDefaultSectionSize(110)
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.view.doubleClicked.connect(lambda index: self.chosen.emit(int(self.model.rows[index.row()])))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.view, self.copy)
        self.text = QLabel(self)
        self.text.setObjectName("explorer_particle_count")
        style.set_role(self.text, "caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.text)
        self._reader = Steady(read_all, self)
        self._reader.answered.connect(self._on_read)
        self._reader.failed.connect(lambda error: self.text.setText(str(error)))

    def set_columns(self, columns: Columns, names: NDArray[Any]) -> None:
        """Offer the columns of particles of these names; they are read beside the window."""
        self._columns, self._names = columns, names
        if self._known is not None and any(len(v.numbers) != len(names) for v in self._known.values):
            self._known = None
        self._reader.request(columns)

    def set_rows(self, rows: NDArray[np.int64], *, selected: bool) -> None:
        """Show particles of these numbers."""
        self._rows = rows
        what = "selected particles" if selected else "particles; none are selected"
        self.text.setText(f"{len(rows):,} {what} · click a title to sort · Ctrl+C copies rows")
        self._show()

    def copy(self) -> None:
        """Put the marked rows on the clipboard, cells apart by tabs, below their titles."""
        lines = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        columns = range(self.model.columnCount())
        head = [str(self.model.headerData(k, Qt.Orientation.Horizontal)) for k in columns]
        found = ["\t".join(head), *("\t".join(self.model.text(n, k) for k in columns) for n in lines)]
        if lines:
            QApplication.clipboard().setText("\n".join(found) + "\n")

    def _on_read(self, known: Known) -> None:
        if known.columns is self._columns:
            self._known = known
            self._show()

    def _show(self) -> None:
        header = self.view.horizontalHeader()
        self.model.show(self._names, self._known, self._rows[self._rows < len(self._names)])
        for column in range(2, self.model.columnCount()):
            self.view.setColumnWidth(column, max(80, header.sectionSizeHint(column)))
        self.view.setColumnWidth(0, 70)
        self.view.setColumnWidth(1, 240)
        if header.sortIndicatorSection() >= 0:
            self.model.sort(header.sortIndicatorSection(), header.sortIndicatorOrder())
