"""How many classes have which error; the limit is dragged along it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style
from widgets.figure_axes import round_ticks

FloatArray = NDArray[np.float64]
_BINS: Final = 24
_PAD: Final = 6.0
_CENTRE: Final = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


class ErrorHistogram(QWidget):
    """Bars of a column; those on the wrong side of the limit are pale.

    Signals
    -------
    limit_wanted : float
        A limit was dragged or clicked.
    """

    limit_wanted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class_histogram")
        self.setMinimumSize(200, 96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.edges: FloatArray = np.zeros(0)
        self._title = ""
        self._limit: float | None = None
        self._at_least = False
        self._can_limit = False
        style.ThemeWatcher(self, self.update)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(300, 130)

    def set_values(self, values: FloatArray, title: str, *, can_limit: bool, at_least: bool = False) -> None:
        """Show values `(K,)`; with `can_limit` a limit can be set by the mouse (lowest with `at_least`)."""
        known = np.asarray(values, np.float64)
        known = known[np.isfinite(known)]
        self._title, self._can_limit, self._at_least = title, can_limit, at_least
        if len(known):
            low, high = float(known.min()), float(known.max())
            low = 0.0 if 0 <= low < 0.6 * high else low
            self.counts, self.edges = np.histogram(known, _BINS, (low, high if high > low else low + 1.0))
        else:
            self.counts, self.edges = np.zeros(0, np.int64), np.zeros(0)
        self.setToolTip("Click or drag to set the limit of the rule" if can_limit else "")
        self.setAccessibleName(f"Histogram: {title} of {len(known)} classes")
        self.update()

    def set_limit(self, limit: float | None) -> None:
        """Show a limit."""
        self._limit = limit
        self.update()

    @property
    def _area(self) -> QRectF:
        line = QFontMetricsF(style.small_font(self)).height()
        return QRectF(self.rect()).adjusted(2 * _PAD, _PAD, -2 * _PAD, -(2 * line + 1.5 * _PAD))

    def x_of(self, value: float) -> float:
        """Return the column, in pixels, of a value."""
        area, low, high = self._area, float(self.edges[0]), float(self.edges[-1])
        return area.left() + (value - low) / (high - low) * area.width()

    def value_at(self, x: float) -> float:
        """Return the value of a column of pixels."""
        area, low, high = self._area, float(self.edges[0]), float(self.edges[-1])
        return low + min(max((x - area.left()) / area.width(), 0.0), 1.0) * (high - low)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Set the limit here."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._want(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the limit."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._want(event)

    def _want(self, event: QMouseEvent) -> None:
        if self._can_limit and len(self.edges):
            step = 10.0 ** np.floor(np.log10((self.edges[-1] - self.edges[0]) / 50))
            self.limit_wanted.emit(float(np.round(self.value_at(event.position().x()) / step) * step))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars, axis and limit."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), style.colour("surface"))
        painter.setFont(style.small_font(self))
        line, area = QFontMetricsF(painter.font()).height(), self._area
        painter.setPen(style.colour("muted"))
        painter.drawText(QRectF(0, self.height() - line - _PAD / 2, self.width(), line), _CENTRE, self._title)
        if not len(self.counts):
            return
        scale = area.height() / max(1, int(self.counts.max()))
        width = area.width() / len(self.counts)
        painter.setPen(Qt.PenStyle.NoPen)
        for k, count in enumerate(self.counts.tolist()):
            if not count:
                continue
            middle = (self.edges[k] + self.edges[k + 1]) / 2
            kept = self._limit is None or (middle >= self._limit) == self._at_least
            painter.setBrush(style.colour("accent") if kept else style.colour("disabled", 0.55))
            bar = QRectF(
                area.left() + k * width + 0.5, area.bottom() - count * scale, width - 1, count * scale
            )
            painter.drawRect(bar)
        painter.setPen(QPen(style.colour("outline"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(style.colour("muted"))
        low, high = float(self.edges[0]), float(self.edges[-1])
        for value, label in round_ticks(low, high, max(2, int(area.width() / 60))):
            painter.drawText(QRectF(self.x_of(value) - 40, area.bottom() + 2, 80, line), _CENTRE, label)
        if self._limit is not None and low <= self._limit <= high:
            x = self.x_of(self._limit)
            painter.setPen(QPen(style.colour("danger"), 1.5, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
