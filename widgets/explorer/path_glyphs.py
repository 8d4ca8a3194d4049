"""Line drawings for making and playing trajectories, in the manner of :mod:`widgets.glyphs`."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath, QPolygonF

from widgets import glyphs


def _dot(path: QPainterPath, x: float, y: float, radius: float = 1.6) -> None:
    path.addEllipse(QPointF(x, y), radius, radius)


def _line(path: QPainterPath, *points: tuple[float, float]) -> None:
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)


def _draw(path: QPainterPath) -> None:
    path.moveTo(2, 12.5)
    path.cubicTo(3.5, 4, 6.5, 3, 7.5, 7)
    path.cubicTo(8.5, 11.5, 11, 12, 14, 3.5)


def _straight(path: QPainterPath) -> None:
    _dot(path, 3.2, 12.8)
    _dot(path, 12.8, 3.2)
    _line(path, (4.6, 11.4), (11.4, 4.6))


def _axis(path: QPainterPath) -> None:
    _line(path, (2, 8), (14, 8))
    _line(path, (4.8, 5.2), (2, 8), (4.8, 10.8))
    _line(path, (11.2, 5.2), (14, 8), (11.2, 10.8))


def _anchors(path: QPainterPath) -> None:
    for x, y in ((2.8, 11.8), (7, 4.2), (13.2, 9.2)):
        _dot(path, x, y)
    _line(path, (3.7, 10.3), (6.2, 5.8))
    _line(path, (8.4, 5.3), (11.8, 8.1))


def _automatic(path: QPainterPath) -> None:
    path.moveTo(1.8, 13)
    path.cubicTo(6.5, 12.5, 8, 4, 14.2, 3)
    for x, y in ((3.2, 8.2), (6.2, 4.6), (10.2, 11.2), (13.4, 8.2)):
        _dot(path, x, y, 0.7)


def _play(path: QPainterPath) -> None:
    path.addPolygon(QPolygonF([QPointF(4.5, 2.8), QPointF(13, 8), QPointF(4.5, 13.2), QPointF(4.5, 2.8)]))


def _pause(path: QPainterPath) -> None:
    path.addRect(QRectF(4, 3, 2.6, 10))
    path.addRect(QRectF(9.4, 3, 2.6, 10))


def _first(path: QPainterPath) -> None:
    _line(path, (3.5, 3.5), (3.5, 12.5))
    _line(path, (12, 3.5), (6.5, 8), (12, 12.5))


def _last(path: QPainterPath) -> None:
    _line(path, (12.5, 3.5), (12.5, 12.5))
    _line(path, (4, 3.5), (9.5, 8), (4, 12.5))


def _back(path: QPainterPath) -> None:
    _line(path, (10.2, 3.5), (5.2, 8), (10.2, 12.5))


def _forward(path: QPainterPath) -> None:
    _line(path, (5.8, 3.5), (10.8, 8), (5.8, 12.5))


def _loop(path: QPainterPath) -> None:
    path.arcMoveTo(QRectF(2.8, 2.8, 10.4, 10.4), 60)
    path.arcTo(QRectF(2.8, 2.8, 10.4, 10.4), 60, 300)
    _line(path, (10.8, 9.6), (13.2, 7.4), (15.4, 9.8))


def _bounce(path: QPainterPath) -> None:
    _line(path, (2, 5.2), (13.6, 5.2))
    _line(path, (11, 2.6), (13.6, 5.2), (11, 7.8))
    _line(path, (14, 11), (2.4, 11))
    _line(path, (5, 8.4), (2.4, 11), (5, 13.6))


def _once(path: QPainterPath) -> None:
    _line(path, (1.8, 8), (10.8, 8))
    _line(path, (7.8, 4.8), (10.8, 8), (7.8, 11.2))
    _line(path, (13.8, 3.5), (13.8, 12.5))


def _reverse(path: QPainterPath) -> None:
    _line(path, (14, 8), (2.2, 8))
    _line(path, (6.2, 4), (2.2, 8), (6.2, 12))


def _add(path: QPainterPath) -> None:
    _line(path, (8, 3), (8, 13))
    _line(path, (3, 8), (13, 8))


def _remove(path: QPainterPath) -> None:
    _line(path, (3, 8), (13, 8))


def _save(path: QPainterPath) -> None:
    _line(path, (8, 2), (8, 10.4))
    _line(path, (4.4, 7), (8, 10.6), (11.6, 7))
    _line(path, (2.5, 10.5), (2.5, 13.8), (13.5, 13.8), (13.5, 10.5))


def _shuffle(path: QPainterPath) -> None:
    path.moveTo(1.8, 4.6)
    path.cubicTo(6.5, 4.6, 8.5, 11.4, 13.8, 11.4)
    path.moveTo(1.8, 11.4)
    path.cubicTo(6.5, 11.4, 8.5, 4.6, 13.8, 4.6)
    _line(path, (11.4, 2.4), (13.9, 4.6), (11.4, 6.8))
    _line(path, (11.4, 9.2), (13.9, 11.4), (11.4, 13.6))


def _difference(path: QPainterPath) -> None:
    _line(path, (8, 2.2), (14.2, 13.2), (1.8, 13.2), (8, 2.2))


def _mean(path: QPainterPath) -> None:
    path.addRect(QRectF(4.6, 1.8, 9.6, 9.6))
    _line(path, (4.6, 4.6), (1.8, 4.6), (1.8, 14.2), (11.4, 14.2), (11.4, 11.4))


# beside the drawings every widget knows, under names of their own
glyphs.DRAWINGS.update(
    {
        "path-draw": _draw,
        "path-line": _straight,
        "path-axis": _axis,
        "path-anchors": _anchors,
        "path-auto": _automatic,
        "path-reverse": _reverse,
        "path-add": _add,
        "path-remove": _remove,
        "path-save": _save,
        "player-play": _play,
        "player-pause": _pause,
        "player-first": _first,
        "player-last": _last,
        "player-back": _back,
        "player-forward": _forward,
        "player-loop": _loop,
        "player-bounce": _bounce,
        "player-once": _once,
        "particles-shuffle": _shuffle,
        "particles-difference": _difference,
        "particles-mean": _mean,
        "particles-copy": _mean,
    }
)
icon = glyphs.glyph_icon
