"""Small line drawings in the colours of the theme, sharp at any scale; shapes differ, not only colours."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF, QTextDocument

from widgets import style

# Every drawing fills a square of 16 units with the origin at the upper left.
_UNITS: Final = 16.0

Drawing = Callable[[QPainterPath], None]


def _lines(path: QPainterPath, *polylines: tuple[tuple[float, float], ...]) -> None:
    for polyline in polylines:
        path.moveTo(*polyline[0])
        for point in polyline[1:]:
            path.lineTo(*point)


def _ring(path: QPainterPath) -> None:
    path.addEllipse(QRectF(1.5, 1.5, 13, 13))


def _success(path: QPainterPath) -> None:
    _ring(path)
    _lines(path, ((4.8, 8.3), (7.1, 10.6), (11.3, 5.6)))


def _failure(path: QPainterPath) -> None:
    # an octagon, as on the road: recognisable without colour
    path.addPolygon(
        QPolygonF([QPointF(*p) for p in ((5, 1.5), (11, 1.5), (14.5, 5), (14.5, 11), (11, 14.5), (5, 14.5))])
    )
    _lines(
        path,
        ((5, 14.5), (1.5, 11), (1.5, 5), (5, 1.5)),
        ((5.5, 5.5), (10.5, 10.5)),
        ((10.5, 5.5), (5.5, 10.5)),
    )


def _stopped(path: QPainterPath) -> None:
    path.addRoundedRect(QRectF(2, 2, 12, 12), 2, 2)
    _lines(path, ((5, 8), (11, 8)))


def _running(path: QPainterPath) -> None:
    _ring(path)
    _lines(path, ((6.4, 5), (6.4, 11), (11.2, 8), (6.4, 5)))


def _clock(path: QPainterPath) -> None:
    _ring(path)
    _lines(path, ((8, 4.5), (8, 8.2), (10.6, 9.8)))


def _unknown(path: QPainterPath) -> None:
    _ring(path)
    path.moveTo(6, 6.4)
    path.cubicTo(6, 3.6, 10.2, 3.8, 10, 6.6)
    path.cubicTo(9.9, 7.8, 8, 8, 8, 9.4)
    path.addEllipse(QRectF(7.7, 11.2, 0.6, 0.6))


def _warning(path: QPainterPath) -> None:
    _lines(path, ((8, 2), (14.7, 13.8), (1.3, 13.8), (8, 2)), ((8, 6.4), (8, 9.6)))
    path.addEllipse(QRectF(7.7, 11.4, 0.6, 0.6))


def _info(path: QPainterPath) -> None:
    _ring(path)
    _lines(path, ((8, 7.4), (8, 11.2)))
    path.addEllipse(QRectF(7.7, 4.8, 0.6, 0.6))


def _question(path: QPainterPath) -> None:
    _unknown(path)


def _folder(path: QPainterPath) -> None:
    _lines(path, ((1.5, 4), (1.5, 13), (14.5, 13), (14.5, 5.2), (8, 5.2), (6.5, 3.2), (1.5, 3.2), (1.5, 4)))


def _nodes(path: QPainterPath) -> None:
    for x, y in ((2, 2), (10, 2), (6, 10)):
        path.addRoundedRect(QRectF(x, y, 4, 4), 1, 1)
    _lines(path, ((4, 6), (4, 8), (12, 8), (12, 6)), ((8, 8), (8, 10)))


def _search(path: QPainterPath) -> None:
    path.addEllipse(QRectF(2, 2, 8.6, 8.6))
    _lines(path, ((9.6, 9.6), (14, 14)))


def _close(path: QPainterPath) -> None:
    _lines(path, ((4, 4), (12, 12)), ((12, 4), (4, 12)))


def _up(path: QPainterPath) -> None:
    _lines(path, ((3.5, 10), (8, 5.5), (12.5, 10)))


def _down(path: QPainterPath) -> None:
    _lines(path, ((3.5, 6), (8, 10.5), (12.5, 6)))


def _right(path: QPainterPath) -> None:
    _lines(path, ((6, 3.5), (10.5, 8), (6, 12.5)))


def _to_end(path: QPainterPath) -> None:
    _lines(path, ((8, 2), (8, 11)), ((4, 7.2), (8, 11.2), (12, 7.2)), ((3, 14), (13, 14)))


def _file(path: QPainterPath) -> None:
    _lines(path, ((9, 1.5), (3, 1.5), (3, 14.5), (13, 14.5), (13, 5.5), (9, 1.5), (9, 5.5), (13, 5.5)))


def _curve(path: QPainterPath) -> None:
    _lines(path, ((2, 2), (2, 14), (14, 14)))
    path.moveTo(4, 4.5)
    path.cubicTo(5.5, 10.5, 8, 11, 13.5, 11.2)


def _scatter(path: QPainterPath) -> None:
    for x, y in ((3, 10), (5.5, 6.5), (7, 11), (9.5, 7.5), (11.5, 4), (12, 10)):
        path.addEllipse(QRectF(x - 0.8, y - 0.8, 1.6, 1.6))


def _volume(path: QPainterPath) -> None:
    _lines(
        path,
        ((8, 1.5), (14, 4.8), (14, 11.2), (8, 14.5), (2, 11.2), (2, 4.8), (8, 1.5)),
        ((2, 4.8), (8, 8), (14, 4.8)),
        ((8, 8), (8, 14.5)),
    )


def _chip(path: QPainterPath) -> None:
    path.addRoundedRect(QRectF(3.5, 3.5, 9, 9), 1, 1)
    path.addRect(QRectF(6, 6, 4, 4))
    for k in (5.5, 8.0, 10.5):
        _lines(
            path, ((k, 1.2), (k, 3.5)), ((k, 12.5), (k, 14.8)), ((1.2, k), (3.5, k)), ((12.5, k), (14.8, k))
        )


def _note(path: QPainterPath) -> None:
    _lines(path, ((2.5, 2.5), (13.5, 2.5), (13.5, 13.5), (2.5, 13.5), (2.5, 2.5)))
    _lines(path, ((5, 6), (11, 6)), ((5, 8.5), (11, 8.5)), ((5, 11), (8.5, 11)))


def _list(path: QPainterPath) -> None:
    for y in (4, 8, 12):
        _lines(path, ((5.5, y), (14, y)))
        path.addEllipse(QRectF(2, y - 0.7, 1.4, 1.4))


DRAWINGS: Final[dict[str, Drawing]] = {
    "success": _success,
    "failure": _failure,
    "stopped": _stopped,
    "running": _running,
    "clock": _clock,
    "unknown": _unknown,
    "warning": _warning,
    "info": _info,
    "question": _question,
    "folder": _folder,
    "nodes": _nodes,
    "search": _search,
    "close": _close,
    "up": _up,
    "down": _down,
    "right": _right,
    "to-end": _to_end,
    "file": _file,
    "curve": _curve,
    "scatter": _scatter,
    "volume": _volume,
    "chip": _chip,
    "note": _note,
    "list": _list,
}


def paint_glyph(painter: QPainter, name: str, rect: QRectF, colour: QColor, weight: float = 1.5) -> None:
    """Draw a glyph into a square.

    Parameters
    ----------
    painter : QPainter
        Painter to draw with; its state is kept.
    name : str
        Key of `DRAWINGS`.
    rect : QRectF
        Square in the painter's coordinates.
    colour : QColor
        Colour of the lines.
    weight : float
        Width of the lines in sixteenths of the square.
    """
    path = QPainterPath()
    DRAWINGS[name](path)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / _UNITS, rect.height() / _UNITS)
    pen = QPen(colour, weight)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.restore()


def glyph_pixmap(
    name: str, colour: QColor, size: int = 16, ratio: float = 1.0, weight: float = 1.5
) -> QPixmap:
    """Return a transparent pixmap with a glyph, `size` device-independent pixels wide."""
    pixmap = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_glyph(painter, name, QRectF(0, 0, size, size), colour, weight)
    painter.end()
    return pixmap


def glyph_icon(name: str, colour: str = "muted") -> QIcon:
    """Return an icon in a colour of the theme, sharp on screens of one to three times density."""
    return _icon(name, style.colour(colour).name(), style.colour("disabled").name())


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    """Draw an icon; a form has the same ones in every row."""
    icon = QIcon()
    for size in (16, 24):
        for ratio in (1.0, 2.0, 3.0):
            icon.addPixmap(glyph_pixmap(name, QColor(colour), size, ratio))
            icon.addPixmap(glyph_pixmap(name, QColor(disabled), size, ratio), QIcon.Mode.Disabled)
    return icon


def no_icon() -> QIcon:
    """Return an icon that shows nothing."""
    return QIcon()


def plain_text(markup: str) -> str:
    """Return rich text as it is read."""
    document = QTextDocument()
    document.setHtml(markup)
    return document.toPlainText().replace("\xa0", " ")
