"""A figure of a job, drawn: curves or histograms with axes, levels, and a legend that says the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from jobs.core.figures import Figure, Series
from widgets import plotting, style
from widgets.figure_axes import decade_ticks, length_ticks, round_ticks

_LINES: Final = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_PAD: Final = 6.0
_SAMPLE: Final = 22.0
_CENTRE: Final = Qt.AlignmentFlag.AlignCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class FigurePlot(QWidget):
    """Draws one figure in the colours of the theme; the mouse reads values off it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("figure_plot")
        self.setMinimumSize(200, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.figure: Figure | None = None
        self._mouse: QPointF | None = None
        self._area = QRectF()
        self._limits = (0.0, 1.0, 0.0, 1.0)
        style.ThemeWatcher(self, self.update)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(360, 260)

    def set_figure(self, figure: Figure | None) -> None:
        """Show a figure of curves or histograms, or nothing."""
        self.figure = figure
        if figure is not None:
            self.setAccessibleName("; ".join([figure.title, *(s.name for s in figure.series)]))
        self.update()

    def texts(self) -> list[str]:
        """Return what is read: the title, the axes, and the names of the series."""
        figure = self.figure
        if figure is None:
            return []
        return [figure.title, figure.x_title, figure.y_title, *(series.name for series in figure.series)]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say the values under the mouse."""
        self._mouse = event.position()
        self.setToolTip(self.readout(self._mouse.x()))
        self.update()

    def leaveEvent(self, event: object) -> None:
        """Forget the mouse."""
        self._mouse = None
        self.update()

    def readout(self, place_px: float) -> str:
        """Return the values at a place across the widget, as lines of text; empty outside the plot."""
        figure = self.figure
        if figure is None or not self._area.left() <= place_px <= self._area.right():
            return ""
        x = np.asarray(figure.x)
        value = self._value_at(place_px)
        if figure.kind == "histogram":
            k = int(np.clip(np.searchsorted(x, value) - 1, 0, len(x) - 2))
            head = f"{x[k]:.3g} to {x[k + 1]:.3g}"
        else:
            k = int(np.argmin(np.abs(x - value)))
            head = f"{x[k]:.4g} 1/Å" + (f" = {1 / x[k]:.3g} Å" if x[k] > 0 else "")
            head = head if figure.reciprocal else f"{x[k]:.4g}"
        return "\n".join([head, *(f"{s.name}: {s.values[k]:.3g}" for s in figure.series)])

    # -- places --------------------------------------------------------------------------------------------

    def _scaled(self, values: NDArray[np.float64] | float) -> NDArray[np.float64]:
        figure = self.figure
        assert figure is not None
        array = np.asarray(values, np.float64)
        return np.log10(np.maximum(array, 1e-12)) if figure.logarithmic else array

    def _x(self, values: NDArray[np.float64] | float) -> NDArray[np.float64]:
        low, high = self._limits[:2]
        return self._area.left() + self._area.width() * (self._scaled(values) - low) / (high - low)

    def _y(self, values: NDArray[np.float64] | float) -> NDArray[np.float64]:
        low, high = self._limits[2:]
        return self._area.bottom() - self._area.height() * (np.asarray(values) - low) / (high - low)

    def _value_at(self, place_px: float) -> float:
        low, high = self._limits[:2]
        value = low + (place_px - self._area.left()) / max(1.0, self._area.width()) * (high - low)
        assert self.figure is not None
        return 10.0**value if self.figure.logarithmic else value

    def _measure(self, metrics: QFontMetricsF, figure: Figure) -> None:
        """Set the limits of the axes and the room of the plot itself."""
        x = self._scaled(np.asarray(figure.x))
        values = np.concatenate([np.asarray(s.values, np.float64) for s in figure.series] or [np.zeros(1)])
        values = values[np.isfinite(values)]
        top = float(values.max(initial=0.0))
        if figure.kind == "histogram":
            bottom, top = 0.0, 1.08 * top or 1.0
        else:
            bottom = min(0.0, float(values.min(initial=0.0)))
            bottom = math.floor(bottom * 10) / 10 if top <= 1.0 else bottom
            top = 1.0 if 0.5 < top <= 1.0 else (1.05 * top or 1.0)
        self._limits = (float(x.min()), max(float(x.max()), float(x.min()) + 1e-9), bottom, top)
        line = metrics.height()
        left = line + metrics.horizontalAdvance("-0.2") + 3 * _PAD
        legend = math.ceil(len(figure.series) / self._columns(metrics, figure)) * line
        above = 1.5 * _PAD + line + legend + (line + _PAD if figure.reciprocal else _PAD)
        below = 2 * line + 2 * _PAD
        self._area = QRectF(self.rect()).adjusted(left, above, -2.5 * _PAD, -below)

    # -- drawing -------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), style.colour("surface"))
        figure = self.figure
        if figure is None or not figure.x or not figure.series:
            return
        painter.setFont(style.small_font(self))
        metrics = QFontMetricsF(painter.font())
        self._measure(metrics, figure)
        if self._area.width() < 40 or self._area.height() < 30:
            return
        self._draw_axes(painter, metrics, figure)
        painter.save()
        painter.setClipRect(self._area.adjusted(-1, -1, 1, 1))
        for series in reversed(figure.series):
            self._draw_series(painter, figure, series)
        self._draw_marks(painter, metrics, figure)
        if self._mouse is not None and self._area.contains(self._mouse):
            painter.setPen(QPen(style.colour("muted"), 1))
            x = self._mouse.x()
            painter.drawLine(QPointF(x, self._area.top()), QPointF(x, self._area.bottom()))
        painter.restore()
        self._draw_legend(painter, metrics, figure)

    def _draw_axes(self, painter: QPainter, metrics: QFontMetricsF, figure: Figure) -> None:
        area, line = self._area, metrics.height()
        painter.setPen(style.colour("text"))
        bold = style.small_font(self, bold=True)
        painter.setFont(bold)
        title = QFontMetricsF(bold).elidedText(
            figure.title, Qt.TextElideMode.ElideRight, self.width() - 2 * _PAD
        )
        painter.drawText(QRectF(_PAD, _PAD, self.width() - 2 * _PAD, line), _LEFT, title)
        painter.setFont(style.small_font(self))
        low, high, bottom, top = self._limits
        if figure.logarithmic:
            across = decade_ticks(10.0**low, 10.0**high)
        else:
            across = round_ticks(low, high, max(2, int(area.width() / 45)))
        grid, text = QPen(style.colour("line"), 1), style.colour("muted")
        for place, label in across:
            x = float(self._x(place))
            painter.setPen(grid)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(text)
            painter.drawText(QRectF(x - 40, area.bottom() + 2, 80, line), _CENTRE, label)
        for value, label in round_ticks(bottom, top, max(2, int(area.height() / 28))):
            y = float(self._y(value))
            painter.setPen(grid)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(text)
            painter.drawText(QRectF(0, y - line / 2, area.left() - _PAD, line), _RIGHT, label)
        if figure.reciprocal:
            apart = (metrics.horizontalAdvance("15 Å") + 2 * _PAD) / area.width() * (high - low)
            for place, label in length_ticks(low, high, apart):
                x = float(self._x(place))
                painter.setPen(QPen(style.colour("outline"), 1))
                painter.drawLine(QPointF(x, area.top() - 3), QPointF(x, area.top()))
                painter.setPen(text)
                painter.drawText(QRectF(x - 40, area.top() - line - 4, 80, line), _CENTRE, label)
        painter.setPen(QPen(style.colour("outline"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.bottomLeft(), area.topLeft())
        painter.setPen(text)
        below = QRectF(_PAD, self.height() - line - _PAD / 2, self.width() - _PAD, line)
        painter.drawText(below, _CENTRE, _as_title(figure.x_title))
        painter.save()
        painter.translate(_PAD / 2 + line / 2, area.center().y())
        painter.rotate(-90)
        beside = QRectF(-area.height() / 2, -line / 2, area.height(), line)
        painter.drawText(beside, _CENTRE, _as_title(figure.y_title))
        painter.restore()

    def _pen(self, series: Series, width: float = 2.0) -> QPen:
        """Each line style is also paler, because dashes get lost in a noisy curve."""
        full = plotting.series_colour(series.colour)
        colour = plotting.mixed(full, style.colour("surface"), 0.3 * min(series.line, 1))
        pen = QPen(colour, width)
        pen.setStyle(_LINES[min(series.line, len(_LINES) - 1)])
        return pen

    def _draw_series(self, painter: QPainter, figure: Figure, series: Series) -> None:
        values = np.asarray(series.values, np.float64)
        painter.setPen(self._pen(series))
        if figure.kind == "histogram":
            x = np.repeat(self._x(np.asarray(figure.x)), 2)
            y = np.concatenate([[0.0], np.repeat(values, 2), [0.0]])
            outline = _polygon(x, self._y(y))
            fill = QColor(plotting.series_colour(series.colour))
            fill.setAlphaF(0.14)
            painter.setBrush(fill)
            painter.drawPolygon(outline)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            return
        good = np.isfinite(values)
        painter.drawPolyline(_polygon(self._x(np.asarray(figure.x))[good], self._y(values)[good]))

    def _draw_marks(self, painter: QPainter, metrics: QFontMetricsF, figure: Figure) -> None:
        area = self._area
        for mark in figure.marks:
            if figure.kind == "histogram":
                pen = self._pen(Series("", (), max(mark.colour, 0), mark.line), 1.5)
                x = float(self._x(mark.value))
                painter.setPen(pen)
                painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
                continue
            y = float(self._y(mark.value))
            painter.setPen(QPen(style.colour("muted"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(style.colour("muted"))
            width = metrics.horizontalAdvance(mark.name) + 4
            painter.drawText(
                QRectF(area.left() + 4, y - metrics.height(), width, metrics.height()), mark.name
            )

    def _columns(self, metrics: QFontMetricsF, figure: Figure) -> int:
        """Number of columns of the legend: two where the names leave room for them."""
        widest = max(metrics.horizontalAdvance(series.name) for series in figure.series)
        return 2 if 2 * (_SAMPLE + 3 * _PAD + widest) <= self.width() else 1

    def _draw_legend(self, painter: QPainter, metrics: QFontMetricsF, figure: Figure) -> None:
        """Name the series below the title, where no curve runs behind the names."""
        line, columns = metrics.height(), self._columns(metrics, figure)
        for number, series in enumerate(figure.series):
            row, column = divmod(number, columns)
            left = _PAD + column * (self.width() - _PAD) / columns
            y = 1.5 * _PAD + (row + 1.5) * line
            painter.setPen(self._pen(series))
            painter.drawLine(QPointF(left, y), QPointF(left + _SAMPLE, y))
            painter.setPen(style.colour("text"))
            place = QRectF(left + _SAMPLE + _PAD, y - line / 2, self.width() / columns - _SAMPLE, line)
            painter.drawText(place, _LEFT, series.name)


def _polygon(x: NDArray[np.float64], y: NDArray[np.float64]) -> QPolygonF:
    points: Sequence[QPointF] = [QPointF(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    return QPolygonF(points)


def _as_title(text: str) -> str:
    """Return the words of an axis with a capital; symbols such as ``z1`` stay as they are."""
    return text[:1].upper() + text[1:] if text[:3].isalpha() and text[:3].islower() else text
