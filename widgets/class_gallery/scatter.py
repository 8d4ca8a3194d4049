"""Classes as points, size against error, picked as in the gallery beside it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style
from widgets.class_gallery.hand import Stroke, mode_of, wants_lasso
from widgets.figure_axes import round_ticks

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
_POINT: Final = 4.0
_REACH: Final = 10.0
_PAD: Final = 6.0
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE: Final = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


class ClassScatter(QWidget):
    """Chosen classes are filled, rejected ones crosses; a click picks one, a drag everything inside it.

    Signals
    -------
    picked : object, bool
        Rows, and whether they are chosen or put back.
    pointed : int
        Row of the class under the mouse, -1 for none.
    """

    picked = Signal(object, bool)
    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class_scatter")
        self.setMouseTracking(True)
        self.setMinimumSize(200, 150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.lasso = False
        self._points: FloatArray = np.zeros((0, 2))
        self._titles = ("", "")
        self._names: list[str] = []
        self._selected: Mask = np.zeros(0, bool)
        self._rejected: Mask = np.zeros(0, bool)
        self._limits: tuple[float | None, float | None] = (None, None)
        self._ends = ((0.0, 1.0), (0.0, 1.0))
        self._current = self._under = -1
        self._stroke: Stroke | None = None
        style.ThemeWatcher(self, self.update)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(300, 230)

    # -- what is shown -------------------------------------------------------------------------------------

    def set_points(self, points: FloatArray, titles: tuple[str, str], names: list[str]) -> None:
        """Show classes `(K, 2)`; those without a number for both axes are not seen."""
        self._points, self._titles, self._names = np.asarray(points, np.float64), titles, names
        self._selected = self._rejected = np.zeros(len(points), bool)
        self._current = self._under = -1
        self._ends = (_ends(self._points[:, 0]), _ends(self._points[:, 1]))
        self.setAccessibleName(f"{titles[1]} against {titles[0]} of {len(points)} classes")
        self.update()

    def set_state(self, selected: Mask, rejected: Mask, limits: tuple[float | None, float | None]) -> None:
        """Show which classes are chosen and rejected `(K,)`, and limits as lines."""
        self._selected, self._rejected, self._limits = selected, rejected, limits
        self.update()

    def set_current(self, row: int) -> None:
        """Ring one class."""
        self._current = row
        self.update()

    # -- places --------------------------------------------------------------------------------------------

    @property
    def area(self) -> QRectF:
        """Where points are."""
        metrics = QFontMetricsF(style.small_font(self))
        line = metrics.height()
        left = line + metrics.horizontalAdvance("0000") + 3 * _PAD
        return QRectF(self.rect()).adjusted(left, _PAD + 2, -2 * _PAD, -(2 * line + 2 * _PAD))

    def place_of(self, row: int) -> QPointF:
        """Return where a class is drawn."""
        x, y = self._places()[row]
        return QPointF(float(x), float(y))

    def _places(self) -> FloatArray:
        """Return where all classes are drawn `(K, 2)`; NaN for those that are not."""
        area, ends = self.area, np.array(self._ends)
        share = (self._points - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
        share[~np.isfinite(share).all(axis=1)] = np.nan
        return np.array([area.left(), area.bottom()]) + share * [area.width(), -area.height()]

    def _x(self, value: float) -> float:
        area, (low, high) = self.area, self._ends[0]
        return area.left() + (value - low) / (high - low) * area.width()

    def _y(self, value: float) -> float:
        area, (low, high) = self.area, self._ends[1]
        return area.bottom() - (value - low) / (high - low) * area.height()

    def _shown(self) -> list[int]:
        return np.flatnonzero(np.isfinite(self._points).all(axis=1)).tolist()

    def row_at(self, place: QPointF) -> int:
        """Return the class nearest to a place and within reach, -1 for none."""
        lengths = ((self._places() - [place.x(), place.y()]) ** 2).sum(axis=1)
        lengths = np.where(np.isfinite(lengths), lengths, np.inf)
        nearest = int(np.argmin(lengths)) if len(lengths) else -1
        return nearest if nearest >= 0 and lengths[nearest] <= _REACH**2 else -1

    # -- hands ---------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, a rectangle or a lasso."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._stroke = Stroke(event.position(), lasso=wants_lasso(event.modifiers(), self.lasso))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw on, or say which class is under the mouse."""
        if self._stroke is not None:
            self._stroke.move(event.position())
        else:
            self._point_at(self.row_at(event.position()))
        self.update()

    def _point_at(self, row: int) -> None:
        if row != self._under:
            self._under = row
            self.setToolTip(self._names[row] if row >= 0 else "")
            self.pointed.emit(row)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Pick."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.is_click:
            row = self.row_at(event.position())
            if row >= 0:
                self.picked.emit(np.array([row]), not bool(self._selected[row]))
        else:
            places = self._places()
            rows = [row for row in self._shown() if stroke.covers(QPointF(*places[row].tolist()))]
            self.picked.emit(np.array(rows, np.int64), mode_of(event.modifiers()))
        self.update()

    def leaveEvent(self, event: object) -> None:
        """Forget the mouse."""
        self._point_at(-1)
        self.update()

    # -- drawing -------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw axes, limits, points and the line being drawn."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), style.colour("surface"))
        painter.setFont(style.small_font(self))
        self._draw_axes(painter)
        self._draw_limits(painter)
        places = self._places()
        self._draw_points(painter, places)
        for row in {self._current, self._under} - {-1}:
            if row < len(places) and np.isfinite(places[row]).all():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(style.colour("text"), 1.5))
                painter.drawEllipse(QPointF(*places[row].tolist()), _POINT + 3, _POINT + 3)
        if self._stroke is not None:
            self._stroke.paint(painter)

    def _draw_axes(self, painter: QPainter) -> None:
        area, line = self.area, QFontMetricsF(painter.font()).height()
        grid, muted = QPen(style.colour("line"), 1), style.colour("muted")
        for value, label in round_ticks(*self._ends[0], max(2, int(area.width() / 60))):
            x = self._x(value)
            painter.setPen(grid)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(muted)
            painter.drawText(QRectF(x - 40, area.bottom() + 2, 80, line), _CENTRE, label)
        for value, label in round_ticks(*self._ends[1], max(2, int(area.height() / 32))):
            y = self._y(value)
            painter.setPen(grid)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(muted)
            painter.drawText(QRectF(0, y - line / 2, area.left() - _PAD, line), _RIGHT, label)
        painter.setPen(QPen(style.colour("outline"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.bottomLeft(), area.topLeft())
        painter.setPen(muted)
        below = QRectF(area.left(), self.height() - line - _PAD / 2, area.width(), line)
        painter.drawText(below, _CENTRE, self._titles[0])
        painter.save()
        painter.translate(_PAD / 2 + line / 2, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, -line / 2, area.height(), line), _CENTRE, self._titles[1])
        painter.restore()

    def _draw_limits(self, painter: QPainter) -> None:
        area = self.area
        painter.setPen(QPen(style.colour("danger"), 1.2, Qt.PenStyle.DashLine))
        across, up = self._limits
        if across is not None and self._ends[0][0] <= across <= self._ends[0][1]:
            painter.drawLine(QPointF(self._x(across), area.top()), QPointF(self._x(across), area.bottom()))
        if up is not None and self._ends[1][0] <= up <= self._ends[1][1]:
            painter.drawLine(QPointF(area.left(), self._y(up)), QPointF(area.right(), self._y(up)))

    def _draw_points(self, painter: QPainter, places: FloatArray) -> None:
        """Draw all points of one look at once: thousands of single ones would take too long."""
        seen = np.isfinite(places).all(axis=1)
        chosen, rejected = self._selected & seen, self._rejected & seen
        others = seen & ~chosen & ~rejected
        for mask, outer, inner in ((others, "muted", "surface"), (chosen, "accent", "accent")):
            points = QPolygonF([QPointF(x, y) for x, y in places[mask].tolist()])
            for colour, size in ((outer, 2 * _POINT + 1.3), (inner, 2 * _POINT - 1.3)):
                pen = QPen(style.colour(colour), size)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                painter.setPen(pen)
                painter.drawPoints(points)
        painter.setPen(QPen(style.colour("danger", 0.8), 1.5))
        ways = ((-3, -3, 3, 3), (-3, 3, 3, -3))
        painter.drawLines(
            [
                QLineF(x + a, y + b, x + c, y + d)
                for x, y in places[rejected & ~chosen].tolist()
                for a, b, c, d in ways
            ]
        )


def _ends(values: FloatArray) -> tuple[float, float]:
    """Return the ends of an axis: from zero or below the least value, with a little room above."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    low = 0.0 if 0 <= low < 0.6 * high else low - 0.08 * (high - low or abs(high) or 1.0)
    return low, high + 0.08 * (high - low or 1.0)
