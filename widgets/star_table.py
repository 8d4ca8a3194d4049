"""A table to be read: any column sorts, a line filters, a click tells what a column holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.explorer.work import Work
from widgets.message_bar import MessageBar
from widgets.star_table_filter import FilterLine
from widgets.star_table_model import TableModel
from widgets.star_table_source import Arrangement, Rows, Statistics, TableSource, arranged, statistics
from widgets.star_table_statistics import ColumnStatistics
from widgets.star_table_view import RowsView

#: ``write(path, source, rows)``; called in a thread.
Write = Callable[[Path, TableSource, Rows], Path]
_SIDE: Final = 250
_WIDEST: Final = 320
_MEASURED_ROWS: Final = 40
_MOST_COPIED: Final = 200_000


class StarTable(QWidget):
    """One table: filter line, rows, statistics of a column, export.

    Signals
    -------
    export_requested
        The rows as shown are to be written; the owner asks where and calls `export`.
    row_chosen : int
        Row of the source that was clicked.
    """

    export_requested = Signal()
    row_chosen = Signal(int)

    def __init__(
        self, source: TableSource, write: Write | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("star_table")
        self.source = source
        self._write = write
        self._arrangement = Arrangement()
        self._column = ""
        self._work = Work(self)
        self._measure = Work(self)
        self.model = TableModel(source, self)
        self._build()
        QTimer.singleShot(0, self, self._fit_columns)

    def _build(self) -> None:
        self.filter = FilterLine(self)
        self.filter.set_columns(self.source.columns)
        self.filter.changed.connect(self._on_filter)
        self.count = QLabel(self)
        self.count.setObjectName("table_count")
        style.set_role(self.count, "muted")
        self.export_button = QPushButton("Export CSV…", self)
        self.export_button.setObjectName("table_export")
        self.export_button.setVisible(self._write is not None)
        self.export_button.clicked.connect(self.export_requested)
        self.bar = MessageBar()
        self.view = RowsView(self.model, self)
        self.view.customContextMenuRequested.connect(self._menu)
        head = self.view.horizontalHeader()
        head.setSectionsClickable(True)
        head.setHighlightSections(False)
        head.setSortIndicatorShown(False)
        head.sectionClicked.connect(self._on_header)
        self.view.clicked.connect(self._on_cell)
        self.copy_action = QAction("Copy", self)
        self.copy_action.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        self.copy_action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.copy_action.triggered.connect(self.copy)
        self.view.addAction(self.copy_action)
        self.statistics = ColumnStatistics()
        side = QScrollArea(self, widgetResizable=True)
        side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        holder = QWidget()
        inside = QVBoxLayout(holder)
        inside.setContentsMargins(style.MEDIUM, 0, style.SMALL, 0)
        inside.addWidget(self.statistics)
        side.setWidget(holder)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.view)
        splitter.addWidget(side)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([900, _SIDE])
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(self.filter, 1)
        top.addWidget(self.count)
        top.addWidget(self.export_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(splitter, 1)
        self._show_count()

    def _fit_columns(self) -> None:
        """Give columns the width of their name and of their first rows."""
        metrics = self.fontMetrics()
        rows = range(min(_MEASURED_ROWS, self.model.rowCount()))
        for column, name in enumerate(self.source.columns):
            texts = [f"{name.removeprefix('rln')}   ", *(self.model.cell(row, column) for row in rows)]
            width = max(metrics.horizontalAdvance(text) for text in texts) + 26
            self.view.setColumnWidth(column, min(width, _WIDEST))
        if len(self.source.columns) <= 2:
            self.view.horizontalHeader().setStretchLastSection(True)

    # -- order and filter ----------------------------------------------------------------------------------

    def arrange(self, wanted: Arrangement) -> None:
        """Show rows in another order, or others; worked out beside the window."""
        self._arrangement = wanted
        source = self.source
        self.count.setText("Sorting…" if wanted.column else "Filtering…")
        self._work.start(lambda _p, _c: arranged(source, wanted), self._on_arranged, self._on_failed)

    def sort_by(self, column: str, *, descending: bool = False) -> None:
        """Sort by a column; an empty name brings back the order of the file."""
        self.arrange(Arrangement(column, descending, self._arrangement.conditions))

    @property
    def busy(self) -> bool:
        """Whether order, filter or statistics are still being worked out."""
        return self._work.busy or self._measure.busy

    def _on_filter(self, conditions: object) -> None:
        assert isinstance(conditions, tuple)
        now = self._arrangement
        if conditions != now.conditions:
            self.arrange(Arrangement(now.column, now.descending, conditions))

    def _on_header(self, section: int) -> None:
        name, now = self.source.columns[section], self._arrangement
        if now.column != name:
            self.sort_by(name)
        elif not now.descending:
            self.sort_by(name, descending=True)
        else:
            self.sort_by("")
        self.show_column(name)

    def _on_arranged(self, rows: Rows) -> None:
        self.bar.clear()
        self.model.show_rows(rows)
        now, head = self._arrangement, self.view.horizontalHeader()
        head.setSortIndicatorShown(bool(now.column))
        if now.column:
            order = Qt.SortOrder.DescendingOrder if now.descending else Qt.SortOrder.AscendingOrder
            head.setSortIndicator(self.source.columns.index(now.column), order)
        self._show_count()
        if self._column:
            self.show_column(self._column)

    def _on_failed(self, error: Exception) -> None:
        self.bar.show_error(f"{error}.".replace("..", "."))
        self._show_count()

    def _show_count(self) -> None:
        shown, of = len(self.model.rows), self.source.n_rows
        word = "row" if of == 1 else "rows"
        self.count.setText(f"{of:,} {word}" if shown == of else f"{shown:,} of {of:,} {word}")

    # -- a column, a cell ----------------------------------------------------------------------------------

    def show_column(self, name: str) -> None:
        """Tell what the values of a column are, in the rows shown."""
        self._column = name
        source, rows = self.source, self.model.rows

        def show(found: Statistics) -> None:
            self.statistics.show_statistics(found)

        self._measure.start(lambda _p, _c: statistics(source, name, rows), show, self._on_failed)

    def _on_cell(self, index: QModelIndex) -> None:
        self.show_column(self.source.columns[index.column()])
        self.row_chosen.emit(int(self.model.rows[index.row()]))

    def copy(self) -> None:
        """Copy the chosen cells as a table, columns apart by tabs."""
        chosen = self.view.selectionModel().selection()
        lines = []
        for block in (chosen.at(k) for k in range(chosen.count())):
            for row in range(block.top(), min(block.bottom(), block.top() + _MOST_COPIED) + 1):
                cells = [self.model.cell(row, c) for c in range(block.left(), block.right() + 1)]
                lines.append("\t".join(cells))
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    def _menu(self) -> None:
        index = self.view.currentIndex()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.copy_action)
        if index.isValid():
            name, text = self.source.columns[index.column()], self.model.cell(index.row(), index.column())
            for sign in ("=", "≠"):
                shown = text if len(text) < 40 else f"{text[:37]}…"
                action = menu.addAction(f"Only rows where {name.removeprefix('rln')} {sign} {shown}")
                action.triggered.connect(
                    lambda _checked=False, s=sign, n=name, t=text: self.filter.choose(n, s, t)
                )
        menu.popup(self.cursor().pos())

    # -- writing -------------------------------------------------------------------------------------------

    def export(self, path: Path) -> None:
        """Write the rows as shown."""
        write, source, rows = self._write, self.source, self.model.rows
        if write is not None:
            self._measure.start(
                lambda _p, _c: write(path, source, rows),
                lambda written: self.bar.show_success(f"{len(rows):,} rows were written to {written}."),
                self._on_failed,
            )


class StarTables(QTabWidget):
    """All tables of a file, one tab each; a table is built when its tab is opened first."""

    export_requested = Signal(object)

    def __init__(
        self, sources: Sequence[TableSource], write: Write | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("star_tables")
        self.setDocumentMode(True)
        self._write = write
        self._sources = list(sources)
        self._made: dict[int, StarTable] = {}
        for source in self._sources:
            holder = QWidget()
            QVBoxLayout(holder).setContentsMargins(0, 0, 0, 0)
            self.addTab(holder, f"{source.name}  {source.n_rows:,}")
        self.currentChanged.connect(self.table)
        if self._sources:
            # the longest table is what the file is about
            longest = max(range(len(self._sources)), key=lambda k: self._sources[k].n_rows)
            self.setCurrentIndex(longest)
            self.table(longest)

    def table(self, index: int) -> StarTable | None:
        """Return the table of a tab."""
        if not 0 <= index < len(self._sources):
            return None
        if index not in self._made:
            made = StarTable(self._sources[index], self._write)
            made.export_requested.connect(lambda: self.export_requested.emit(made))
            self._made[index] = made
            holder = self.widget(index)
            layout = holder.layout() if holder is not None else None
            assert layout is not None
            layout.addWidget(made)
        return self._made[index]

    @property
    def current(self) -> StarTable | None:
        """The table that is seen."""
        return self.table(self.currentIndex())
