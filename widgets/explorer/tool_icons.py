"""Line drawings for the tools of the latent plot, and cursors that show which tool is in the hand."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from widgets import glyphs, style

_Points = tuple[tuple[float, float], ...]


def _line(path: QPainterPath, points: _Points, closed: bool = False) -> None:
    polygon = QPolygonF([QPointF(*point) for point in points])
    if closed:
        polygon.append(polygon.first())
    path.addPolygon(polygon)


def _dot(path: QPainterPath, x: float, y: float, radius: float = 1.3) -> None:
    path.addEllipse(QPointF(x, y), radius, radius)


def _pick(path: QPainterPath) -> None:
    # the pointer that every drawing program has
    _line(
        path,
        ((3.6, 1.8), (3.6, 12.6), (6.5, 9.9), (8.6, 14.4), (10.5, 13.5), (8.4, 9.2), (12.4, 8.8)),
        closed=True,
    )


def _draw(path: QPainterPath) -> None:
    path.moveTo(1.5, 11.5)
    path.cubicTo(3.5, 1.0, 7.0, 3.0, 7.2, 8.0)
    path.cubicTo(7.4, 13.5, 11.2, 14.5, 13.6, 5.2)
    _line(path, ((10.8, 6.4), (13.9, 3.9), (14.9, 7.7)))


def _straight(path: QPainterPath) -> None:
    _dot(path, 3.0, 13.0, 1.5)
    _line(path, ((4.2, 11.8), (13.4, 2.6)))
    _line(path, ((9.4, 2.3), (13.7, 2.3), (13.7, 6.6)))


def _anchors(path: QPainterPath) -> None:
    _line(path, ((3.9, 10.6), (6.1, 6.6)))
    _line(path, ((8.6, 5.9), (11.5, 8.3)))
    _dot(path, 3.0, 12.4, 1.8)
    _dot(path, 7.0, 4.8, 1.8)
    _dot(path, 13.0, 9.6, 1.8)


def _lasso(path: QPainterPath) -> None:
    path.addEllipse(QRectF(1.8, 1.8, 12.4, 8.0))
    path.moveTo(5.2, 9.4)
    path.cubicTo(3.2, 10.8, 4.4, 12.6, 6.0, 11.6)
    path.cubicTo(7.6, 10.4, 5.4, 8.8, 4.6, 10.6)
    path.cubicTo(4.0, 12.4, 5.0, 13.6, 4.0, 14.8)


def _polygon(path: QPainterPath) -> None:
    _line(path, ((8.0, 1.8), (14.2, 6.6), (11.8, 14.0), (4.2, 14.0), (1.8, 6.6)), closed=True)


def _rectangle(path: QPainterPath) -> None:
    # dashes: an outline that is being drawn, not a box
    for a, b in (((2, 5), (2, 3)), ((2, 3), (4.4, 3)), ((6.8, 3), (9.2, 3)), ((11.6, 3), (14, 3))):
        _line(path, (a, b))
    for a, b in (((14, 3), (14, 5)), ((14, 7), (14, 9)), ((14, 11), (14, 13)), ((14, 13), (11.6, 13))):
        _line(path, (a, b))
    for a, b in (((9.2, 13), (6.8, 13)), ((4.4, 13), (2, 13)), ((2, 13), (2, 11)), ((2, 9), (2, 7))):
        _line(path, (a, b))


def _pan(path: QPainterPath) -> None:
    _line(path, ((8, 1.8), (8, 14.2)))
    _line(path, ((1.8, 8), (14.2, 8)))
    _line(path, ((6.1, 3.7), (8, 1.8), (9.9, 3.7)))
    _line(path, ((6.1, 12.3), (8, 14.2), (9.9, 12.3)))
    _line(path, ((3.7, 6.1), (1.8, 8), (3.7, 9.9)))
    _line(path, ((12.3, 6.1), (14.2, 8), (12.3, 9.9)))


def _fit(path: QPainterPath) -> None:
    for x, y, dx, dy in ((2.0, 2.0, 1, 1), (14.0, 2.0, -1, 1), (14.0, 14.0, -1, -1), (2.0, 14.0, 1, -1)):
        _line(path, ((x + 3.6 * dx, y), (x, y), (x, y + 3.6 * dy)))
    for x, y in ((6.2, 8.8), (8.4, 6.2), (9.8, 9.6)):
        _dot(path, x, y, 0.6)


_DRAWINGS: Final[dict[str, glyphs.Drawing]] = {
    "tool-pick": _pick,
    "tool-draw": _draw,
    "tool-line": _straight,
    "tool-anchors": _anchors,
    "tool-lasso": _lasso,
    "tool-polygon": _polygon,
    "tool-rectangle": _rectangle,
    "tool-pan": _pan,
    "tool-fit": _fit,
}
glyphs.DRAWINGS.update(_DRAWINGS)


def tool_icon(name: str, colour: str = "text") -> QIcon:
    """Return the icon of a tool, or of ``fit``, in a colour of the theme."""
    return glyphs.glyph_icon(f"tool-{name}", colour)


def tool_cursor(tool: str, *, held: bool = False) -> QCursor:
    """Return the cursor of a tool; `held` while the view is being moved."""
    if held:
        return QCursor(Qt.CursorShape.ClosedHandCursor)
    if tool == "pan":
        return QCursor(Qt.CursorShape.OpenHandCursor)
    return _crosshair(str(tool), style.colour("text").name(), style.colour("surface").name())


@lru_cache(maxsize=32)
def _crosshair(tool: str, ink: str, paper: str) -> QCursor:
    """Draw a crosshair with the tool beside it, outlined so that it shows on every colour."""
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    for colour, weight, glyph_weight in ((paper, 3.0, 4.5), (ink, 1.0, 1.7)):
        painter.setPen(QPen(QColor(colour), weight))
        for a, b in (((10, 0), (10, 7)), ((10, 13), (10, 20)), ((0, 10), (7, 10)), ((13, 10), (20, 10))):
            painter.drawLine(QPointF(a[0] + 0.5, a[1] + 0.5), QPointF(b[0] + 0.5, b[1] + 0.5))
        if tool != "pick":
            glyphs.paint_glyph(painter, f"tool-{tool}", QRectF(17, 17, 13, 13), QColor(colour), glyph_weight)
    painter.end()
    return QCursor(pixmap, 10, 10)
