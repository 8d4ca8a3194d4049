"""Paints cards and lines of a flowchart, with as much detail as can be seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from PySide6.QtCore import QByteArray, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtSvg import QSvgRenderer

import resources
from widgets import style
from widgets.graph_data import GraphJob
from widgets.graph_geometry import CARD_HEIGHT, CARD_WIDTH, Line
from widgets.status_badge import badge_size, look_of, paint_badge
from widgets.tag_chips import paint_chips
from widgets.type_glyphs import glyph_path

#: Below these scales cards lose their words, and then everything but their colour.
WORDS_FROM: Final = 0.42
SHAPE_FROM: Final = 0.2
LABELS_FROM: Final = 0.6
_FADED: Final = 0.16
#: Before the name of one of the program's icons, where a drawing is named.
ICON: Final = "icon:"
_PADDING: Final = 12.0
_GLYPH: Final = 30.0


def line_path(line: Line) -> QPainterPath:
    """Return the way of a link as something Qt draws."""
    path = QPainterPath(QPointF(*line.start))
    for piece in line.pieces:
        if len(piece) == 1:
            path.lineTo(*piece[0])
        else:
            path.cubicTo(QPointF(*piece[0]), QPointF(*piece[1]), QPointF(*piece[2]))
    return path


class CardPainter:
    """Draws cards in the present theme and font.

    Parameters
    ----------
    font
        Font of the widget; sizes on a card are fixed, because all of it is zoomed.
    """

    def __init__(self, font: QFont) -> None:
        self.title = _sized(font, 13, bold=True)
        self.text = _sized(font, 11)
        self.small = _sized(font, 10)
        self.large = _sized(font, 30, bold=True)
        self._titles = QFontMetricsF(self.title)
        self._texts = QFontMetricsF(self.text)
        self._smalls = QFontMetricsF(self.small)
        self._badges: dict[tuple[str, str], QSize] = {}

    def card(
        self,
        painter: QPainter,
        job: GraphJob,
        corner: QPointF,
        scale: float,
        *,
        chosen: bool,
        second: bool,
        hovered: bool,
        faded: bool,
        pulse: float,
    ) -> None:
        """Draw one card.

        Parameters
        ----------
        painter
            In units of the chart.
        job
            What it is about.
        corner
            Its upper left corner.
        scale
            Pixels for one unit; decides on the detail.
        chosen, second
            It is the selected job, or the one that was chosen in addition.
        hovered, faded
            The mouse is above it; it does not belong to what is looked at.
        pulse
            From 0 to 1, strength of the glow of a running job.
        """
        look = look_of(job.status)
        rect = QRectF(corner.x(), corner.y(), CARD_WIDTH, CARD_HEIGHT)
        painter.setOpacity(_FADED if faded else 1.0)
        if pulse > 0 and not faded:
            painter.setPen(QPen(style.colour(look.colour, 0.12 + 0.3 * pulse), 6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), 10, 10)
        edge = "accent" if chosen or second else ("outline" if hovered else "line")
        pen = QPen(style.colour(edge), 2.4 if chosen or second else 1.2)
        if second:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(style.colour("selection" if chosen else "surface"))
        painter.drawRoundedRect(rect, 8, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.colour(look.colour))
        painter.drawRoundedRect(QRectF(rect.left(), rect.top() + 9, 4, rect.height() - 18), 2, 2)
        if scale < WORDS_FROM:
            self._number(painter, job, rect)
        else:
            self._words(painter, job, rect)
        painter.setOpacity(1.0)

    def _number(self, painter: QPainter, job: GraphJob, rect: QRectF) -> None:
        _paint_path(painter, job.glyph, QRectF(rect.left() + 18, rect.top() + 16, 44, 44), "muted", 1.8)
        painter.setFont(self.large)
        painter.setPen(style.colour("text"))
        painter.drawText(rect.adjusted(72, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, f"{job.number:03d}")

    def _words(self, painter: QPainter, job: GraphJob, rect: QRectF) -> None:
        left = rect.left() + _PADDING + _GLYPH + 8
        room = rect.right() - 10 - left
        square = QRectF(rect.left() + _PADDING + 1, rect.top() + 10, _GLYPH, _GLYPH)
        painter.setBrush(style.colour("hover"))
        painter.drawRoundedRect(square, 6, 6)
        _paint_path(painter, job.glyph, square.adjusted(6, 6, -6, -6), "text", 1.4)
        middle, elide = Qt.AlignmentFlag.AlignVCenter, Qt.TextElideMode.ElideRight
        painter.setPen(style.colour("text"))
        painter.setFont(self.title)
        painter.drawText(
            QRectF(left, rect.top() + 8, room, 18), middle, self._titles.elidedText(job.title, elide, room)
        )
        painter.setPen(style.colour("muted"))
        painter.setFont(self.text)
        under = job.name.rstrip("/")
        painter.drawText(
            QRectF(left, rect.top() + 26, room, 16), middle, self._texts.elidedText(under, elide, room)
        )
        size = self._badge_size(job.status, job.note)
        top = rect.bottom() - 8 - size.height()
        badge = QRectF(rect.left() + _PADDING, top, size.width(), size.height())
        paint_badge(painter, job.status, badge, self.small, job.note)
        if job.tags:
            chips = QRectF(badge.right() + 6, top, rect.right() - 10 - badge.right() - 6, size.height())
            paint_chips(painter, job.tags, chips, self.small)

    def _badge_size(self, status: str, note: str) -> QSize:
        key = (status, note)
        if key not in self._badges:
            if len(self._badges) > 500:
                self._badges.clear()
            self._badges[key] = badge_size(status, self.small, note)
        return self._badges[key]

    def label(self, painter: QPainter, text: str, middle: QPointF, room: float, *, faded: bool) -> None:
        """Draw what goes along a line, onto the line."""
        if not text or faded:
            return
        shown = self._smalls.elidedText(text, Qt.TextElideMode.ElideRight, room)
        width, height = self._smalls.horizontalAdvance(shown) + 12, self._smalls.height() + 3
        rect = QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height)
        painter.setPen(QPen(style.colour("line"), 1))
        painter.setBrush(style.colour("window"))
        painter.drawRoundedRect(rect, height / 2, height / 2)
        painter.setFont(self.small)
        painter.setPen(style.colour("muted"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, shown)


def paint_dots(
    painter: QPainter, groups: Iterable[tuple[str, Sequence[QRectF]]], *, opacity: float = 1.0
) -> None:
    """Draw cards seen from far away: their colour only, all of a status at once."""
    painter.setOpacity(opacity)
    painter.setPen(Qt.PenStyle.NoPen)
    for status, rects in groups:
        painter.setBrush(style.colour(look_of(status).colour))
        painter.drawRects(list(rects))
    painter.setOpacity(1.0)


def line_colour(*, faded: bool, strong: bool) -> QColor:
    """Return the colour of a line between cards."""
    if strong:
        return style.colour("accent")
    return style.colour("outline", 0.18 if faded else 0.85)


@lru_cache(maxsize=64)
def icon_of(glyph: str, colour: str) -> QSvgRenderer:
    """Return one of the program's icons in a colour, drawn as lines in pictures of any size."""
    text = resources.icon(glyph.removeprefix(ICON)).read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(text.replace("currentColor", colour).encode()))


def _paint_path(painter: QPainter, glyph: str, square: QRectF, colour: str, weight: float) -> None:
    icon = icon_of(glyph, style.colour(colour).name()) if glyph.startswith(ICON) else None
    if icon is not None:
        icon.render(painter, square.adjusted(-2, -2, 2, 2))
        return
    painter.save()
    painter.translate(square.topLeft())
    painter.scale(square.width() / 16, square.height() / 16)
    pen = QPen(style.colour(colour), weight)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(glyph_path(glyph))
    painter.restore()


def _sized(font: QFont, size: int, *, bold: bool = False) -> QFont:
    result = QFont(font)
    result.setPixelSize(size)
    result.setBold(bold)
    # letters of a zoomed chart must not jump to the pixels of its first size
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return result
