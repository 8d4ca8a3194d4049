"""Legends: the scale with its histogram and fields to type in, the key to directions, the key to density."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent, QPen, QPixmap, QRadialGradient
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from widgets import style
from widgets.explorer.colouring import Limits
from widgets.explorer.histogram import HistogramView
from widgets.explorer.histogram_counts import Histogram
from widgets.explorer.number_text import exact, parsed, short


class ScaleLegend(QWidget):
    """Histogram, and the same limits as numbers that can be typed.

    Signals
    -------
    range_changed
        Lowest and highest value shown, None where there is no limit.
    colours_changed
        Values at both ends of the colour table, or None for those that suit.
    """

    range_changed = Signal(object, object)
    colours_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_scale_legend")
        self.histogram = HistogramView(self)
        self.low = self._field("explorer_filter_low", "lowest", "Lowest value shown; empty: no limit")
        self.high = self._field("explorer_filter_high", "highest", "Highest value shown; empty: no limit")
        self.colour_low = self._field("explorer_colour_low", "", "Value at the start of the colour table")
        self.colour_high = self._field("explorer_colour_high", "", "Value at the end of the colour table")
        self.reset = QToolButton(self)
        self.reset.setObjectName("explorer_colour_reset")
        self.reset.setText("Fit")
        self.reset.setToolTip("Fit the colours to the values: from their 1st to their 99th percentile")
        style.set_role(self.reset, "button")
        self.reset.clicked.connect(lambda: self.colours_changed.emit(None))
        for field in (self.low, self.high):
            field.editingFinished.connect(self._on_range_typed)
        for field in (self.colour_low, self.colour_high):
            field.editingFinished.connect(self._on_colours_typed)
        self.histogram.range_changed.connect(self._on_range_dragged)
        self.histogram.colours_changed.connect(self._on_colours_dragged)
        grid = QGridLayout()
        grid.setHorizontalSpacing(style.TIGHT)
        grid.setVerticalSpacing(style.TIGHT)
        rows = (
            ("Show", self.low, self.high, None),
            ("Colours", self.colour_low, self.colour_high, self.reset),
        )
        for row, (text, first, second, button) in enumerate(rows):
            label = QLabel(text, self)
            style.set_role(label, "caption")
            dash = QLabel("–", self)
            style.set_role(dash, "muted")
            for column, part in enumerate((label, first, dash, second)):
                grid.addWidget(part, row, column)
            if button is not None:
                grid.addWidget(button, row, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.histogram)
        layout.addLayout(grid)
        self._colours: Limits = (0.0, 1.0)
        self._range: tuple[float | None, float | None] = (None, None)

    def _field(self, name: str, placeholder: str, tip: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setObjectName(name)
        field.setPlaceholderText(placeholder)
        field.setToolTip(tip)
        field.setAccessibleName(tip)
        field.setMinimumWidth(48)
        return field

    def show_values(
        self, histogram: Histogram, table: NDArray[np.uint8], colours: Limits, period: float
    ) -> None:
        """Show other values; nothing is filtered afterwards."""
        self.histogram.set_histogram(histogram, table, colours)
        self.show_colours(table, colours, period)
        self.show_range(None, None)

    def show_colours(self, table: NDArray[np.uint8], colours: Limits, period: float) -> None:
        """Show the same values in other colours."""
        self.histogram.set_colours(table, colours, period)
        self._write_colours(colours)

    def show_range(self, low: float | None, high: float | None) -> None:
        """Show which values are shown, without a signal."""
        self.histogram.set_range(low, high)
        self._write_range(low, high)

    def _write_range(self, low: float | None, high: float | None) -> None:
        self._range = (low, high)
        self.low.setText(_text(low))
        self.high.setText(_text(high))

    def _write_colours(self, colours: Limits) -> None:
        self._colours = colours
        self.colour_low.setText(exact(colours[0]))
        self.colour_high.setText(exact(colours[1]))

    def _on_range_dragged(self, low: float | None, high: float | None) -> None:
        self._write_range(low, high)
        self.range_changed.emit(low, high)

    def _on_colours_dragged(self, low: float, high: float) -> None:
        self._write_colours((low, high))
        self.colours_changed.emit((low, high))

    def _on_range_typed(self) -> None:
        fields = zip((self.low, self.high), self._range, strict=True)
        # a number that was not touched is still the exact one, of which the field shows some digits
        low, high = (old if field.text() == _text(old) else parsed(field.text()) for field, old in fields)
        if low is not None and high is not None and low > high:
            low, high = high, low
        changed = (low, high) != self._range
        self.show_range(low, high)
        if changed:
            self.range_changed.emit(low, high)

    def _on_colours_typed(self) -> None:
        low, high = parsed(self.colour_low.text()), parsed(self.colour_high.text())
        if low is None or high is None or low >= high:
            self._write_colours(self._colours)  # no scale: the one before stays
        elif (exact(low), exact(high)) != (exact(self._colours[0]), exact(self._colours[1])):
            self._on_colours_dragged(low, high)


def _text(value: float | None) -> str:
    return "" if value is None else exact(value)


_KEY: Final = 108
_AXES: Final = (("x", 0.0), ("y", 90.0))


class OrientationKey(QWidget):
    """The colours of directions on the near half of a ball, or of places along three axes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_orientation_key")
        self.setToolTip("Red, green and blue are the parts along x, y and z")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_KEY + 12)
        self._is_direction = True
        self._ends: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None
        self._ball = _ball(2 * _KEY)

    def show_directions(self) -> None:
        """Explain unit vectors."""
        self._is_direction, self._ends = True, None
        self.update()

    def show_places(self, low: NDArray[np.floating], high: NDArray[np.floating]) -> None:
        """Explain places between two corners ``(3,)``."""
        self._is_direction, self._ends = False, (low, high)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ball with its axes, or three scales."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(style.small_font(self))
        if self._is_direction:
            self._draw_ball(painter)
        elif self._ends is not None:
            self._draw_scales(painter, *self._ends)

    def _draw_ball(self, painter: QPainter) -> None:
        radius = _KEY / 2 - 12
        centre = QPointF(_KEY / 2, self.height() / 2 + 3)
        disc = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        painter.drawPixmap(disc, self._ball, QRectF(self._ball.rect()))
        shade = QRadialGradient(centre + QPointF(-radius / 3, -radius / 3), 1.6 * radius)
        shade.setColorAt(0, QColor(255, 255, 255, 46))
        shade.setColorAt(1, QColor(0, 0, 0, 46))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(shade))
        painter.drawEllipse(disc)
        painter.setPen(QPen(style.colour("text"), 1.2))
        for name, degrees in _AXES:
            way = QPointF(math.cos(math.radians(degrees)), -math.sin(math.radians(degrees)))
            painter.drawLine(centre + way * radius, centre + way * (radius + 3))
            spot = centre + way * (radius + 11)
            painter.drawText(QRectF(spot.x() - 8, spot.y() - 8, 16, 16), Qt.AlignmentFlag.AlignCenter, name)
        left = _KEY + 2 * style.MEDIUM
        row_height = 17.0
        top = self.height() / 2 - 3 * row_height
        for k in range(6):
            axis, sign = divmod(k, 2)
            vector = np.zeros(3)
            vector[axis] = -1 if sign else 1
            colour = QColor(*np.rint((vector + 1) / 2 * 255).astype(int).tolist())
            spot = QPointF(left + 5, top + (k + 0.5) * row_height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(spot, 5, 5)
            painter.setPen(style.colour("text"))
            note = " (towards you)" if k == 4 else ""
            text = f"{'−' if sign else '+'}{'xyz'[axis]}{note}"
            place = QRectF(left + 17, top + k * row_height, self.width() - left - 17, row_height)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_scales(self, painter: QPainter, low: NDArray[np.floating], high: NDArray[np.floating]) -> None:
        metrics = painter.fontMetrics()
        numbers = [(short(float(low[k])), short(float(high[k]))) for k in range(3)]
        room = max(metrics.horizontalAdvance(text) for pair in numbers for text in pair) + 8
        for k, (first, last) in enumerate(numbers):
            top = 8 + k * 34.0
            painter.setPen(style.colour("text"))
            row = QRectF(2, top, self.width() - 4, 20)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, "xyz"[k])
            bar = QRectF(20 + room, top + 4, self.width() - 26 - 2 * room, 12)
            strip = np.full((1, 256, 3), 110, np.uint8)
            strip[0, :, k] = np.arange(256)
            painter.drawImage(bar, QImage(strip.data, 256, 1, 768, QImage.Format.Format_RGB888))
            painter.setPen(style.colour("muted"))
            left = QRectF(16, top, room, 20)
            painter.drawText(left, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), first)
            painter.drawText(QRectF(bar.right() + 5, top, room, 20), int(Qt.AlignmentFlag.AlignVCenter), last)


