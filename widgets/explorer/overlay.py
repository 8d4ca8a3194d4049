"""What lies over the points of the latent plot: present state, path and handles, outlines being drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.explorer.tools import Mode, Tool

HANDLE_PX = 7.0
_ARROW_EVERY_PX = 140.0
# a path that is looked at from very near is millions of pixels long
_MOST_ARROWS = 24
_LONGEST_DASHED_PX = 20_000.0
_MODE_COLOURS: dict[Mode, str] = {
    "new": "accent",
    "add": "success",
    "subtract": "danger",
    "intersect": "warning",
}
_MODE_SIGNS: dict[Mode, str] = {"new": "", "add": "+", "subtract": "\u2212", "intersect": "\u2229"}


def _pen(colour: QColor, width: float, dashed: bool = False) -> QPen:
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dashed:
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([4, 3])
    return pen


def paint_mark(painter: QPainter, place: QPointF) -> None:
    """Draw a ring with contrast to any colour: ink on paper, inside and outside."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in (("surface", 5.5), ("text", 2.2)):
        painter.setPen(_pen(style.colour(colour), width))
        painter.drawEllipse(place, 8.5, 8.5)
    painter.setPen(Qt.PenStyle.NoPen)
    for name, radius in (("surface", 4.0), ("text", 2.6)):
        painter.setBrush(style.colour(name))
        painter.drawEllipse(place, radius, radius)


