"""Line drawings for the map, in the manner of :mod:`widgets.glyphs`."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from widgets import glyphs


def _line(path: QPainterPath, *points: tuple[float, float]) -> None:
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)


def _consensus(path: QPainterPath) -> None:
    path.addEllipse(QRectF(1.8, 3.4, 9, 9))
    for start in range(0, 360, 45):
        path.arcMoveTo(QRectF(5.4, 3.4, 9, 9), start)
        path.arcTo(QRectF(5.4, 3.4, 9, 9), start, 24)


def _arrows(path: QPainterPath) -> None:
    _line(path, (2, 13.5), (12.4, 3.1))
    _line(path, (7.6, 2.6), (13, 2.6), (13, 8))
    _line(path, (9, 13.8), (13.6, 9.4))


def _atoms(path: QPainterPath) -> None:
    for x, y, r in ((3.6, 11.6, 2.0), (8.2, 5.2, 2.4), (13, 10.4, 1.7)):
        path.addEllipse(QPointF(x, y), r, r)
    _line(path, (4.8, 10), (6.8, 7.2))
    _line(path, (9.9, 6.9), (11.8, 9.2))


def _fit(path: QPainterPath) -> None:
    for x, y, dx, dy in ((2, 2, 1, 1), (14, 2, -1, 1), (2, 14, 1, -1), (14, 14, -1, -1)):
        _line(path, (x, y + 3.4 * dy), (x, y), (x + 3.4 * dx, y))
    path.addEllipse(QRectF(5.6, 5.6, 4.8, 4.8))


def _eye(path: QPainterPath) -> None:
    path.moveTo(1.4, 8)
    path.cubicTo(4, 3.2, 12, 3.2, 14.6, 8)
    path.cubicTo(12, 12.8, 4, 12.8, 1.4, 8)
    path.addEllipse(QRectF(6, 6, 4, 4))


def _sliders(path: QPainterPath) -> None:
    for y, x in ((4, 10.5), (8, 5), (12, 9)):
        _line(path, (1.8, y), (x - 1.6, y))
        _line(path, (x + 1.6, y), (14.2, y))
        path.addEllipse(QPointF(x, y), 1.6, 1.6)


glyphs.DRAWINGS.update(
    {
        "map-consensus": _consensus,
        "map-arrows": _arrows,
        "map-atoms": _atoms,
        "map-fit": _fit,
        "map-eye": _eye,
        "map-sliders": _sliders,
    }
)
icon = glyphs.glyph_icon