def _ball(size: int) -> QPixmap:
    """Return the near half of the unit ball, seen along −z with x to the right and y up, in its colours."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    square = x**2 + y**2
    z = np.sqrt(np.clip(1 - square, 0, None))
    picture = np.zeros((size, size, 4), np.uint8)
    picture[..., :3] = np.rint((np.clip(np.stack([x, y, z], axis=-1), -1, 1) + 1) / 2 * 255)
    # one pixel of soft rim
    picture[..., 3] = np.clip((1 - np.sqrt(square)) * size / 2, 0, 1) * 255
    image = QImage(picture.data, size, size, 4 * size, QImage.Format.Format_RGBA8888)
    return QPixmap.fromImage(image.copy())


class DensityKey(QWidget):
    """A strip from sparse to dense."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_density_key")
        self.setToolTip("Particles per pixel of the plot, at the present magnification")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(40)
        self._table: NDArray[np.uint8] = np.zeros((2, 3), np.uint8)

    def set_table(self, table: NDArray[np.uint8]) -> None:
        """Show a colour table ``(C, 3)``, without a row for missing values."""
        self._table = table
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the strip."""
        painter = QPainter(self)
        strip = np.ascontiguousarray(self._table)
        image = QImage(strip.data, len(strip), 1, 3 * len(strip), QImage.Format.Format_RGB888)
        painter.drawImage(QRectF(2, 4, self.width() - 4, 12), image)
        painter.setFont(style.small_font(self))
        painter.setPen(style.colour("muted"))
        row = QRectF(2, 19, self.width() - 4, 18)
        painter.drawText(row, "sparse")
        painter.drawText(row, int(Qt.AlignmentFlag.AlignRight), "dense")
