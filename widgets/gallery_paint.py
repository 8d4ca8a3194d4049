"""Draws the tiles of a gallery."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from widgets import glyphs, style
from widgets.explorer.image_tile import paint_picture

_BLACK: Final = QColor("#000000")
_WHITE: Final = QColor("#ffffff")
_SHADE: Final = QColor(0, 0, 0, 150)
_CAPTION: Final = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def paint_tile(
    painter: QPainter, room: QRect, picture: QImage | None, ground: QColor, *, failed: bool = False
) -> None:
    """Draw a picture, or the place where one will be; `failed`: or never."""
    if picture is not None:
        painter.fillRect(room, _BLACK)
        paint_picture(painter, picture, QRectF(room))
        return
    painter.fillRect(room, ground)
    if failed:
        size = min(20.0, room.width() / 3)
        mark = QRectF(0, 0, size, size)
        mark.moveCenter(QRectF(room).center())
        glyphs.paint_glyph(painter, "warning", mark, style.colour("warning"))


def paint_caption(painter: QPainter, room: QRect, text: str) -> None:
    """Write upon the lower edge of a tile."""
    metrics = painter.fontMetrics()
    line, free = metrics.height() + 2, room.width() - 8
    below = QRect(room.left(), room.top() + room.height() - line, room.width(), line)
    painter.fillRect(below, _SHADE)
    painter.setPen(_WHITE)
    if len(text) * metrics.averageCharWidth() * 2 > free:
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, free)
    painter.drawText(below.left() + 4, below.top(), free, line, _CAPTION, text)
