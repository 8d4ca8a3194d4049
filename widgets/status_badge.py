"""The state of a job as a shape and a word; colour only helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import glyphs, style


@dataclass(frozen=True)
class StatusLook:
    """How a state is shown."""

    word: str
    glyph: str
    colour: str
    background: str


_UNKNOWN: Final = StatusLook("", "unknown", "muted", "neutral_soft")
_LOOKS: Final[dict[str, StatusLook]] = {
    "running": StatusLook("Running", "running", "info", "info_soft"),
    "queued": StatusLook("Queued", "clock", "info", "info_soft"),
    "scheduled": StatusLook("Scheduled", "clock", "muted", "neutral_soft"),
    "succeeded": StatusLook("Succeeded", "success", "success", "success_soft"),
    "failed": StatusLook("Failed", "failure", "danger", "danger_soft"),
    "aborted": StatusLook("Aborted", "stopped", "warning", "warning_soft"),
}


def look_of(status: str) -> StatusLook:
    """Return the look of a RELION status word; one nobody knows keeps its word."""
    found = _LOOKS.get(status.strip().lower())
    return found or StatusLook(status or "Unknown", _UNKNOWN.glyph, _UNKNOWN.colour, _UNKNOWN.background)


def badge_size(status: str, font: QFont, word: str = "") -> QSize:
    """Return the size of a badge, in device-independent pixels."""
    metrics = QFontMetrics(font)
    width = metrics.horizontalAdvance(word or look_of(status).word)
    return QSize(width + metrics.height() + 20, metrics.height() + 6)


def compact_size(font: QFont) -> QSize:
    """Return the size of a badge that has no room for its word."""
    height = QFontMetrics(font).height() + 6
    return QSize(height + 6, height)


def paint_badge(painter: QPainter, status: str, rect: QRectF, font: QFont, word: str = "") -> None:
    """Draw a badge into `rect`, for delegates; `word` takes the place of the status.

    Where `rect` is as narrow as `compact_size` says, only the sign is drawn.
    """
    look = look_of(status)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(style.colour(look.background))
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    size = rect.height() - 8
    compact = rect.width() < compact_size(font).width() + 4
    left = rect.center().x() - size / 2 if compact else rect.left() + 7
    square = QRectF(left, rect.center().y() - size / 2, size, size)
    glyphs.paint_glyph(painter, look.glyph, square, style.colour(look.colour), 1.7)
    if compact:
        painter.restore()
        return
    painter.setPen(style.colour(look.colour))
    painter.setFont(font)
    words = rect.adjusted(size + 12, 0, 0, 0)
    painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, word or look.word)
    painter.restore()


class StatusBadge(QWidget):
    """A badge on its own, for the head of a page."""

    def __init__(self, status: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status_badge")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._status = ""
        self._word = ""
        self.set_status(status)

    @property
    def status(self) -> str:
        """The RELION status word shown."""
        return self._status

    def set_status(self, status: str, word: str = "") -> None:
        """Show another state; `word` says it more exactly than the status."""
        self._status, self._word = status, word
        word = word or look_of(status).word
        self.setAccessibleName(word)
        self.setToolTip(word)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of the badge."""
        return badge_size(self._status, style.small_font(self), self._word)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the badge."""
        painter = QPainter(self)
        paint_badge(painter, self._status, QRectF(self.rect()), style.small_font(self), self._word)
