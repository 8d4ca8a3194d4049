"""Choosing with a rectangle or a line drawn around: the path of the mouse, and what lies in it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from widgets import style

_CLICK_PX: Final = 5.0


class Stroke:
    """What is drawn while the button is down.

    Parameters
    ----------
    start
        Where the button was pressed.
    lasso
        A free line; else a rectangle.
    """

    def __init__(self, start: QPointF, *, lasso: bool) -> None:
        self.lasso = lasso
        self._points = [start]
        self._moved = False

    def move(self, point: QPointF) -> None:
        """Go on to a point."""
        self._moved = self._moved or (point - self._points[0]).manhattanLength() > _CLICK_PX
        if self.lasso or len(self._points) < 2:
            self._points.append(point)
        else:
            self._points[1] = point

    @property
    def is_click(self) -> bool:
        """Whether the mouse has not really moved."""
        return not self._moved

    @property
    def box(self) -> QRectF:
        """What the rectangle covers."""
        return QRectF(self._points[0], self._points[-1]).normalized()

    def covers(self, point: QPointF) -> bool:
        """Whether a point lies inside."""
        if self.lasso:
            return QPolygonF(self._points).containsPoint(point, Qt.FillRule.OddEvenFill)
        return self.box.contains(point)

    def touches(self, room: QRectF) -> bool:
        """Whether a tile is meant: its middle lies in the line, or the rectangle meets it."""
        return self.covers(room.center()) if self.lasso else self.box.intersects(room)

    def paint(self, painter: QPainter) -> None:
        """Draw it."""
        if self.is_click:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(style.colour("accent"), 1.5))
        painter.setBrush(style.colour("accent", 0.16))
        if self.lasso:
            painter.drawPolygon(QPolygonF(self._points))
        else:
            painter.drawRect(self.box)


def wants_lasso(modifiers: Qt.KeyboardModifier, chosen: bool) -> bool:
    """Whether a drag is a lasso: by the tool that is chosen, Alt asks for the other one."""
    return chosen != bool(modifiers & Qt.KeyboardModifier.AltModifier)


def mode_of(modifiers: Qt.KeyboardModifier) -> bool:
    """Whether a drag adds to the selection; with Ctrl it takes away."""
    return not modifiers & Qt.KeyboardModifier.ControlModifier
