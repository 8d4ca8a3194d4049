"""Axes, grid and numbers around the latent plot."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.explorer.view import Frame, View, ticks

_TICK_PX = 4.0
_ABOUT_PX = (90, 60)


def plot_rect(widget: QWidget, view: View) -> QRectF:
    """Return where the plot lies within a widget, in whole pixels: beside it stand numbers and names."""
    metrics = QFontMetricsF(style.small_font(widget))
    line = metrics.height()
    # the space for numbers does not follow each of them, or the plot would jump while it is moved
    digits = max((len(text) for text in ticks(view.y_low, view.y_high, 6)[1]), default=4)
    left = line + style.TIGHT + max(digits, 5) * metrics.horizontalAdvance("0") + 2 * _TICK_PX
    bottom = 2 * line + style.TIGHT + _TICK_PX
    right, top = float(style.SMALL), float(style.SMALL)
    width = max(8.0, widget.width() - round(left) - right)
    height = max(8.0, widget.height() - round(bottom) - top)
    return QRectF(float(round(left)), top, width, height)


def paint_grid(painter: QPainter, frame: Frame) -> None:
    """Draw quiet lines at round values, below the points."""
    pen = QPen(style.colour("line", 0.55), 1.0)
    pen.setCosmetic(True)
    painter.setPen(pen)
    rect = frame.rect
    for x in _values(frame, 0)[0]:
        place = round(frame.to_screen(x, 0).x()) + 0.5
        painter.drawLine(QPointF(place, rect.top()), QPointF(place, rect.bottom()))
    for y in _values(frame, 1)[0]:
        place = round(frame.to_screen(0, y).y()) + 0.5
        painter.drawLine(QPointF(rect.left(), place), QPointF(rect.right(), place))


def paint_axes(painter: QPainter, frame: Frame, names: tuple[str, str], widget: QWidget) -> None:
    """Draw the frame of the plot, numbers at round values, and the names of both axes."""
    rect = frame.rect
    painter.setFont(style.small_font(widget))
    line = painter.fontMetrics().height()
    painter.setPen(QPen(style.colour("outline"), 1.0))
    painter.drawLine(rect.bottomLeft() + QPointF(0, 0.5), rect.bottomRight() + QPointF(0, 0.5))
    painter.drawLine(rect.topLeft() - QPointF(0.5, 0), rect.bottomLeft() - QPointF(0.5, 0))
    for x, text in zip(*_values(frame, 0), strict=True):
        place = round(frame.to_screen(x, 0).x()) + 0.5
        painter.setPen(style.colour("outline"))
        painter.drawLine(QPointF(place, rect.bottom()), QPointF(place, rect.bottom() + _TICK_PX))
        painter.setPen(style.colour("muted"))
        where = QRectF(place - 60, rect.bottom() + _TICK_PX + 1, 120, line)
        # a number at the very edge would be cut off
        width = painter.fontMetrics().horizontalAdvance(text) / 2
        if place + width <= widget.width() and place - width >= 0:
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, text)
    for y, text in zip(*_values(frame, 1), strict=True):
        place = round(frame.to_screen(0, y).y()) + 0.5
        painter.setPen(style.colour("outline"))
        painter.drawLine(QPointF(rect.left() - _TICK_PX, place), QPointF(rect.left(), place))
        painter.setPen(style.colour("muted"))
        where = QRectF(0, place - line / 2, rect.left() - _TICK_PX - 3, line)
        if where.top() >= 0:
            alignment = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(where, alignment, text)
    painter.setPen(style.colour("muted"))
    below = QRectF(rect.left(), widget.height() - line - 1, rect.width(), line)
    painter.drawText(below, Qt.AlignmentFlag.AlignCenter, names[0])
    painter.save()
    painter.translate(0, rect.center().y())
    painter.rotate(-90)
    beside = QRectF(QPointF(-rect.height() / 2, 0), QSizeF(rect.height(), line))
    painter.drawText(beside, Qt.AlignmentFlag.AlignCenter, names[1])
    painter.restore()


def _values(frame: Frame, axis: int) -> tuple[list[float], list[str]]:
    view, rect = frame.view, frame.rect
    low, high = (view.x_low, view.x_high) if axis == 0 else (view.y_low, view.y_high)
    length = rect.width() if axis == 0 else rect.height()
    return ticks(low, high, max(2, int(length / _ABOUT_PX[axis])))
