"""A yes/no switch that can be clicked and used from the keyboard, and says Yes or No in letters."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from widgets import style


class Switch(QAbstractButton):
    """Two-state switch; the state is also written beside it."""

    _TRACK = QSize(38, 20)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._announce)
        self._announce(False)

    def _announce(self, on: bool) -> None:
        self.setText("Yes" if on else "No")

    def sizeHint(self) -> QSize:
        """Return the room for track and word."""
        word = QFontMetrics(self.font()).horizontalAdvance("Yes")
        return QSize(self._TRACK.width() + 8 + word + 6, style.CONTROL_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track, knob and word."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, enabled = self.isChecked(), self.isEnabled()
        track = QRectF(
            2, (self.height() - self._TRACK.height()) / 2, self._TRACK.width(), self._TRACK.height()
        )
        fill = style.colour("accent") if on else style.colour("surface")
        outline = style.colour("accent") if on else style.colour("outline")
        knob = style.colour("on_accent") if on else style.colour("outline")
        if not enabled:
            fill, outline, knob = style.colour("window"), style.colour("line"), style.colour("disabled")
            if on:
                fill = style.colour("line")
        painter.setPen(QPen(outline, 1.2))
        painter.setBrush(fill)
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        diameter = track.height() - 7
        left = track.right() - diameter - 3.5 if on else track.left() + 3.5
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(knob)
        painter.drawEllipse(QRectF(left, track.top() + 3.5, diameter, diameter))
        if self.hasFocus():
            painter.setPen(QPen(style.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(
                track.adjusted(-1, -1.5, 1.5, 1.5), track.height() / 2, track.height() / 2
            )
        painter.setPen(style.colour("text") if enabled else style.colour("disabled"))
        words = QRectF(track.right() + 8, 0, self.width() - track.right() - 8, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
