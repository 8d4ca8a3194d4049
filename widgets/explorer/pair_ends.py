"""Numbers at the ends of the axes of small plots."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

#: Room for the numbers, under and beside the cells.
FOOT: Final = 16


def draw_ends(painter: QPainter, below: QRectF, beside: QRectF | None, low: str, high: str) -> None:
    """Write the ends of one dimension under the lowest cell of its column and beside the first of its row."""
    _draw_pair(painter, QRectF(below.left(), below.bottom(), below.width(), FOOT), low, high)
    if beside is None:
        return  # the first row has no axis upwards
    painter.save()
    painter.translate(beside.left() - FOOT, beside.bottom())
    painter.rotate(-90)
    _draw_pair(painter, QRectF(0, 0, beside.height(), FOOT), low, high)
    painter.restore()


def _draw_pair(painter: QPainter, strip: QRectF, low: str, high: str) -> None:
    """Write two numbers at the ends of a strip, the first alone where there is no room for both."""
    strip = strip.adjusted(1, 0, -4, 0)
    centre = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(strip, int(centre), low)
    if painter.fontMetrics().horizontalAdvance(low + high) + 8 <= strip.width():
        painter.drawText(strip, int(centre | Qt.AlignmentFlag.AlignRight), high)