def paint_hover(painter: QPainter, place: QPointF, radius: float) -> None:
    """Draw a thin ring around the particle under the mouse."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in (("surface", 3.5), ("accent", 1.6)):
        painter.setPen(_pen(style.colour(colour), width))
        painter.drawEllipse(place, radius, radius)


def paint_path(painter: QPainter, places: Sequence[QPointF], *, capped: bool = False) -> None:
    """Draw a path: a spot where it starts, arrowheads along it, and at its end unless a handle caps it."""
    if not places:
        return
    accent, paper = style.colour("accent"), style.colour("surface")
    line = QPolygonF(places)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((paper, 5.0), (accent, 2.2)):
        painter.setPen(_pen(colour, width))
        painter.drawPolyline(line)
    for tip, angle in _arrows(places)[: -1 if capped else None]:
        _paint_arrow(painter, tip, angle, accent, paper)
    painter.setPen(_pen(accent, 2.0))
    painter.setBrush(paper)
    painter.drawEllipse(places[0], 4.0, 4.0)


def _arrows(places: Sequence[QPointF]) -> list[tuple[QPointF, float]]:
    """Return tips and directions (radians, y downward) of arrowheads: some on the way, and the end.

    Those on the way keep clear of the ends, where handles may lie over them.
    """
    xy = np.array([[p.x(), p.y()] for p in places])
    steps = np.diff(xy, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    total = float(along[-1])
    if total < 12:
        return []
    count = int(np.clip(total // _ARROW_EVERY_PX, 1, _MOST_ARROWS))
    result = []
    for at in [*(total * (k + 0.5) / count for k in range(count)), total]:
        tip = [float(np.interp(at, along, xy[:, axis])) for axis in (0, 1)]
        # the direction over the length of the arrow: that of one short step would tremble
        tail = [float(np.interp(max(at - 12, 0), along, xy[:, axis])) for axis in (0, 1)]
        result.append((QPointF(*tip), float(np.arctan2(tip[1] - tail[1], tip[0] - tail[0]))))
    return result


def _paint_arrow(painter: QPainter, tip: QPointF, angle: float, ink: QColor, paper: QColor) -> None:
    def corner(turn: float, length: float) -> QPointF:
        return tip - QPointF(length * float(np.cos(angle + turn)), length * float(np.sin(angle + turn)))

    painter.setPen(_pen(paper, 1.2))
    painter.setBrush(ink)
    painter.drawPolygon(QPolygonF([tip, corner(0.45, 13), corner(0.0, 9), corner(-0.45, 13)]))


def paint_handles(painter: QPainter, places: Sequence[QPointF], hovered: int, chosen: int) -> None:
    """Draw numbered anchors that can be dragged."""
    font = style.scaled_font(0.75, bold=True)
    painter.setFont(font)
    for number, place in enumerate(places):
        if not math.isfinite(place.x() + place.y()):
            continue  # a particle without a place in this plane
        strong = number in (hovered, chosen)
        radius = HANDLE_PX + (1.5 if strong else 0)
        painter.setPen(_pen(style.colour("surface"), 5.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place, radius, radius)
        painter.setPen(_pen(style.colour("accent"), 2.0))
        painter.setBrush(style.colour("accent" if strong else "surface"))
        painter.drawEllipse(place, radius, radius)
        painter.setPen(style.colour("on_accent" if strong else "text"))
        box = QRectF(place.x() - 10, place.y() - 10, 20, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number + 1))


def paint_rubber(
    painter: QPainter,
    tool: Tool,
    places: Sequence[QPointF],
    cursor: QPointF | None,
    mode: Mode,
    closing: bool,
) -> None:
    """Draw the outline or stroke under way, in the colour of what it will do to the selection."""
    if not places:
        return
    if tool in (Tool.DRAW, Tool.LINE):
        paint_path(painter, list(places))
        return
    ink = style.colour(_MODE_COLOURS[mode])
    outline = list(places)
    if tool is Tool.POLYGON and cursor is not None and not closing:
        outline.append(cursor)
    fill = QColor(ink)
    fill.setAlphaF(0.12)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawPolygon(QPolygonF(outline), Qt.FillRule.OddEvenFill)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    whole = [*outline, outline[0]]
    open_part = whole[:-1] if tool is Tool.POLYGON and not closing else whole
    extent = QPolygonF(outline).boundingRect()
    dashes = max(extent.width(), extent.height()) < _LONGEST_DASHED_PX
    for colour, width, dashed in ((style.colour("surface"), 3.5, False), (ink, 1.8, dashes)):
        painter.setPen(_pen(colour, width, dashed))
        painter.drawPolyline(QPolygonF(open_part))
    if tool is Tool.POLYGON:
        for number, place in enumerate(places):
            first = number == 0 and len(places) > 2
            painter.setPen(_pen(style.colour("surface") if not first else ink, 1.5))
            painter.setBrush(ink if not first or closing else style.colour("surface"))
            radius = 6.0 if first else 3.5
            painter.drawEllipse(place, radius, radius)
    if _MODE_SIGNS[mode] and cursor is not None:
        _paint_sign(painter, cursor + QPointF(-16, -16), _MODE_SIGNS[mode], ink)


def _paint_sign(painter: QPainter, centre: QPointF, sign: str, ink: QColor) -> None:
    painter.setPen(_pen(style.colour("surface"), 1.5))
    painter.setBrush(ink)
    painter.drawEllipse(centre, 8.5, 8.5)
    painter.setFont(style.scaled_font(1.0, bold=True))
    painter.setPen(style.colour("surface"))
    box = QRectF(centre.x() - 9, centre.y() - 9.5, 18, 18)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, sign)


def paint_note(
    painter: QPainter, rect: QRectF, text: str, alignment: Qt.AlignmentFlag, widget: QWidget
) -> None:
    """Write a quiet line into a corner of the plot, on ground that lets it be read over points."""
    painter.setFont(style.small_font(widget))
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(text) + 12.0, metrics.height() + 4.0
    if width > rect.width():
        return
    x = rect.right() - width - 4 if alignment & Qt.AlignmentFlag.AlignRight else rect.left() + 5
    y = rect.bottom() - height - 4 if alignment & Qt.AlignmentFlag.AlignBottom else rect.top() + 4
    box = QRectF(x, y, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.colour("surface", 0.82))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(style.colour("muted"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
