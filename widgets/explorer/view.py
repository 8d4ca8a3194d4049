"""The part of the plane that is looked at, where it lies on the screen, and the numbers along its axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF

_MARGIN: Final = 0.06
#: Beyond this share of the extent float32 coordinates fall on a raster that could be seen.
_DEEPEST: Final = 1e-5
_WIDEST: Final = 50.0


@dataclass(frozen=True)
class View:
    """A rectangle of the plane, in data coordinates; y grows upward."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.x_high - self.x_low

    @property
    def height(self) -> float:
        """Extent along y."""
        return self.y_high - self.y_low

    def moved(self, dx: float, dy: float) -> View:
        """Return the view shifted by data units."""
        return View(self.x_low + dx, self.x_high + dx, self.y_low + dy, self.y_high + dy)

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """Return the view enlarged (factor above 1 shows more) around a place, which stays where it is."""
        return View(
            x + (self.x_low - x) * factor,
            x + (self.x_high - x) * factor,
            y + (self.y_low - y) * factor,
            y + (self.y_high - y) * factor,
        )

    def box(self) -> NDArray[np.float64]:
        """Return x low, x high, y low, y high."""
        return np.array([self.x_low, self.x_high, self.y_low, self.y_high], np.float64)

    def sensible(self, home: View) -> bool:
        """Whether it is neither too deep in nor too far out, compared with the view of everything."""
        span = max(self.width / home.width, self.height / home.height)
        values = (self.x_low, self.x_high, self.y_low, self.y_high)
        return _DEEPEST <= span <= _WIDEST and all(math.isfinite(v) for v in values)


EVERYTHING: Final = View(-1.0, 1.0, -1.0, 1.0)


def fitting(xy: NDArray[Any]) -> View:
    """Return a view of all points with a margin; outliers far beyond the rest are left outside.

    Parameters
    ----------
    xy : (P, 2) array
        Points; those with NaN or infinity are ignored.
    """
    sample = xy[:: max(1, len(xy) // 50_000)]
    sample = sample[np.isfinite(sample).all(axis=1)].astype(np.float64)
    if not len(sample):
        return EVERYTHING
    limits = []
    for axis in (0, 1):
        column = xy[:, axis]
        every = column[np.isfinite(column)]
        low, high = float(every.min()), float(every.max())
        inner_low, inner_high = (float(v) for v in np.percentile(sample[:, axis], (0.05, 99.95)))
        if high - low > 3.0 * (inner_high - inner_low) > 0.0:
            low, high = inner_low, inner_high
        if high <= low:
            reach = max(abs(low) * 0.1, 1e-3)
            low, high = low - reach, high + reach
        margin = _MARGIN * (high - low)
        limits += [low - margin, high + margin]
    return View(*limits)


@dataclass(frozen=True)
class Frame:
    """A view and the rectangle of the widget in which it is shown (device-independent pixels)."""

    view: View
    rect: QRectF

    @property
    def per_pixel(self) -> tuple[float, float]:
        """Data units per pixel along x and y."""
        return self.view.width / self.rect.width(), self.view.height / self.rect.height()

    def to_data(self, place: QPointF) -> tuple[float, float]:
        """Return the data coordinates at a place of the widget."""
        across, down = self.per_pixel
        return (
            self.view.x_low + (place.x() - self.rect.left()) * across,
            self.view.y_high - (place.y() - self.rect.top()) * down,
        )

    def to_screen(self, x: float, y: float) -> QPointF:
        """Return the place in the widget of data coordinates."""
        across, down = self.per_pixel
        return QPointF(
            self.rect.left() + (x - self.view.x_low) / across,
            self.rect.top() + (self.view.y_high - y) / down,
        )

    def points_to_screen(self, points: NDArray[Any]) -> list[QPointF]:
        """Return the places of points ``(M, 2)``."""
        return [self.to_screen(float(x), float(y)) for x, y in points]


def ticks(low: float, high: float, about: int) -> tuple[list[float], list[str]]:
    """Return round values between two limits, roughly `about` of them, and how they are written."""
    span = high - low
    if not (math.isfinite(span) and span > 0) or about < 1:
        return [], []
    raw = span / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next((size * m for m in (1.0, 2.0, 5.0) if raw <= size * m * 1.0001), size * 10.0)
    first = math.ceil(low / step - 1e-9)
    values = [(first + k) * step for k in range(math.floor(high / step + 1e-9) - first + 1)]
    largest = max(abs(low), abs(high))
    if largest >= 1e5 or largest < 1e-3:
        digits = max(0, math.floor(math.log10(largest)) - math.floor(math.log10(step) + 1e-9))
        return values, [f"{v:.{min(digits, 12)}e}" if v else "0" for v in values]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    # a true minus sign, as wide as a plus
    return values, [f"{v + 0.0:.{decimals}f}".replace("-", "\u2212") for v in values]
