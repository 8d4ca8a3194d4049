"""A histogram in the colours of its scale, with two handles that say which values are shown."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style
from widgets.explorer.colouring import Limits
from widgets.explorer.histogram_counts import Histogram
from widgets.explorer.number_text import short

_TRACK: Final = 9.0  # height of the colour bar
_MARGIN: Final = 8.0  # room for half a handle on both sides
_REACH: Final = 9.0  # px around a handle that take hold of it
_ROOT: Final = 0.5  # counts are drawn as their square root, so that rare values are seen

Handle = Literal["low", "high", "colour_low", "colour_high"]
_HANDLES: Final[tuple[Handle, ...]] = ("low", "high", "colour_low", "colour_high")


class HistogramView(QWidget):
    """Draws a histogram and lets people choose a range of values and the ends of the colour table.

    The two upper handles hold the range of values that is shown; at the very ends they mean "no limit". The
    two small ones under the bars hold the ends of the colour table. Arrow keys move the handle touched last,
    Tab goes to the next one, a double-click gives back the full range.

    Signals
    -------
    range_changed
        Lowest and highest value shown, each None at the end of the scale.
    colours_changed
        Values at both ends of the colour table.
    """

    range_changed = Signal(object, object)
    colours_changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_histogram")
        self.setToolTip(
            "<qt>Drag the two tall handles to show only a range of values; drag between them to move it."
            "<br>Drag the small triangles to stretch the colours.<br>Double-click: everything.</qt>"
        )
        self.setAccessibleName("Histogram: range of values shown")
        self.setMinimumSize(160, 92)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(112)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._histogram: Histogram | None = None
        self._table: NDArray[np.uint8] = np.zeros((2, 3), np.uint8)
        self._period = 0.0
        self._values: dict[Handle, float] = dict.fromkeys(_HANDLES, 0.0)
        self._grip: Handle | None = None
        self._active: Handle = "low"
        self._moving: float | None = None  # where the range was taken hold of, as a value

    # -- what is shown -------------------------------------------------------------------------------------

    def set_histogram(self, histogram: Histogram, table: NDArray[np.uint8], colours: Limits) -> None:
        """Show other values; the range is the full one afterwards."""
        self._histogram = histogram
        self._values["low"], self._values["high"] = histogram.range
        self.set_colours(table, colours)

    def set_colours(self, table: NDArray[np.uint8], colours: Limits, period: float = 0.0) -> None:
        """Show the same values in other colours; `table` is ``(C, 3)`` without a row for missing values."""
        self._table, self._period = table, period
        self._values["colour_low"], self._values["colour_high"] = colours
        self.update()

    def set_range(self, low: float | None, high: float | None) -> None:
        """Put the handles somewhere without a signal; None is the end of the scale."""
        if self._histogram is None:
            return
        ends = self._histogram.range
        self._values["low"] = ends[0] if low is None else min(max(low, ends[0]), ends[1])
        self._values["high"] = ends[1] if high is None else min(max(high, ends[0]), ends[1])
        self.update()

    @property
    def chosen(self) -> tuple[float | None, float | None]:
        """The range of values shown; None where there is no limit."""
        if self._histogram is None:
            return None, None
        ends = self._histogram.range
        low, high = self._values["low"], self._values["high"]
        return (low if low > ends[0] else None), (high if high < ends[1] else None)

    # -- geometry ------------------------------------------------------------------------------------------

    def x_of(self, value: float) -> float:
        """Return the column, in pixels, of a value."""
        low, high = self._histogram.range if self._histogram else (0.0, 1.0)
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return _MARGIN + share * (self.width() - 2 * _MARGIN)

    def value_at(self, x: float) -> float:
        """Return the value of a column, at most the ends of the scale."""
        low, high = self._histogram.range if self._histogram else (0.0, 1.0)
        share = min(max((x - _MARGIN) / max(1.0, self.width() - 2 * _MARGIN), 0.0), 1.0)
        return low + share * (high - low)

    def _floor(self) -> float:
        """Return the row on which the bars stand."""
        return self.height() - _TRACK - 25

    def _handle_at(self, place: QPointF) -> Handle | None:
        lower = place.y() > self._floor() + 1
        pair: tuple[Handle, Handle] = ("colour_low", "colour_high") if lower else ("low", "high")
        distance = {handle: abs(self.x_of(self._values[handle]) - place.x()) for handle in pair}
        nearest = min(pair, key=lambda handle: distance[handle])
        if distance[pair[0]] == distance[pair[1]]:  # on top of each other: the one that can move this way
            nearest = pair[1] if place.x() > self.x_of(self._values[pair[0]]) else pair[0]
        return nearest if distance[nearest] <= _REACH else None

    # -- hands ---------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a handle, or of the range between them."""
        if event.button() is not Qt.MouseButton.LeftButton or self._histogram is None:
            return
        place = event.position()
        self._grip = self._handle_at(place)
        if self._grip is not None:
            self._active = self._grip
        elif place.y() <= self._floor() and self.chosen != (None, None):
            value = self.value_at(place.x())
            self._moving = value if self._values["low"] < value < self._values["high"] else None
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is held; show what could be."""
        place = event.position()
        if self._grip is not None:
            self._move_to(self._grip, self.value_at(place.x()))
        elif self._moving is not None:
            self._shift(self.value_at(place.x()))
        else:
            held = self._handle_at(place) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if held else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._grip = self._moving = None
        self.update()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Show everything."""
        self._grip = None
        self.set_range(None, None)
        self.range_changed.emit(None, None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the active handle with the arrows (Shift: in large steps), choose another one with Up/Down."""
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if self._histogram is None or event.key() not in (*ways, Qt.Key.Key_Up, Qt.Key.Key_Down):
            super().keyPressEvent(event)
            return
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self._active = _HANDLES[(_HANDLES.index(self._active) + step) % len(_HANDLES)]
            self.update()
            return
        low, high = self._histogram.range
        bins = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        way = ways[Qt.Key(event.key())] * bins * (high - low) / len(self._histogram.counts)
        self._move_to(self._active, min(max(self._values[self._active] + way, low), high))

    def _move_to(self, handle: Handle, value: float) -> None:
        values = self._values
        if handle in ("low", "colour_low"):
            values[handle] = min(value, values["high" if handle == "low" else "colour_high"])
        else:
            values[handle] = max(value, values["low" if handle == "high" else "colour_low"])
        self.update()
        if handle in ("low", "high"):
            self.range_changed.emit(*self.chosen)
        elif values["colour_high"] > values["colour_low"]:
            self.colours_changed.emit(values["colour_low"], values["colour_high"])

    def _shift(self, value: float) -> None:
        assert self._moving is not None and self._histogram is not None
        ends = self._histogram.range
        way = min(max(value - self._moving, ends[0] - self._values["low"]), ends[1] - self._values["high"])
        self._moving += way
        self._values["low"] += way
        self._values["high"] += way
        self.update()
        self.range_changed.emit(*self.chosen)

    # -- painting ------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars, colour bar, ends and handles."""
        if self._histogram is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_bars(painter, self._histogram)
        self._draw_track(painter, self._histogram)
        for handle in ("low", "high"):
            self._draw_handle(painter, handle)

    def _colour_rows(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        low, high = self._values["colour_low"], self._values["colour_high"]
        place = (values - low) / max(high - low, 1e-300)
        place = np.mod(place, 1) if self._period else np.clip(place, 0, 1)
        return np.clip(place * len(self._table), 0, len(self._table) - 1).astype(np.int64)

    def _draw_bars(self, painter: QPainter, histogram: Histogram) -> None:
        floor, top = self._floor(), 6.0
        heights = (histogram.counts / max(1, histogram.counts.max())) ** _ROOT * (floor - top)
        centres = (histogram.edges[:-1] + histogram.edges[1:]) / 2
        rows = self._colour_rows(centres)
        faded = self.palette().color(QPalette.ColorRole.Mid)
        width = (self.width() - 2 * _MARGIN) / len(heights)
        painter.setPen(Qt.PenStyle.NoPen)
        for k, height in enumerate(heights):
            if not histogram.counts[k]:
                continue
            inside = self._values["low"] <= centres[k] <= self._values["high"]
            painter.setBrush(QColor(*self._table[rows[k]].tolist()) if inside else faded)
            height = max(1.5, float(height))
            painter.drawRect(QRectF(_MARGIN + k * width, floor - height, max(1.0, width - 0.6), height))

    def _draw_track(self, painter: QPainter, histogram: Histogram) -> None:
        track = QRectF(_MARGIN, self._floor() + 2, self.width() - 2 * _MARGIN, _TRACK)
        steps = np.linspace(*histogram.range, 256)
        strip = np.ascontiguousarray(self._table[self._colour_rows(steps)])
        painter.drawImage(track, QImage(strip.data, 256, 1, 256 * 3, QImage.Format.Format_RGB888))
        painter.setPen(Qt.PenStyle.NoPen)
        ends: tuple[Handle, Handle] = ("colour_low", "colour_high")
        for handle in ends:
            x = self.x_of(self._values[handle])
            y = track.bottom() + 1
            strong = handle == self._active and self.hasFocus()
            painter.setBrush(style.colour("accent" if strong else "muted"))
            painter.drawPolygon(QPolygonF([QPointF(x, y), QPointF(x - 4, y + 6), QPointF(x + 4, y + 6)]))
        painter.setFont(style.small_font(self))
        painter.setPen(style.colour("muted"))
        texts = QRectF(2, track.bottom() + 8, self.width() - 4, 16)
        left, right = (short(value) for value in histogram.range)
        painter.drawText(texts, left)
        painter.drawText(texts, int(Qt.AlignmentFlag.AlignRight), right)

    def _draw_handle(self, painter: QPainter, handle: Handle) -> None:
        x = self.x_of(self._values[handle])
        strong = handle == self._active and self.hasFocus()
        pen = QPen(style.colour("accent" if strong or handle == self._grip else "text"), 1.5)
        painter.setPen(pen)
        painter.drawLine(QPointF(x, 3), QPointF(x, self._floor() + 1))
        painter.setBrush(style.colour("surface"))
        painter.drawRoundedRect(QRectF(x - 3.5, 2, 7, 15), 3, 3)
