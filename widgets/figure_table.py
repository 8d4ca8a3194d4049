"""A figure of a job that is a table: one line per row, and below it what is wrong or doubtful with it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QBrush, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QVBoxLayout,
    QWidget,
)

from jobs.core.figures import Figure
from widgets import glyphs, style

#: A column is no wider than this at first; the rest is in the tip (px).
_WIDEST = 220
_ROW_HEIGHT = 24


class _Rows(QTreeWidget):
    """Rows that say when their width changes."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell it."""
        super().resizeEvent(event)
        self.resized.emit()


class FigureTable(QWidget):
    """Shows the rows of a figure; Ctrl+C copies those that are selected, separated by tabs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("figure_table")
        self.setMinimumSize(240, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.figure: Figure | None = None
        self._notes: list[QTreeWidgetItem] = []
        self._widths: list[int] = []
        self._title = QLabel(self, textFormat=Qt.TextFormat.PlainText)
        self._title.setObjectName("figure_table_title")
        self._title.setFont(style.scaled_font(1.0, self, bold=True))
        self.tree = _Rows(self)
        self.tree.resized.connect(self._spread)
        self.tree.setObjectName("figure_table_rows")
        self.tree.setRootIsDecorated(False)
        self.tree.setItemsExpandable(False)
        self.tree.setIndentation(0)
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.tree.header().setStretchLastSection(False)
        copying = QShortcut(QKeySequence.StandardKey.Copy, self.tree)
        copying.setContext(Qt.ShortcutContext.WidgetShortcut)
        copying.activated.connect(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self._title)
        layout.addWidget(self.tree, 1)
        style.ThemeWatcher(self, self._colour_notes)

    def set_figure(self, figure: Figure) -> None:
        """Show a figure of the kind ``table``; the same one again changes nothing."""
        if figure == self.figure:
            return
        self.figure = figure
        self._title.setText(figure.title)
        self.tree.setAccessibleName(figure.title)
        self._notes.clear()
        self.tree.clear()
        self.tree.setColumnCount(len(figure.columns))
        self.tree.setHeaderLabels(list(figure.columns))
        lines = []
        for cells in figure.rows:
            line = QTreeWidgetItem(list(cells))
            for column, cell in enumerate(cells):
                line.setToolTip(column, cell)
            lines.append(line)
        for column in range(len(figure.columns)):
            # a heading stands where its numbers do
            numbers = bool(lines) and all(_is_number(cells[column]) for cells in figure.rows)
            side = Qt.AlignmentFlag.AlignRight if numbers else Qt.AlignmentFlag.AlignLeft
            self.tree.headerItem().setTextAlignment(column, side | Qt.AlignmentFlag.AlignVCenter)
            for line in lines:
                line.setTextAlignment(column, side | Qt.AlignmentFlag.AlignVCenter)
                line.setSizeHint(column, QSize(0, _ROW_HEIGHT))
        self.tree.addTopLevelItems(lines)
        for row, note in figure.notes:
            below = QTreeWidgetItem(lines[row], [note])
            below.setToolTip(0, f"<qt>{note}</qt>")
            below.setFirstColumnSpanned(True)
            self._notes.append(below)
        self.tree.expandAll()
        # a note spans all columns: its length says nothing about the first one
        metrics = self.tree.fontMetrics()
        self._widths = []
        for column, heading in enumerate(figure.columns):
            texts = [heading, *(cells[column] for cells in figure.rows)]
            widest = max(metrics.horizontalAdvance(text) for text in texts) + 2 * style.LARGE
            self._widths.append(min(widest, _WIDEST))
        self._spread()
        self._colour_notes()

    def _spread(self) -> None:
        """Share out what the columns leave of the width: notes are as wide as all of them."""
        spare = max(0, self.tree.viewport().width() - sum(self._widths))
        for column, width in enumerate(self._widths):
            rest = len(self._widths) - column
            more = spare // rest
            self.tree.setColumnWidth(column, width + more)
            spare -= more

    def _colour_notes(self) -> None:
        for note in self._notes:
            note.setForeground(0, QBrush(style.colour("warning")))
            note.setIcon(0, glyphs.glyph_icon("warning", "warning"))

    def texts(self) -> list[str]:
        """Return what is read: the title, the headings, all cells and notes."""
        figure = self.figure
        if figure is None:
            return []
        cells = [cell for row in figure.rows for cell in row]
        return [figure.title, *figure.columns, *cells, *(note for _row, note in figure.notes)]

    def copy(self) -> None:
        """Copy the selected lines, separated by tabs."""
        lines = []
        items = QTreeWidgetItemIterator(self.tree, QTreeWidgetItemIterator.IteratorFlag.Selected)
        while (item := items.value()) is not None:  # from above, in whatever order they were selected
            count = 1 if item.parent() is not None else self.tree.columnCount()
            lines.append("\t".join(item.text(column) for column in range(count)))
            items += 1
        if lines:
            QApplication.clipboard().setText("\n".join(lines))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
