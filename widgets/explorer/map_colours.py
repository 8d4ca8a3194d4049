"""Colours of maps, Gaussians and atoms, and the key that says what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style
from widgets.explorer.map_options import POSITION
from widgets.explorer.number_text import short

Colours = NDArray[np.float32]

#: Colours of maps by kind, on light and on dark ground; told apart by every kind of colour vision.
_TINTS: Final[dict[str, tuple[str, str]]] = {
    "map": ("#6f97cf", "#8db4ea"),
    "other": ("#e08a3c", "#f0a35e"),
    "consensus": ("#8a919c", "#aab1bc"),
    "faint": ("#8a919c", "#aab1bc"),
    "gain": ("#2f6fd0", "#6aa5ff"),
    "loss": ("#d9662b", "#ff935c"),
}
_ELEMENTS: Final[dict[str, str]] = {
    "C": "#9aa3ae",
    "N": "#4a78e0",
    "O": "#e0503f",
    "S": "#e0b83a",
    "P": "#e08a2b",
    "H": "#e8ebef",
    "MG": "#4fae5a",
    "ZN": "#8f7fc9",
    "FE": "#c0703a",
}
# From the grey of what rests to a warm red: what moves stands out, on light and on dark ground; the lightness
# bends once, so that colour-blind people tell both ends apart as well.
_MOTION: Final = ("#9aa5b4", "#5aa3ad", "#57b36f", "#d9c23c", "#ee8a33", "#cf3a3a")
_MISSING: Final = "#c58fd0"
_STEPS: Final = 256


@dataclass(frozen=True)
class ColourKey:
    """What the colours mean: a name, and the values at both ends of the scale (0, 0: no scale)."""

    name: str
    low: float
    high: float


class ValueScale:
    """Limits of a colour scale that only ever grow, so that the states of a trajectory can be compared."""

    def __init__(self) -> None:
        self._low, self._high = np.inf, -np.inf

    def include(self, values: NDArray[Any]) -> None:
        """Make room for values; the outermost in two hundred do not count."""
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        low, high = np.percentile(finite, (0.5, 99.5))
        # amounts begin at nothing
        if finite.min() >= 0 and low < 0.5 * high:
            low = 0.0
        self._low, self._high = min(self._low, float(low)), max(self._high, float(high))

    def limits(self) -> tuple[float, float]:
        """Return both ends."""
        if not np.isfinite(self._low):
            return 0.0, 1.0
        if self._high - self._low < 1e-6 * max(1.0, abs(self._high)):
            return self._low, self._low + max(1.0, abs(self._low))
        return self._low, self._high


def _floats(name: str) -> Colours:
    colour = QColor(name)
    return np.array([colour.redF(), colour.greenF(), colour.blueF()], np.float32)


def tint(kind: str, *, dark: bool) -> Colours:
    """Return the colour ``(3,)`` of a kind of map."""
    return _floats(tint_name(kind, dark=dark))


def tint_name(kind: str, *, dark: bool) -> str:
    """Return the colour of a kind of map as ``#rrggbb``."""
    return _TINTS.get(kind, _TINTS["map"])[dark]


@lru_cache(maxsize=1)
def table() -> NDArray[np.uint8]:
    """Return the scale of values from the lowest to the highest, ``(256, 3)``."""
    stops = np.stack([_floats(name) for name in _MOTION])
    place = np.linspace(0, len(stops) - 1, _STEPS)
    columns = [np.interp(place, np.arange(len(stops)), stops[:, k]) for k in range(3)]
    return (np.stack(columns, axis=1) * 255).round().astype(np.uint8)


def of_values(values: NDArray[Any], low: float, high: float) -> Colours:
    """Return colours ``(N, 3)`` of values on a scale; values that are not finite have one of their own."""
    place = (np.asarray(values, np.float32) - low) / (high - low)
    finite = np.isfinite(place)
    index = (np.clip(np.where(finite, place, 0), 0, 1) * (_STEPS - 1)).astype(np.intp)
    colours = (table() / np.float32(255)).astype(np.float32)[index]
    colours[~finite] = _floats(_MISSING)
    return colours


def of_places(points_a: NDArray[Any]) -> Colours:
    """Return colours ``(N, 3)`` of places: x, y and z as red, green and blue."""
    points = np.asarray(points_a, np.float32)
    low, high = points.min(0), points.max(0)
    return 0.15 + 0.85 * (points - low) / np.maximum(high - low, 1e-6)


def of_elements(elements: NDArray[Any], *, dark: bool) -> Colours:
    """Return the usual colours ``(N, 3)`` of chemical elements."""
    names, which = np.unique([str(e).upper() for e in elements], return_inverse=True)
    unknown = "#c58fd0" if dark else "#9a5fa8"
    table = np.stack([_floats(_ELEMENTS.get(name, unknown)) for name in names])
    return table[which]


class ColourKeyBar(QWidget):
    """A bar of colours with the values at its ends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_map_colour_key")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(90)
        self._key: ColourKey | None = None
        style.ThemeWatcher(self, self.update)

    @property
    def key(self) -> ColourKey | None:
        """What is shown."""
        return self._key

    def set_key(self, key: ColourKey | None) -> None:
        """Show a key, or nothing."""
        if key == self._key:
            return
        self._key = key
        text = ""
        if key is not None:
            scaled = key.high > key.low
            text = f"{key.name}: {short(key.low)} to {short(key.high)}" if scaled else key.name
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.update()

    def sizeHint(self) -> QSize:
        """Return a bar with a line of text below."""
        return QSize(140, round(QFontMetricsF(style.small_font(self)).height()) + 14)

    def minimumSizeHint(self) -> QSize:
        """Return the least that can be read."""
        return QSize(90, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bar and values."""
        key = self._key
        if key is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small_font(self))
        room = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        bar = QRectF(room.left(), room.top(), room.width(), 9)
        below = room.adjusted(0, 10, 0, 0)
        painter.setPen(style.colour("muted"))
        if key.name == POSITION:
            third = bar.width() / 3
            for k, (axis, name) in enumerate((("x", "#d94f45"), ("y", "#4fae5a"), ("z", "#4a78e0"))):
                part = QRectF(bar.left() + k * third, bar.top(), third - 2, bar.height())
                painter.fillRect(part, QColor(name))
                words = QRectF(part.left(), below.top(), third, below.height())
                painter.drawText(words, Qt.AlignmentFlag.AlignLeft, axis)
            return
        steps = table()
        image = QImage(steps.data, _STEPS, 1, 3 * _STEPS, QImage.Format.Format_RGB888)
        painter.drawImage(bar, image)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        painter.drawText(below, left, short(key.low))
        painter.drawText(below, right, short(key.high))
