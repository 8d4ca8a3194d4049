"""A slider along the densities of a map, above a histogram that shows where the molecule begins."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from widgets import style
from widgets.explorer.map_levels import Levels
from widgets.explorer.number_text import short

_STEPS: Final = 400
_KNOB: Final = 5.0


class LevelBar(QSlider):
    """Chooses a density; equal ways are equal factors.

    Signals
    -------
    level_moved : float
        Chosen with the mouse or the keyboard.
    """

    level_moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(0, _STEPS)
        self.setPageStep(_STEPS // 20)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(90)
        self._levels = Levels()
        self._exact = 0.0
        self._setting = False
        self.valueChanged.connect(self._on_value)
        style.ThemeWatcher(self, self.update)

    def set_levels(self, levels: Levels) -> None:
        """Take the densities of a map; the level stays the same."""
        if levels is not self._levels:
            self._levels = levels
            self.set_level(self._exact)

    def set_level(self, level: float) -> None:
        """Move to a density."""
        self._exact = level
        self._setting = True
        self.setValue(round(self._levels.place(level) * _STEPS))
        self._setting = False
        self.setAccessibleDescription(short(level))
        self.update()

    def step(self, count: int) -> None:
        """Go up or down by some steps of a twentieth of the way each."""
        place = self._levels.place(self._exact) + count / 40
        level = self._levels.level(place)
        self.set_level(level)
        self.level_moved.emit(level)

    def _on_value(self, value: int) -> None:
        if not self._setting:
            self._exact = self._levels.level(value / _STEPS)
            self.setAccessibleDescription(short(self._exact))
            self.level_moved.emit(self._exact)

    def _room(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_KNOB + 1, 2, -_KNOB - 1, -2)

    def sizeHint(self) -> QSize:
        """Return room for the histogram."""
        return QSize(180, style.CONTROL_HEIGHT)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to where the mouse is."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go(event.position().x())
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)
        event.accept()

    def _go(self, x: float) -> None:
        room = self._room()
        self.setValue(round((x - room.left()) / max(room.width(), 1.0) * _STEPS))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the histogram, what is enclosed, and the knob."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = self._room()
        place = self._levels.place(self._exact)
        x = room.left() + place * room.width()
        counts = np.log1p(np.asarray(self._levels.counts, float))
        enabled = self.isEnabled()
        if counts.max() > 0:
            height = (room.height() - 4) * counts / counts.max()
            step = room.width() / len(counts)
            outline = [QPointF(room.left(), room.bottom())]
            for k, h in enumerate(height):
                outline.append(QPointF(room.left() + (k + 0.5) * step, room.bottom() - h))
            outline.append(QPointF(room.right(), room.bottom()))
            shape = QPolygonF(outline)
            painter.setPen(Qt.PenStyle.NoPen)
            for left, right, name, alpha in (
                (room.left(), x, "muted", 0.28),
                (x, room.right(), "accent", 0.55 if enabled else 0.2),
            ):
                painter.save()
                painter.setClipRect(QRectF(left, room.top(), right - left, room.height() + 1))
                painter.setBrush(style.colour(name, alpha))
                painter.drawPolygon(shape)
                painter.restore()
        painter.setPen(QPen(style.colour("line"), 1))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        strong = self.hasFocus() or self.isSliderDown()
        painter.setPen(QPen(style.colour("accent" if enabled else "disabled"), 2 if strong else 1.5))
        painter.drawLine(QPointF(x, room.top() + 2 * _KNOB), QPointF(x, room.bottom()))
        painter.setBrush(style.colour("surface"))
        painter.drawEllipse(QPointF(x, room.top() + _KNOB), _KNOB, _KNOB)
