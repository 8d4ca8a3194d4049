"""Load and memory of a device as two curves of the last minutes."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style
from widgets.device_data import SPAN_S, History

_HEIGHT: Final = 46
#: A hole in the curve that is longer than this was a time in which nobody looked (s).
_GAP_S: Final = 15.0
#: Distance of the points of a curve.
_POINT_PX: Final = 4.0
#: Opacity of what is below a curve, of 255.
_TINT: Final = 46


class DeviceTrace(QWidget):
    """Draws a history: the load as a filled curve, the memory as a line above it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("device_trace")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.history = History()
        self.setToolTip("The last five minutes: load (filled) and memory (line)")
        # all of it is drawn here, so that nothing behind it has to be drawn anew
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        """Return a low strip."""
        return QSize(200, _HEIGHT)

    def show_history(self, history: History, words: str) -> None:
        """Draw a history; `words` say the same to those who cannot see it."""
        self.history = history
        if words != self.accessibleName():
            self.setAccessibleName(words)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw frame, levels and both curves."""
        painter = QPainter(self)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.fillRect(self.rect(), style.colour("window"))
        painter.setPen(QPen(style.colour("line"), 1))
        for level in (0.25, 0.5, 0.75):
            y = area.bottom() - level * area.height()
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        for k in range(1, 5):
            x = area.right() - k * area.width() / 5
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inside = area.adjusted(1, 2, -1, -1)
        points = self._points(inside)
        for piece in self._pieces(1, inside, points):
            self._draw_curve(painter, piece, inside, style.colour("accent"), filled=True)
        for piece in self._pieces(2, inside, points):
            self._draw_curve(painter, piece, inside, memory_colour(), filled=False)

    def _points(self, area: QRectF) -> list[tuple[float, float | None, float | None]]:
        """Return as many samples as can be told apart, the same ones at every look: nothing wavers."""
        samples = self.history.samples
        step = SPAN_S / max(1.0, area.width() / _POINT_PX)
        kept = {sample[0] // step: sample for sample in reversed(samples)}
        if samples:
            kept[samples[-1][0]] = samples[-1]
        return sorted(set(kept.values()), key=lambda sample: sample[0])

    def _pieces(
        self, value: int, area: QRectF, points: list[tuple[float, float | None, float | None]]
    ) -> list[list[QPointF]]:
        """Return the curve of one value (1 load, 2 memory), cut where nothing was seen."""
        if not points:
            return []
        left, right, bottom, height = area.left(), area.right(), area.bottom(), area.height()
        per_s, now, before = area.width() / SPAN_S, points[-1][0], -1e30
        pieces: list[list[QPointF]] = []
        for sample in points:
            level = sample[value]
            if level is None:
                before = -1e30
                continue
            x = right - (now - sample[0]) * per_s
            level = 0.0 if level < 0.0 else 1.0 if level > 1.0 else level
            point = QPointF(x if x > left else left, bottom - level * height)
            if sample[0] - before > _GAP_S:
                pieces.append([])
            pieces[-1].append(point)
            before = sample[0]
        return pieces

    @staticmethod
    def _draw_curve(
        painter: QPainter, points: list[QPointF], area: QRectF, colour: QColor, *, filled: bool
    ) -> None:
        if len(points) == 1:
            painter.setPen(QPen(colour, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPoint(points[0])
            return
        if filled:
            _fill_below(painter, points, area, colour)
        # single lines whose ends overlap look like one line, which would take ten times as long
        painter.setPen(QPen(colour, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
        painter.drawLines([QLineF(a, b) for a, b in pairwise(points)])


def _fill_below(painter: QPainter, points: list[QPointF], area: QRectF, colour: QColor) -> None:
    """Tint what is below a curve, pixel by pixel: a polygon of so many corners takes five times as long."""
    ratio = painter.device().devicePixelRatioF()
    left = points[0].x()
    width = max(1, round((points[-1].x() - left) * ratio))
    height = max(1, round(area.height() * ratio))
    columns = left + (np.arange(width) + 0.5) / ratio
    rows = area.top() + (np.arange(height) + 0.5) / ratio
    curve = np.interp(columns, [point.x() for point in points], [point.y() for point in points])
    red, green, blue = (part * _TINT // 255 for part in (colour.red(), colour.green(), colour.blue()))
    soft = _TINT << 24 | red << 16 | green << 8 | blue
    pixels = np.where(rows[:, None] > curve, np.uint32(soft), np.uint32(0))
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    painter.drawImage(QPointF(left, area.top()), image)


def memory_colour() -> QColor:
    """Return the colour of memory."""
    return QColor(style.colours().series[1])


class Legend(QWidget):
    """Name and present value of both curves, in one line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.load, self.memory = "", ""

    def set_texts(self, load: str, memory: str) -> None:
        """Show the present values."""
        if (load, memory) != (self.load, self.memory):
            self.load, self.memory = load, memory
            self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line."""
        return QSize(200, self.fontMetrics().height() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw load at the left, memory at the right."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small_font(self))
        metrics = painter.fontMetrics()
        middle, mark = self.height() / 2, 10.0
        x = 0.0
        for colour, text, at_right in (
            (style.colour("accent"), self.load, False),
            (memory_colour(), self.memory, True),
        ):
            width = mark + 5 + metrics.horizontalAdvance(text)
            x = self.width() - width if at_right else 0.0
            painter.setPen(QPen(colour, 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(x + 1, middle), QPointF(x + mark, middle))
            painter.setPen(style.colour("text"))
            words = QRectF(x + mark + 5, 0, width, self.height())
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, text)
