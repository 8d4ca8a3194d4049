"""Small drawings of what a selection does: two overlapping rings, the chosen part of them filled."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from widgets import style

_SIZE: Final = 16


def set_icon(name: str) -> QIcon:
    """Return the icon of a way to combine (``new``, ``add``, ``intersect``, ``subtract``), undo or redo."""
    return _icon(
        name, style.colour("text").name(), style.colour("accent").name(), style.colour("disabled").name()
    )


@lru_cache(maxsize=64)
def _icon(name: str, line: str, fill: str, disabled: str) -> QIcon:
    icon = QIcon()
    for ratio in (1.0, 2.0, 3.0):
        icon.addPixmap(_draw(name, QColor(line), QColor(fill), ratio))
        icon.addPixmap(_draw(name, QColor(disabled), QColor(disabled), ratio), QIcon.Mode.Disabled)
    return icon


def _draw(name: str, line: QColor, fill: QColor, ratio: float) -> QPixmap:
    side = round(_SIZE * ratio)
    pixmap = QPixmap(QSize(side, side))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if name in ("undo", "redo"):
        if name == "redo":
            painter.translate(_SIZE, 0)
            painter.scale(-1, 1)
        _draw_arrow(painter, line)
    else:
        _draw_rings(painter, name, line, fill)
    painter.end()
    return pixmap


def _draw_rings(painter: QPainter, name: str, line: QColor, fill: QColor) -> None:
    left, right = QPainterPath(), QPainterPath()
    left.addEllipse(QRectF(1, 3.5, 9, 9))
    right.addEllipse(QRectF(6, 3.5, 9, 9))
    parts = {
        "new": right,
        "add": left.united(right),
        "intersect": left.intersected(right),
        "subtract": left.subtracted(right),
    }
    painter.fillPath(parts[name], fill)
    painter.setPen(QPen(line, 1.1))
    painter.drawPath(left)
    painter.drawPath(right)


def _draw_arrow(painter: QPainter, line: QColor) -> None:
    pen = QPen(line, 1.5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    path = QPainterPath(QPointF(3, 6))
    path.lineTo(9.5, 6)
    path.arcTo(QRectF(6.2, 6, 7.2, 7.2), 90, -180)
    path.lineTo(6, 13.2)
    painter.drawPath(path)
    painter.drawPolyline([QPointF(5.6, 3.2), QPointF(2.8, 6), QPointF(5.6, 8.8)])
