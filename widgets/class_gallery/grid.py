"""Averages as tiles: picked one by one, by a rectangle, a lasso or keys; rejected ones are crossed out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from widgets import glyphs, style
from widgets.class_gallery.hand import Stroke, mode_of, wants_lasso
from widgets.gallery_grid import GalleryGrid
from widgets.gallery_source import Rows

Mask = NDArray[np.bool_]
_BADGE: Final = 18.0
_DASH: Final = Qt.PenStyle.DashLine


class ClassGrid(GalleryGrid):
    """A grid in which a click picks a class or puts it back, and leaves the others as they are.

    Signals
    -------
    touched
        Somebody picked something by hand.
    current_changed : int
        Row of the class the keys move from.
    """

    touched = Signal()
    current_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class_grid")
        self.setAccessibleName("Class averages")
        self.setToolTip("")
        self.lasso = False
        self.picks = True
        self._rejected: Mask = np.zeros(0, bool)
        self._stroke: Stroke | None = None
        self._pointed = -1

    def set_rejected(self, rejected: Mask) -> None:
        """Cross out classes `(K,)`."""
        self._rejected = rejected
        self.viewport().update()

    def keep_selection(self, selected: Rows) -> None:
        """Choose these and no others, without a word to those who listen for hands."""
        self.select_only(selected)

    def pick_all(self) -> None:
        """Choose all classes that are shown, by hand."""
        self.select_rows(self.rows)
        self.touched.emit()

    def put_back_all(self) -> None:
        """Choose none of the classes that are shown, by hand."""
        self.select_rows(self.rows, on=False)
        self.touched.emit()

    def invert_all(self) -> None:
        """Choose those that are not chosen, by hand."""
        self.invert()
        self.touched.emit()

    # -- hands ---------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, a rectangle or a lasso."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._stroke = Stroke(event.position(), lasso=wants_lasso(event.modifiers(), self.lasso))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw on."""
        if self._stroke is not None and self.picks:
            self._stroke.move(event.position())
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Pick what was clicked or drawn around; Ctrl takes away, Shift picks everything up to the tile."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.is_click or not self.picks:
            self._click(event.position(), event.modifiers())
            return
        places = [place for place in self.in_view() if stroke.touches(QRectF(self.tile(place)))]
        self.select_rows(self.rows[places], on=mode_of(event.modifiers()))
        self.touched.emit()

    def _click(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        place = self.place_at(point.toPoint())
        if place < 0:
            self.viewport().update()
            return
        row = int(self.rows[place])
        if not self.picks:
            self.show_row(row)
            return
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._anchor >= 0:
            low, high = sorted((self._anchor, place))
            self._selected[self.rows[low : high + 1]] = True
        else:
            self._selected[row] ^= True
        self._anchor = place
        self.current = row
        self._changed()
        self.current_changed.emit(row)
        self.touched.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the particles of a class, which stays picked or not as it was before the first click."""
        place = self.place_at(event.position().toPoint())
        if place >= 0 and self.picks:
            self._selected[int(self.rows[place])] ^= True
            self._told()
        super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Space picks, A picks all, I inverts, N puts all back, Enter opens the particles."""
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_Home: -len(self.rows),
            Qt.Key.Key_End: len(self.rows),
        }
        key = Qt.Key(event.key())
        if not self.picks and (key not in steps or event.modifiers()):
            QAbstractScrollArea.keyPressEvent(self, event)
        elif key in steps and len(self.rows):
            self._step_to(steps[key], picks=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key == Qt.Key.Key_Space and self.current >= 0:
            self._selected[self.current] ^= True
            self._anchor = self._place_of(self.current)
            self._told()
        elif key == Qt.Key.Key_A:
            self.pick_all()
        elif key == Qt.Key.Key_I:
            self.invert_all()
        elif key == Qt.Key.Key_N:
            self.put_back_all()
        else:
            super().keyPressEvent(event)

    def _step_to(self, step: int, *, picks: bool) -> None:
        """Go to another tile; with Shift it is picked on the way."""
        at = self._place_of(self.current)
        wanted = 0 if at < 0 else min(max(at + step, 0), len(self.rows) - 1)
        self.current = int(self.rows[wanted])
        if picks:
            low, high = sorted((max(at, 0), wanted))
            self._selected[self.rows[low : high + 1]] = True
            self._told()
        self._reveal(wanted)
        self.viewport().update()
        self.current_changed.emit(self.current)

    def _place_of(self, row: int) -> int:
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else -1

    def _told(self) -> None:
        self._changed()
        self.touched.emit()

    def show_row(self, row: int) -> None:
        """Make a class the one the keys move from, and scroll to it."""
        self.current = row
        place = self._place_of(row)
        if place >= 0:
            self._reveal(place)
        self.viewport().update()
        self.current_changed.emit(row)

    def point_at(self, row: int) -> None:
        """Show which class is pointed at elsewhere, if it is in view; -1 for none."""
        self._pointed = row
        self.viewport().update()

    def has_room(self, text: str) -> bool:
        """Whether a text fits below an average."""
        return style.text_width(style.small_font(self), text) <= self.side - 8

    # -- drawing -------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles, what is rejected and what is chosen, and the line being drawn."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        line = QFontMetrics(style.small_font(self)).height() + 2
        for place in self.in_view():
            row, room = int(self.rows[place]), QRectF(self.tile(place))
            if row < len(self._rejected) and self._rejected[row]:
                self._cross_out(painter, room.adjusted(0, 0, 0, -line))
            if self._selected[row]:
                self._tick(painter, room)
            if row == self._pointed or (row == self.current and self.hasFocus()):
                self._point(painter, room.adjusted(0, 0, 0, -line))
        if self._stroke is not None:
            self._stroke.paint(painter)

    @staticmethod
    def _point(painter: QPainter, room: QRectF) -> None:
        """Frame a tile in black and white, which is seen on every image."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        frame = room.adjusted(2, 2, -3, -3)
        for colour, pattern in ((Qt.GlobalColor.black, Qt.PenStyle.SolidLine), (Qt.GlobalColor.white, _DASH)):
            painter.setPen(QPen(colour, 1.5, pattern))
            painter.drawRect(frame)

    @staticmethod
    def _cross_out(painter: QPainter, room: QRectF) -> None:
        painter.fillRect(room, style.colour("surface", 0.62))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(style.colour("danger", 0.85), 1.5))
        inside = room.adjusted(6, 6, -6, -6)
        painter.drawLine(inside.topLeft(), inside.bottomRight())
        painter.drawLine(inside.topRight(), inside.bottomLeft())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    @staticmethod
    def _tick(painter: QPainter, room: QRectF) -> None:
        size = min(_BADGE, 0.22 * room.width())
        badge = QRectF(room.right() - size - 3, room.top() + 3, size, size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.colour("accent"))
        painter.drawEllipse(badge)
        glyphs.paint_glyph(painter, "success", badge.adjusted(1, 1, -1, -1), style.colour("on_accent"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
