"""How many values lie where, for histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from widgets.explorer.colouring import Limits, sample_of

BINS: Final = 72


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many values lie where; values beyond the ends are counted in the outer bins.

    Attributes
    ----------
    edges
        ``(B + 1,)`` borders of the bins.
    counts
        ``(B,)`` values in each.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def range(self) -> Limits:
        """Both ends."""
        return float(self.edges[0]), float(self.edges[-1])


def histogram_of(numbers: NDArray[Any], limits: Limits | None = None, bins: int = BINS) -> Histogram:
    """Return the histogram of finite values, between limits or where nearly all of them are."""
    if limits is None:
        sample = sample_of(numbers)
        if sample.size:
            inner = np.percentile(sample, (0.3, 99.7))
            margin = 0.06 * max(inner[1] - inner[0], 0)
            finite = numbers[np.isfinite(numbers)]
            ends = float(finite.min()), float(finite.max())
            limits = max(ends[0], float(inner[0] - margin)), min(ends[1], float(inner[1] + margin))
        else:
            limits = (0.0, 1.0)
    low, high = limits
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    place = np.subtract(numbers, low, dtype=np.float64)
    place *= bins / (high - low)
    place = place[np.isfinite(place)]
    np.clip(place, 0, bins - 1, out=place)
    return Histogram(edges, np.bincount(place.astype(np.int64), minlength=bins))
