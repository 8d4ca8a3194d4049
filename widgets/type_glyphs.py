"""Drawings for kinds of work: what a job does, seen without reading its name."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainterPath

from widgets.glyphs import DRAWINGS, Drawing

_Line = tuple[tuple[float, float], ...]


def _polylines(*lines: _Line) -> Drawing:
    def draw(path: QPainterPath) -> None:
        for line in lines:
            path.moveTo(*line[0])
            for point in line[1:]:
                path.lineTo(*point)

    return draw


def _import(path: QPainterPath) -> None:
    _polylines(
        ((8, 1.8), (8, 9.6)), ((4.8, 6.6), (8, 9.8), (11.2, 6.6)), ((2, 10), (2, 14), (14, 14), (14, 10))
    )(path)


def _film(path: QPainterPath) -> None:
    path.addRoundedRect(QRectF(1.8, 3, 12.4, 10), 1, 1)
    _polylines(((4.6, 3), (4.6, 13)), ((11.4, 3), (11.4, 13)), ((1.8, 8), (4.6, 8)), ((11.4, 8), (14.2, 8)))(
        path
    )


def _rings(path: QPainterPath) -> None:
    for radius in (1.4, 4.0, 6.5):
        path.addEllipse(QRectF(8 - radius, 8 - radius, 2 * radius, 2 * radius))


def _target(path: QPainterPath) -> None:
    path.addEllipse(QRectF(3.6, 3.6, 8.8, 8.8))
    _polylines(((8, 1.2), (8, 5)), ((8, 11), (8, 14.8)), ((1.2, 8), (5, 8)), ((11, 8), (14.8, 8)))(path)


def _crop(path: QPainterPath) -> None:
    _polylines(((4.5, 1.5), (4.5, 11.5), (14.5, 11.5)), ((1.5, 4.5), (11.5, 4.5), (11.5, 14.5)))(path)


def _grid(path: QPainterPath) -> None:
    for x in (2.0, 9.0):
        for y in (2.0, 9.0):
            path.addRoundedRect(QRectF(x, y, 5, 5), 1, 1)


def _filter(path: QPainterPath) -> None:
    _polylines(((2, 2.8), (14, 2.8), (9.6, 8.2), (9.6, 13.6), (6.4, 11.8), (6.4, 8.2), (2, 2.8)))(path)


def _mask(path: QPainterPath) -> None:
    path.addEllipse(QRectF(3, 4, 10, 8))
    _polylines(((1.5, 4.5), (1.5, 1.5), (4.5, 1.5)), ((11.5, 1.5), (14.5, 1.5), (14.5, 4.5)))(path)
    _polylines(((14.5, 11.5), (14.5, 14.5), (11.5, 14.5)), ((4.5, 14.5), (1.5, 14.5), (1.5, 11.5)))(path)


def _join(path: QPainterPath) -> None:
    _polylines(
        ((3, 2), (3, 4.5), (8, 9), (8, 14)),
        ((13, 2), (13, 4.5), (8, 9)),
        ((5.6, 11.6), (8, 14), (10.4, 11.6)),
    )(path)


def _subtract(path: QPainterPath) -> None:
    path.addEllipse(QRectF(1.6, 4, 8, 8))
    _polylines(((10.6, 8), (14.6, 8)))(path)


def _motion(path: QPainterPath) -> None:
    path.moveTo(1.5, 5)
    path.cubicTo(5, 0.5, 9, 8.5, 14.5, 4.5)
    path.moveTo(1.5, 11.5)
    path.cubicTo(5, 7, 9, 15, 14.5, 11)


def _tuning(path: QPainterPath) -> None:
    _polylines(((2, 13), (2, 3)), ((8, 13), (8, 3)), ((14, 13), (14, 3)))(path)
    for x, y in ((2, 9), (8, 5.5), (14, 10)):
        path.addEllipse(QRectF(x - 1.5, y - 1.5, 3, 3))


def _model(path: QPainterPath) -> None:
    _polylines(((3.4, 11.6), (6.4, 5.4)), ((7.8, 5.4), (11, 10)), ((11.9, 10), (13, 5.2)))(path)
    for x, y in ((2.8, 12.8), (7.0, 4.2), (11.6, 11.2), (13.3, 3.9)):
        path.addEllipse(QRectF(x - 1.3, y - 1.3, 2.6, 2.6))


def _spark(path: QPainterPath) -> None:
    _polylines(
        ((8, 1.5), (9.6, 6.4), (14.5, 8), (9.6, 9.6), (8, 14.5), (6.4, 9.6), (1.5, 8), (6.4, 6.4), (8, 1.5))
    )(path)


_TYPES: Final[dict[str, Drawing]] = {
    "import": _import,
    "film": _film,
    "rings": _rings,
    "target": _target,
    "crop": _crop,
    "grid": _grid,
    "filter": _filter,
    "mask": _mask,
    "join": _join,
    "subtract": _subtract,
    "motion": _motion,
    "tuning": _tuning,
    "model": _model,
    "spark": _spark,
}


@lru_cache(maxsize=64)
def glyph_path(name: str) -> QPainterPath:
    """Return a drawing in a square of 16 units; a sheet of paper for names nobody knows."""
    path = QPainterPath()
    (_TYPES.get(name) or DRAWINGS.get(name) or DRAWINGS["file"])(path)
    return path
