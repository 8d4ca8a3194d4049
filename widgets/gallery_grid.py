"""Tiles in rows that scroll; only those in view exist."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import numpy as np
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from widgets import style
from widgets.gallery_paint import paint_caption, paint_tile
from widgets.gallery_source import Rows, all_rows

_GAP: Final = 6
_KEPT_PICTURES: Final = 3000


class GalleryGrid(QAbstractScrollArea):
    """Draws tiles, says which are in view, and lets the hand choose some.

    Places count in the order shown; rows are those of the source.

    Signals
    -------
    view_changed
        Other tiles are in view.
    clicked, activated : int
        Row of the tile that was clicked, or double-clicked.
    selection_changed
    """

    view_changed = Signal()
    clicked = Signal(int)
    activated = Signal(int)
    selection_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gallery_grid")
        style.set_role(self, "canvas")
        self.setAccessibleName("Images")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows: Rows = all_rows(0)
        self.labels: dict[int, str] = {}
        self.side = 128
        self.current = -1
        self._selected: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.zeros(0, bool)
        self._anchor = -1
        self._pictures: OrderedDict[int, QImage] = OrderedDict()
        self._failed: dict[int, str] = {}
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    # -- what is shown -------------------------------------------------------------------------------------

    def set_count(self, count: int) -> None:
        """Begin with that many images, none of them chosen."""
        self._selected = np.zeros(count, bool)
        self.set_rows(all_rows(count))

    def set_rows(self, rows: Rows) -> None:
        """Show these rows, in this order."""
        self.rows = rows
        self._anchor = -1
        self.verticalScrollBar().setValue(0)
        self._lay_out()

    def set_side(self, side: int) -> None:
        """Draw tiles of another size, the first one in view staying there."""
        first = self.in_view().start
        self.side = side
        self.forget_pictures()
        self._lay_out()
        self.verticalScrollBar().setValue(first // self.columns * self._step)

    def forget_pictures(self) -> None:
        """All pictures are out of date."""
        self._pictures.clear()
        self._failed.clear()
        self.viewport().update()

    def put(self, row: int, picture: QImage) -> None:
        """Show a picture."""
        self._pictures[row] = picture
        self._pictures.move_to_end(row)
        while len(self._pictures) > _KEPT_PICTURES:
            self._pictures.popitem(last=False)
        self._update_tile(row)

    def put_failure(self, row: int, why: str) -> None:
        """Say in the tile that there is no picture."""
        self._failed[row] = why
        self._update_tile(row)

    def _update_tile(self, row: int) -> None:
        """Draw one tile anew; pictures arrive one by one, hundreds in a second."""
        seen = self.in_view()
        found = np.flatnonzero(self.rows[seen.start : seen.stop] == row)
        if len(found):
            self.viewport().update(self.tile(seen.start + int(found[0])).adjusted(-3, -3, 3, 3))

    def missing(self) -> list[int]:
        """Return rows in view, and just beyond, whose pictures are not here, in the order of need."""
        seen = self.in_view()
        more = range(seen.stop, min(len(self.rows), seen.stop + len(seen)))
        wanted = [int(self.rows[place]) for part in (seen, more) for place in part]
        return [row for row in wanted if row not in self._pictures and row not in self._failed]

    def failure(self, row: int) -> str:
        """Return why a tile has no picture."""
        return self._failed.get(row, "")

    # -- places --------------------------------------------------------------------------------------------

    @property
    def _step(self) -> int:
        return self.side + _GAP

    @property
    def columns(self) -> int:
        """Number of tiles side by side."""
        return max(1, (self.viewport().width() - _GAP) // self._step)

    def in_view(self) -> range:
        """Return the places that are seen, also in part."""
        top = self.verticalScrollBar().value()
        first = max(0, (top - _GAP) // self._step) * self.columns
        last = ((top + self.viewport().height()) // self._step + 1) * self.columns
        return range(min(first, len(self.rows)), min(last, len(self.rows)))

    def tile(self, place: int) -> QRect:
        """Return where a tile lies in the viewport."""
        columns = self.columns
        spare = (self.viewport().width() - _GAP - columns * self._step) // 2
        x = _GAP + max(0, spare) + (place % columns) * self._step
        y = _GAP + (place // columns) * self._step - self.verticalScrollBar().value()
        return QRect(x, y, self.side, self.side)

    def place_at(self, point: QPoint) -> int:
        """Return the place of the tile at a point, -1 beside the tiles."""
        for place in self.in_view():
            if self.tile(place).contains(point):
                return place
        return -1

    def _lay_out(self) -> None:
        lines = -(-len(self.rows) // self.columns)
        scroll = self.verticalScrollBar()
        scroll.setRange(0, max(0, lines * self._step + _GAP - self.viewport().height()))
        scroll.setPageStep(self.viewport().height())
        scroll.setSingleStep(max(20, self._step // 3))
        self.viewport().update()
        self.view_changed.emit()

    def _on_scrolled(self) -> None:
        self.viewport().update()
        self.view_changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the rows anew."""
        super().resizeEvent(event)
        self._lay_out()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(720, 520)

    # -- choosing ------------------------------------------------------------------------------------------

    def selected(self) -> Rows:
        """Return the chosen rows, in file order."""
        return np.flatnonzero(self._selected).astype(np.int64)

    def select_rows(self, rows: Rows, *, on: bool = True) -> None:
        """Choose rows, or not any more."""
        self._selected[rows] = on
        self._changed()

    def select_only(self, rows: Rows) -> None:
        """Choose these rows and no others."""
        self._selected[:] = False
        self.select_rows(rows)

    def invert(self) -> None:
        """Choose the shown rows that are not chosen, and the other way round."""
        self._selected[self.rows] ^= True
        self._changed()

    def _changed(self) -> None:
        self.viewport().update()
        self.selection_changed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a tile; with Shift up to it, with Ctrl besides others."""
        place = self.place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(place, event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show a tile large."""
        place = self.place_at(event.position().toPoint())
        if place >= 0:
            self.activated.emit(int(self.rows[place]))

    def _go_to(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        if place < 0:
            self._selected[:] = False
            self._changed()
            return
        row = int(self.rows[place])
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._anchor >= 0:
            low, high = sorted((self._anchor, place))
            if not modifiers & Qt.KeyboardModifier.ControlModifier:
                self._selected[:] = False
            self._selected[self.rows[low : high + 1]] = True
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self._selected[row] ^= True
            self._anchor = place
        else:
            self._selected[:] = False
            self._selected[row] = True
            self._anchor = place
        self.current = row
        self._changed()
        self.clicked.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows, choose everything with Ctrl+A, open with Enter."""
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
        }
        key = Qt.Key(event.key())
        if key in steps and len(self.rows):
            found = np.flatnonzero(self.rows == self.current)
            at = int(found[0]) if len(found) else 0
            wanted = min(max(at + steps[key], 0), len(self.rows) - 1)
            self._go_to(wanted, event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._reveal(wanted)
        elif key == Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.select_rows(self.rows)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current >= 0:
            self.activated.emit(self.current)
        else:
            super().keyPressEvent(event)

    def _reveal(self, place: int) -> None:
        tile, scroll = self.tile(place), self.verticalScrollBar()
        if tile.top() < 0:
            scroll.setValue(scroll.value() + tile.top() - _GAP)
        elif tile.bottom() > self.viewport().height():
            scroll.setValue(scroll.value() + tile.bottom() - self.viewport().height() + _GAP)

    # -- drawing -------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles in view."""
        painter = QPainter(self.viewport())
        area = event.rect()
        painter.fillRect(area, style.colour("surface"))
        painter.setFont(style.small_font(self))
        ground = style.colour("neutral_soft")
        seen, columns, step = self.in_view(), self.columns, self._step
        if not len(seen):
            return
        first = self.tile(seen.start - seen.start % columns)
        rows = self.rows[seen.start : seen.stop].tolist()
        for place, row in zip(seen, rows, strict=True):
            line, column = divmod(place, columns)
            room = first.translated(column * step, (line - seen.start // columns) * step)
            if area.intersects(room.adjusted(-3, -3, 3, 3)):
                picture, failed = self._pictures.get(row), row in self._failed
                paint_tile(painter, room, picture, ground, failed=failed)
                if text := self.labels.get(row, ""):
                    paint_caption(painter, room, text)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for place, row in zip(seen, rows, strict=True):
            if self._selected[row] or row == self.current:
                self._paint_frame(painter, QRectF(self.tile(place)), row)

    def _paint_frame(self, painter: QPainter, room: QRectF, row: int) -> None:
        """Frame a tile that is chosen, or the one the keys move from."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._selected[row]:
            pen = QPen(style.colour("accent"), 3)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(room.adjusted(-2, -2, 1, 1))
        elif self.hasFocus():
            painter.setPen(QPen(style.colour("outline"), 1))
            painter.drawRect(room.adjusted(-1, -1, 0, 0))
