"""Places where particles crowd in a plane, as representatives of the states that a model knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

from jobs.core.errors import UserError

Array = NDArray[Any]


@dataclass(frozen=True)
class SketchOrder:
    """How crowded places are found.

    Attributes
    ----------
    bins
        Along each axis of the histogram.
    smooth, width
        Whether it is smoothed, and the sigma of the Gaussian **in bins**. (The original divides the plane's
        extent into it, so that its sigma depends on the units of the UMAP.)
    pruned, radius
        While more maxima than this are left and two of them are closer than this many bins, the lower of the
        closest pair is dropped.
    final
        Maxima that are kept, the highest.
    """

    bins: int = 30
    smooth: bool = True
    width: float = 1.0
    pruned: int = 12
    radius: float = 5.0
    final: int = 10


@dataclass(frozen=True)
class Sketch:
    """Crowded places of a plane.

    Attributes
    ----------
    histogram
        ``(bins, bins)`` particles, smoothed if asked for; first axis is x.
    edges
        Of the bins along x and y.
    maxima
        ``(m, 2)`` bins of the places, the highest first.
    members
        Particles within the 3 x 3 bins of each place.
    """

    histogram: Array
    edges: tuple[Array, Array]
    maxima: Array
    members: list[Array]

    @property
    def names(self) -> list[str]:
        """A, B, C ... for each place."""
        return [letters(k) for k in range(len(self.maxima))]

    @property
    def centres(self) -> Array:
        """``(m, 2)`` middle of the bin of each place."""
        x, y = ((edge[:-1] + edge[1:]) / 2 for edge in self.edges)
        return np.column_stack([x[self.maxima[:, 0]], y[self.maxima[:, 1]]])


def letters(number: int) -> str:
    """Return A, B ... Z, AA, AB ... for 0, 1 ..."""
    word = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        word = chr(ord("A") + rest) + word
    return word


def sketch(plane: Array, order: SketchOrder | None = None) -> Sketch:
    """Find where particles crowd in a plane ``(n, 2)``.

    Raises
    ------
    UserError
        When the order makes no sense.
    """
    order = order or SketchOrder()
    if order.bins < 3 or order.width <= 0 or order.final < 1 or order.pruned < 1:
        raise UserError("a sketch has at least 3 bins, a smoothing above 0 and at least one maximum")
    counts, x_edges, y_edges = np.histogram2d(
        plane[:, 0].astype(np.float64), plane[:, 1].astype(np.float64), bins=order.bins
    )
    shown = gaussian_filter(counts, order.width, mode="constant") if order.smooth else counts
    maxima = _strict_maxima(shown)
    maxima = _pruned(maxima, shown, order)[: order.final]
    bins = [
        np.clip(np.searchsorted(edges, values, side="right") - 1, 0, order.bins - 1)
        for edges, values in zip((x_edges, y_edges), plane.T, strict=True)
    ]
    members = [
        np.flatnonzero((np.abs(bins[0] - x) <= 1) & (np.abs(bins[1] - y) <= 1)) for x, y in maxima.tolist()
    ]
    # Smoothing can put a maximum between particles: a place that nobody is near stands for nothing.
    kept = [k for k, rows in enumerate(members) if len(rows)]
    return Sketch(shown, (x_edges, y_edges), maxima[kept], [members[k] for k in kept])


def _strict_maxima(values: Array) -> Array:
    """Bins ``(m, 2)`` above all their eight neighbours, the highest first; at least the highest of all."""
    around = np.ones((3, 3), bool)
    around[1, 1] = False
    found = np.argwhere(values > maximum_filter(values, footprint=around, mode="constant", cval=-np.inf))
    if not len(found):
        found = np.array([np.unravel_index(values.argmax(), values.shape)])
    return found[np.argsort(-values[found[:, 0], found[:, 1]], kind="stable")]


def _pruned(maxima: Array, values: Array, order: SketchOrder) -> Array:
    while len(maxima) > order.pruned:
        distance = np.linalg.norm(maxima[:, None] - maxima[None], axis=-1)
        distance[np.tril_indices(len(maxima))] = np.inf
        first, second = np.unravel_index(distance.argmin(), distance.shape)
        if distance[first, second] >= order.radius:
            break
        # They stand in the order of their height, so the second of a pair is the lower.
        maxima = np.delete(maxima, second, axis=0)
    return maxima
