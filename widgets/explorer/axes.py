"""Axes, grid and numbers around the latent plot."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from widgets import plotting, style
from widgets.explorer.view import Frame, View, ticks

_TICK_PX = 4.0
_ABOUT_PX = (70, 60)


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
    # opaque and as rectangles: translucent lines would cost more than a million points
    colour = plotting.mixed(style.colour("surface"), style.colour("line"), 0.55)
    rect = frame.rect
    for x in _values(frame, 0)[0]:
        painter.fillRect(QRectF(round(frame.to_screen(x, 0).x()), rect.top(), 1, rect.height()), colour)
    for y in _values(frame, 1)[0]:
        painter.fillRect(QRectF(rect.left(), round(frame.to_screen(0, y).y()), rect.width(), 1), colour)


def paint_axes(painter: QPainter, frame: Frame, names: tuple[str, str], widget: QWidget) -> None:
    """Draw the frame of the plot, numbers at round values, and the names of both axes."""
    rect = frame.rect
    painter.setFont(style.small_font(widget))
    line = painter.fontMetrics().height()
    outline = style.colour("outline")
    painter.fillRect(QRectF(rect.left() - 1, rect.bottom(), rect.width() + 1, 1), outline)
    painter.fillRect(QRectF(rect.left() - 1, rect.top(), 1, rect.height()), outline)
    painter.setPen(style.colour("muted"))
    for x, text in zip(*_values(frame, 0), strict=True):
        place = round(frame.to_screen(x, 0).x())
        painter.fillRect(QRectF(place, rect.bottom(), 1, _TICK_PX), outline)
        where = QRectF(place - 60, rect.bottom() + _TICK_PX + 1, 120, line)
        # a number at the very edge would be cut off
        width = painter.fontMetrics().horizontalAdvance(text) / 2
        if place + width <= widget.width() and place - width >= 0:
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, text)
    for y, text in zip(*_values(frame, 1), strict=True):
        place = round(frame.to_screen(0, y).y())
        painter.fillRect(QRectF(rect.left() - _TICK_PX, place, _TICK_PX, 1), outline)
        where = QRectF(0, place - line / 2, rect.left() - _TICK_PX - 3, line)
        if where.top() >= 0:
            alignment = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(where, alignment, text)
    below = QRectF(rect.left(), widget.height() - line - 1, rect.width(), line)
    painter.drawText(below, Qt.AlignmentFlag.AlignCenter, names[0])
    painter.save()
    painter.translate(0, rect.center().y())
    painter.rotate(-90)
    beside = QRectF(QPointF(-rect.height() / 2, 0), QSizeF(rect.height(), line))
    painter.drawText(beside, Qt.AlignmentFlag.AlignCenter, names[1])
    painter.restore()


def paint_focus(painter: QPainter, widget: QWidget) -> None:
    """Draw a thin frame that says where the keyboard goes."""
    width, height = widget.width(), widget.height()
    for edge in ((0, 0, width, 1), (0, height - 1, width, 1), (0, 0, 1, height), (width - 1, 0, 1, height)):
        painter.fillRect(*edge, style.colour("accent"))


def _values(frame: Frame, axis: int) -> tuple[list[float], list[str]]:
    view, rect = frame.view, frame.rect
    low, high = (view.x_low, view.x_high) if axis == 0 else (view.y_low, view.y_high)
    length = rect.width() if axis == 0 else rect.height()
    return ticks(low, high, max(2, int(length / _ABOUT_PX[axis])))
