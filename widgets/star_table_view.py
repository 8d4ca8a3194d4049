"""The rows of a large table on the screen: a whole line is drawn at once, so that scrolling costs little.

Qt asks model, delegate and style sheet a dozen questions about each cell, every time it is drawn; with some
hundreds of cells in view that takes longer than a picture of a smooth movement may.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from widgets import style
from widgets.star_table_model import TableModel

#: Room left and right of a text, as the style sheet gives the names of the columns.
_PADDING: Final = 9
_MIDDLE: Final = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight) | _MIDDLE


class LineNumbers(QHeaderView):
    """Numbers of the rows as they stand in the file."""

    def __init__(self, model: TableModel, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._table = model
        # one height for all: a million rows are not measured one by one
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setDefaultSectionSize(self.fontMetrics().height() + 8)

    def sizeHint(self) -> QSize:
        """Wide enough for the highest number."""
        digits = len(str(max(1, self._table.source.n_rows)))
        width = self.fontMetrics().horizontalAdvance("0" * digits) + 2 * _PADDING
        return QSize(width, super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the numbers in view."""
        painter = QPainter(self.viewport())
        area = event.rect()
        painter.fillRect(area, style.colour("raised"))
        painter.setPen(style.colour("muted"))
        count, height = self.count(), self.defaultSectionSize()
        first, last = self.visualIndexAt(area.top()), self.visualIndexAt(area.bottom())
        if not count or first < 0:
            return
        last = count - 1 if last < 0 else last
        top = self.sectionViewportPosition(first)
        width = self.viewport().width() - _PADDING
        for number in (self._table.rows[first : last + 1] + 1).tolist():
            painter.drawText(0, top, width, height, _RIGHT, str(number))
            top += height


class RowsView(QTableView):
    """Shows a `TableModel`; all rows are equally high."""

    def __init__(self, model: TableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table_rows")
        self._table = model
        self._hovered = QPersistentModelIndex()
        self.setVerticalHeader(LineNumbers(model, self))
        self.setModel(model)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    # -- hovering ------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the cell under the mouse."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Mark no cell."""
        super().leaveEvent(event)
        self._hover(QModelIndex())

    def _hover(self, index: QModelIndex) -> None:
        if QModelIndex(self._hovered) == index:  # type: ignore[call-overload]
            return
        for cell in (QModelIndex(self._hovered), index):  # type: ignore[call-overload]
            if cell.isValid():
                self.viewport().update(self.visualRect(cell))
        self._hovered = QPersistentModelIndex(index)

    # -- drawing -------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells in view."""
        painter = QPainter(self.viewport())
        area = event.rect()
        painter.fillRect(area, style.colour("surface"))
        head, line = self.horizontalHeader(), self.verticalHeader()
        n_rows, n_columns = self._table.rowCount(), self._table.columnCount()
        first, last = line.visualIndexAt(area.top()), line.visualIndexAt(area.bottom())
        if not n_rows or not n_columns or first < 0:
            return
        last = n_rows - 1 if last < 0 else last
        left, right = head.visualIndexAt(area.left()), head.visualIndexAt(area.right())
        columns = [
            (at, head.sectionViewportPosition(at), head.sectionSize(at))
            for at in range(max(left, 0), (n_columns - 1 if right < 0 else right) + 1)
            if not head.isSectionHidden(at)
        ]
        if not columns:
            return
        height, top = line.defaultSectionSize(), line.sectionViewportPosition(first)
        self._paint_ground(painter, range(first, last + 1), columns, top, height)
        painter.setPen(style.colour("text"))
        painter.setFont(self.font())
        metrics = QFontMetrics(self.font())
        widest = max(metrics.horizontalAdvance("W"), 1)
        aligned = [self._table.alignment(at) | int(Qt.TextFlag.TextSingleLine) for at, _, _ in columns]
        places = [
            (at, x + _PADDING, room, room // widest, flags)
            for (at, x, width), flags in zip(columns, aligned, strict=True)
            if (room := width - 2 * _PADDING) > 0
        ]
        draw, cells_of = painter.drawText, self._table.cells
        for place in range(first, last + 1):
            cells = cells_of(place)
            for at, x, room, surely, flags in places:
                text = cells[at]
                if len(text) > surely:
                    text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
                draw(x, top, room, height, flags, text)
            top += height

    def _paint_ground(
        self, painter: QPainter, rows: range, columns: list[tuple[int, int, int]], top: int, height: int
    ) -> None:
        """Draw stripes, the chosen cells, and the one under the mouse."""
        x, end = columns[0][1], columns[-1][1] + columns[-1][2]
        raised, chosen = style.colour("raised"), style.colour("selection")
        for row in rows:
            if row % 2:
                painter.fillRect(x, top + (row - rows.start) * height, end - x, height, raised)
        hovered = self._hovered
        if hovered.isValid():
            painter.fillRect(self.visualRect(QModelIndex(hovered)), style.colour("hover"))  # type: ignore[call-overload]
        selection = self.selectionModel().selection()
        for block in (selection.at(k) for k in range(selection.count())):
            upper, lower = max(block.top(), rows.start), min(block.bottom(), rows.stop - 1)
            seen = [(a, w) for at, a, w in columns if block.left() <= at <= block.right()]
            if lower >= upper and seen:
                width = seen[-1][0] + seen[-1][1] - seen[0][0]
                y = top + (upper - rows.start) * height
                painter.fillRect(QRect(seen[0][0], y, width, (lower - upper + 1) * height), chosen)
