"""Tags as small coloured chips, for delegates, cards and dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from widgets import style

_PADDING: Final = 6.0
_GAP: Final = 4.0

#: Word and number of its colour.
Tag = tuple[str, int]


def tag_colour(number: int) -> QColor:
    """Return the colour of a tag in the present theme."""
    series = style.colours().series
    return QColor(series[number % len(series)])


def chips_width(tags: Sequence[Tag], font: QFont, room: float) -> float:
    """Return the width that the chips take up when they may have so much room."""
    return sum(width + _GAP for _, width in _fitting(tags, font, room))


def paint_chips(painter: QPainter, tags: Sequence[Tag], rect: QRectF, font: QFont) -> None:
    """Draw chips from the left; those that have no room are told by a number.

    Parameters
    ----------
    painter
        Painter to draw with; its state is kept.
    tags
        What to draw.
    rect
        Room for them; chips are as high as it.
    font
        Font of the words.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    left = rect.left()
    for (word, number), width in _fitting(tags, font, rect.width()):
        colour = tag_colour(number) if number >= 0 else style.colour("muted")
        chip = QRectF(left + 0.5, rect.top() + 0.5, width - 1, rect.height() - 1)
        fill = QColor(colour)
        fill.setAlphaF(0.14)
        painter.setBrush(fill)
        painter.setPen(QPen(colour, 1.0))
        painter.drawRoundedRect(chip, 3.5, 3.5)
        # the words keep the contrast of text, on a chosen job too; the colour is in rim and ground
        painter.setPen(style.colour("text"))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, word)
        left += width + _GAP
    painter.restore()


def paint_tags(
    painter: QPainter,
    tags: Sequence[Tag],
    right: float,
    middle: float,
    room: float,
    height: float,
    font: QFont,
) -> float:
    """Draw tags that end at `right`, as chips or, where no word has room, as dots; return the width taken."""
    width = chips_width(tags[:1], font, room) and chips_width(tags, font, room)
    if width:
        paint_chips(painter, tags, QRectF(right - width + _GAP, middle - height / 2, width, height), font)
        return width + 6.0
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    shown = tags[:3]
    for at, (_, number) in enumerate(reversed(shown)):
        painter.setBrush(tag_colour(number))
        painter.drawEllipse(QRectF(right - 8 - 10 * at, middle - 4, 8, 8))
    painter.restore()
    return 10.0 * len(shown) + 6.0


def _fitting(tags: Sequence[Tag], font: QFont, room: float) -> list[tuple[Tag, float]]:
    metrics = QFontMetricsF(font)
    found: list[tuple[Tag, float]] = []
    left = 0.0
    more_width = metrics.horizontalAdvance("+9") + 2 * _PADDING
    for at, tag in enumerate(tags):
        width = metrics.horizontalAdvance(tag[0]) + 2 * _PADDING
        rest = len(tags) - at
        if left + width + (_GAP + more_width if rest > 1 else 0.0) > room:
            if left + more_width <= room:
                found.append(((f"+{rest}", -1), more_width))
            break
        found.append((tag, width))
        left += width + _GAP
    return found
