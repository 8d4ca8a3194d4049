"""Slider and buttons of a player: where it stands, and which frames can be shown at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider, QToolButton, QWidget

from widgets import style

_RADIUS: Final = 7.0
_GROOVE: Final = 6.0


def play_button(name: str, tip: str, action: Callable[[], object], parent: QWidget) -> QToolButton:
    """Return a flat button of a player."""
    button = QToolButton(parent)
    button.setObjectName(f"explorer_player_{name}")
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFixedSize(style.CONTROL_HEIGHT - 2, style.CONTROL_HEIGHT - 2)
    button.setAutoRepeat(name in ("back", "forward"))
    style.set_role(button, "quiet")
    button.clicked.connect(lambda _checked=False: action())
    return button


class FrameTrack(QSlider):
    """A slider that goes to where it is clicked, on a groove filled where frames are made."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setMinimumWidth(90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.done: NDArray[np.bool_] = np.zeros(0, bool)

    def set_done(self, done: NDArray[Any]) -> None:
        """Say which frames ``(F,)`` are made."""
        self.done = np.asarray(done, bool)
        self.update()

    def runs(self) -> list[tuple[int, int]]:
        """Return stretches of frames that are made, as (first, last)."""
        edges = np.flatnonzero(np.diff(np.r_[False, self.done, False].astype(np.int8)))
        return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]

    def x_of(self, frame: float) -> float:
        """Return the place of a frame on the widget, in device-independent pixels."""
        room = self.width() - 2 * _RADIUS - 2
        return _RADIUS + 1 + room * frame / max(self.maximum(), 1)

    def frame_at(self, x: float) -> int:
        """Return the frame nearest to a place on the widget."""
        room = max(self.width() - 2 * _RADIUS - 2, 1)
        return min(max(round((x - _RADIUS - 1) / room * self.maximum()), 0), self.maximum())

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(200, 22)

    def minimumSizeHint(self) -> QSize:
        """Return the least room it needs."""
        return QSize(90, 22)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the place that was clicked."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self.frame_at(event.position().x()))
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse, or tell which frame it is over."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.setValue(self.frame_at(event.position().x()))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave all keys to the player."""
        event.ignore()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the groove, what is made, and the handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        enabled = self.isEnabled()
        middle = self.height() / 2

        def bar(left: float, right: float, colour: str, alpha: float = 1.0) -> None:
            painter.setBrush(style.colour(colour, alpha))
            place = QRectF(left, middle - _GROOVE / 2, right - left, _GROOVE)
            painter.drawRoundedRect(place, _GROOVE / 2, _GROOVE / 2)

        left, right = self.x_of(0) - _GROOVE / 2, self.x_of(max(self.maximum(), 1)) + _GROOVE / 2
        bar(left, right, "neutral_soft")
        if enabled:
            half = 0.5 * (right - left) / max(self.maximum(), 1)
            for first, last in self.runs():
                start, end = self.x_of(first) - half, self.x_of(last) + half
                bar(max(left, start), min(right, end), "accent", 0.42)
            bar(left, self.x_of(self.value()), "accent")
        active = enabled and (self.hasFocus() or self.underMouse())
        outline = "accent" if active else "outline" if enabled else "line"
        painter.setPen(QPen(style.colour(outline), 2 if active else 1.2))
        painter.setBrush(style.colour("surface" if enabled else "window"))
        painter.drawEllipse(QPointF(self.x_of(self.value()), middle), _RADIUS, _RADIUS)
