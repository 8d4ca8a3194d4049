"""A dialog to choose a result of the project: its job, kind, date, number of particles and box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.background import Newest
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.node_source import NodeCandidate, NodeSource, kind_in_words

_Index = QModelIndex | QPersistentModelIndex
_SORT_ROLE: Final = Qt.ItemDataRole.UserRole + 1
_COLUMNS: Final = ("File", "Job", "Kind", "Changed", "Particles", "Box (px)", "Pixel (Å)")
_NUMBERS: Final = {4: "particles", 5: "box", 6: "pixel_size_a"}


class CandidateModel(QAbstractTableModel):
    """Rows are candidates, columns what one chooses by."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[NodeCandidate] = []

    def set_rows(self, rows: Sequence[NodeCandidate]) -> None:
        """Show other candidates."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of candidates."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title, aligned as its cells."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, sort value, alignment or explanation of a cell."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == _SORT_ROLE:
            return self._sort_value(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.path}\n{row.label}"
        return None

    @staticmethod
    def _text(row: NodeCandidate, column: int) -> str:
        if column in _NUMBERS:
            value = row.details.get(_NUMBERS[column])
            if isinstance(value, float):
                return f"{value:.4g}" if column == 6 else f"{value:,.0f}"
            return f"{value:,}" if isinstance(value, int) else str(value or "")
        date = row.date.strftime("%Y-%m-%d %H:%M") if row.date is not None else ""
        return (row.path, row.job, row.kind, date)[column]

    def _sort_value(self, row: NodeCandidate, column: int) -> float | str:
        if column in _NUMBERS:
            value = row.details.get(_NUMBERS[column])
            return float(value) if isinstance(value, (int, float)) else -1.0
        if column == 3:
            return row.date.timestamp() if row.date is not None else 0.0
        return self._text(row, column).lower()


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class _AllWords(QSortFilterProxyModel):
    """Keeps rows in which every typed word occurs somewhere, in any order and case."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self.setSortRole(_SORT_ROLE)

    def set_words(self, text: str) -> None:
        self.beginFilterChange()
        self._words = text.lower().split()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, source_row: int, _parent: _Index) -> bool:
        model = self.sourceModel()
        assert isinstance(model, CandidateModel)
        row = model.rows[source_row]
        text = " ".join((row.path, row.job, row.kind, row.label, *map(str, row.details.values()))).lower()
        return all(word in text for word in self._words)


class NodePicker(QDialog):
    """Choose one file of the project.

    Typing filters at once, Down goes into the table, Return chooses, Escape leaves. The list is read off the
    GUI thread, because it looks into file headers.

    Parameters
    ----------
    source : NodeSource
        Where candidates come from.
    labels : sequence of str
        Node labels that suit.
    title : str
        What is being chosen.
    """

    chosen = Signal(str)

    def __init__(
        self, source: NodeSource, labels: Sequence[str], title: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("node_picker")
        self.setWindowTitle(f"Choose: {title}")
        self.setModal(True)
        self.resize(1080, 480)
        self._labels = tuple(labels)
        self._reader = Newest(source.candidates, 0, self)
        self._build(title)
        self._reader.answered.connect(self._show_candidates)
        self._reader.failed.connect(self._show_failure)
        self._reader.request(self._labels)

    def _build(self, title: str) -> None:
        heading = QLabel(title, self)
        style.set_role(heading, "heading")
        self.search = QLineEdit(self)
        self.search.setObjectName("node_search")
        self.search.setPlaceholderText("Filter by file, job or kind")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.model = CandidateModel(self)
        self._proxy = _AllWords(self)
        self._proxy.setSourceModel(self.model)
        self.table = QTableView(self)
        self.table.setObjectName("node_table")
        self.table.setModel(self._proxy)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(style.CONTROL_HEIGHT)
        self.table.doubleClicked.connect(self.accept)
        self.table.installEventFilter(self)
        self.table.selectionModel().selectionChanged.connect(self._update_button)
        self._body = WithEmptyState(
            self.table, EmptyState("nodes", "Looking through the project …", parent=self), self
        )
        self.count = QLabel(self)
        self.count.setObjectName("node_count")
        style.set_role(self.count, "muted")
        cancel = QPushButton("Cancel", self, autoDefault=False)
        cancel.setObjectName("node_cancel")
        cancel.clicked.connect(self.reject)
        self.choose = QPushButton("Choose", self, autoDefault=False)
        self.choose.setObjectName("node_choose")
        style.set_role(self.choose, "primary")
        self.choose.setEnabled(False)
        self.choose.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setSpacing(style.SMALL)
        foot.addWidget(self.count, 1)
        foot.addWidget(self.choose)
        foot.addWidget(cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        layout.addWidget(heading)
        layout.addWidget(self.search)
        layout.addWidget(self._body, 1)
        layout.addLayout(foot)
        self.search.setFocus()

    def _wanted(self) -> str:
        kinds = list(dict.fromkeys(kind_in_words(label).split(" · ")[0].lower() for label in self._labels))
        return " or ".join(kinds) or "file"

    def _show_candidates(self, candidates: Sequence[NodeCandidate]) -> None:
        self.model.set_rows(candidates)
        header = self.table.horizontalHeader()
        self.table.resizeColumnsToContents()
        for column in range(1, len(_COLUMNS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.table.setColumnWidth(column, min(self.table.columnWidth(column), 200))
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._filter(self.search.text())

    def _show_failure(self, error: BaseException) -> None:
        self._body.empty.set_message("The list could not be made", str(error), glyph="warning")
        self._body.show_empty(True)

    def _filter(self, text: str) -> None:
        self._proxy.set_words(text)
        shown, total = self._proxy.rowCount(), len(self.model.rows)
        if self.loading:
            return
        if not total:
            self._body.empty.set_message(
                f"No {self._wanted()} in this project yet",
                "Results of finished jobs appear here. A file from elsewhere can be chosen with Browse.",
            )
        elif not shown:
            self._body.empty.set_message(
                "Nothing matches", f"No result contains “{text.strip()}”.", glyph="search"
            )
        self._body.show_empty(not shown)
        self.count.setText(f"{shown:,} of {total:,}" if shown != total else f"{total:,} found")
        if shown:
            self.table.selectRow(0)
        self._update_button()

    @property
    def loading(self) -> bool:
        """Whether the list is still being made."""
        return self._reader.pending

    def _update_button(self) -> None:
        self.choose.setEnabled(bool(self.table.selectionModel().selectedRows()) and not self._body.is_empty)

    def selected(self) -> NodeCandidate | None:
        """Return the candidate in the selected row."""
        rows = self.table.selectionModel().selectedRows()
        if not rows or self._body.is_empty:
            return None
        return self.model.rows[self._proxy.mapToSource(rows[0]).row()]

    def accept(self) -> None:
        """Give the selected file back; nothing happens when none is selected."""
        candidate = self.selected()
        if candidate is None:
            return
        self.chosen.emit(candidate.path)
        super().accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys: Down and Up move through the table from the search line, Return chooses."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.accept()
                return True
            if watched is self.search and key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and not self._body.is_empty:
                self._move(1 if key == Qt.Key.Key_Down else -1)
                return True
        return super().eventFilter(watched, event)

    def _move(self, step: int) -> None:
        rows = self.table.selectionModel().selectedRows()
        current = rows[0].row() if rows else -1
        self.table.selectRow(min(max(current + step, 0), self._proxy.rowCount() - 1))
