"""The rows of a list of categories: tick, colour spot, name and count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from widgets import style

_Index = QModelIndex | QPersistentModelIndex
_COUNT_ROLE: Final = int(Qt.ItemDataRole.UserRole)
_COLOUR_ROLE: Final = _COUNT_ROLE + 1
#: Height of a row in pixels.
ROW: Final = 24
#: The whole name of a row; shown is the part that tells it from others.
NAME_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 2
_LONG: Final = 24  # characters


class CategoryModel(QAbstractListModel):
    """One row per category; `ticked` says which are shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.names: Sequence[str] = ()
        self.shown_names: Sequence[str] = ()
        self.counts: NDArray[np.integer] = np.zeros(0, np.int64)
        self.colours: NDArray[np.uint8] = np.zeros((0, 3), np.uint8)
        self.ticked: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def set_rows(self, names: Sequence[str], counts: NDArray[np.integer], colours: NDArray[np.uint8]) -> None:
        """Show other categories, all ticked."""
        self.beginResetModel()
        self.names, self.counts, self.colours = names, counts, colours
        self.shown_names = telling_parts(names)
        self.ticked = np.ones(len(names), np.bool_)
        self.endResetModel()

    def set_colours(self, colours: NDArray[np.uint8]) -> None:
        """Show the same categories in other colours."""
        self.colours = colours
        self.tell()

    def tell(self) -> None:
        """Tell the views that something about the rows changed."""
        if len(self.names):
            self.dataChanged.emit(self.index(0), self.index(len(self.names) - 1))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of categories."""
        return 0 if parent.isValid() else len(self.names)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return name, tick, count or colour of a row."""
        row = index.row()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.shown_names[row]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{self.names[row]}\n{self.counts[row]:,} particles"
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if self.ticked[row] else Qt.CheckState.Unchecked
        if role == NAME_ROLE:
            return self.names[row]
        if role == _COUNT_ROLE:
            return f"{self.counts[row]:,}"
        return QColor(*self.colours[row].tolist()) if role == _COLOUR_ROLE else None


def telling_parts(names: Sequence[str]) -> list[str]:
    """Return names without what all of them share in front and behind, if they are long."""
    if len(names) < 2 or max(map(len, names)) <= _LONG:
        return list(names)
    front = _common_start(names)
    front = front[: max((front.rfind(mark) for mark in "/_-. "), default=-1) + 1]
    behind = _common_start([name[::-1] for name in names])[::-1]
    places = [place for mark in "_-. " if (place := behind.find(mark)) >= 0]
    behind = behind[min(places) :] if places else ""
    shortest = min(len(name) for name in names)
    if len(front) + len(behind) >= shortest:  # something of every name has to stay
        behind = ""
    return [name[len(front) : len(name) - len(behind)] for name in names]


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:same]


def tick_rect(row: QRect) -> QRect:
    """Return where the tick of a row stands."""
    return QRect(row.left() + 6, row.center().y() - 6, 14, 14)


class RowPainter(QStyledItemDelegate):
    """Tick, colour spot, name, count."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        """Return the height of a row."""
        return QSize(80, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw a row."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        painter.save()
        font = painter.font()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, style.colour("hover"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(rect, style.colour("selection"))
        box = QRectF(tick_rect(rect))
        painter.setPen(QPen(style.colour("accent" if ticked else "outline"), 1))
        painter.setBrush(style.colour("accent" if ticked else "surface"))
        painter.drawRoundedRect(box, 3, 3)
        if ticked:
            pen = QPen(style.colour("on_accent"), 1.6)
            painter.setPen(pen)
            x, y = box.left(), box.top()
            painter.drawPolyline(
                [QPointF(x + 3.2, y + 7.2), QPointF(x + 6, y + 10), QPointF(x + 10.8, y + 4.2)]
            )
        spot = QRectF(box.right() + 8, box.center().y() - 5, 10, 10)
        colour: QColor = index.data(_COLOUR_ROLE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour if ticked else Qt.BrushStyle.NoBrush)
        if not ticked:
            painter.setPen(QPen(colour, 1.4))
        painter.drawEllipse(spot)
        small = style.small_font()
        count = str(index.data(_COUNT_ROLE))
        width = QFontMetrics(small).horizontalAdvance(count)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(small)
        painter.setPen(style.colour("muted"))
        painter.drawText(rect.adjusted(0, 0, -8, 0), int(centre | Qt.AlignmentFlag.AlignRight), count)
        painter.setFont(font)
        painter.setPen(style.colour("text" if ticked else "muted"))
        place = QRect(round(spot.right()) + 8, rect.top(), 0, rect.height())
        place.setRight(rect.right() - width - 16)
        name = painter.fontMetrics().elidedText(
            str(index.data()), Qt.TextElideMode.ElideMiddle, max(10, place.width())
        )
        painter.drawText(place, int(centre), name)
        painter.restore()


class CategoryRows(QListView):
    """A click anywhere in a row, or Space, ticks it; a double-click or Return leaves only this one."""

    toggled = Signal(QModelIndex)
    only = Signal(QModelIndex)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pressed = QModelIndex()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember the row."""
        super().mousePressEvent(event)
        self._pressed = self.indexAt(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick the row, if the button went down there."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index == self._pressed and event.button() is Qt.MouseButton.LeftButton:
            self.toggled.emit(index)
        self._pressed = QModelIndex()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Leave only this row."""
        index = self.indexAt(event.position().toPoint())
        self._pressed = QModelIndex()  # the button going up ticks nothing
        if index.isValid():
            self.only.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick with Space, leave only this one with Return."""
        index = self.currentIndex()
        if index.isValid() and event.key() == Qt.Key.Key_Space:
            self.toggled.emit(index)
        elif index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.only.emit(index)
        else:
            super().keyPressEvent(event)
