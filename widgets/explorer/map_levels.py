"""At which density to draw a surface: what a map offers, and a first guess that shows the molecule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_BINS: Final = 96
#: The lowest level offered, as a part of the highest density.
_LOWEST: Final = 0.004
#: Part of the positive density that the first surface encloses.
_ENCLOSED: Final = 0.72
# the densest part of the box: noise spreads over all of it, a molecule does not
_PART_OF_BOX: Final = 0.12

_ABOVE_NOISE: Final = 3.5


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of one map, on a logarithmic scale.

    Attributes
    ----------
    lowest, highest
        Ends of the scale, in the grey scale of the map.
    automatic
        A level that shows the molecule.
    counts
        ``(96,)`` numbers of voxels between both ends, at equal steps of the logarithm.
    """

    lowest: float = 0.01
    highest: float = 1.0
    automatic: float = 0.3
    counts: NDArray[Any] = field(default_factory=lambda: np.zeros(_BINS))

    def place(self, level: float) -> float:
        """Return where a level stands on the scale, from 0 to 1."""
        if level <= self.lowest:
            return 0.0
        return float(min(1.0, np.log(level / self.lowest) / np.log(self.highest / self.lowest)))

    def level(self, place: float) -> float:
        """Return the level at a place of the scale."""
        return float(self.lowest * (self.highest / self.lowest) ** min(max(place, 0.0), 1.0))


def levels_of(volume: NDArray[np.floating]) -> Levels:
    """Return the levels of a map ``[z, y, x]``; of one without positive density the default ones."""
    step = 2 if max(volume.shape) > 96 else 1
    sample = np.asarray(volume[::step, ::step, ::step], np.float32).ravel()
    positive = sample[sample > 0]
    if not positive.size:
        return Levels()
    highest = float(positive.max())
    lowest = highest * _LOWEST
    edges = np.geomspace(lowest, highest, _BINS + 1)
    # a float32 logarithm may put the densest voxel just beyond the last edge
    scaled = np.log(np.maximum(positive, lowest) / lowest) * (_BINS / np.log(highest / lowest))
    bins = np.minimum(scaled.astype(np.int64), _BINS - 1)
    above = positive >= lowest
    counts = np.bincount(bins[above], minlength=_BINS)
    mass = np.bincount(bins[above], weights=positive[above], minlength=_BINS)
    taken = np.cumsum(counts[::-1]) <= _PART_OF_BOX * sample.size
    usable = float(mass[::-1][taken].sum()) or float(mass.sum())
    enclosed = np.cumsum(mass[::-1]) >= _ENCLOSED * usable
    index = _BINS - 1 - int(np.argmax(enclosed))
    # noise is as often below zero as above, and density is not
    negative = sample[sample < 0]
    noise = float(np.sqrt(np.mean(np.square(negative)))) if negative.size else 0.0
    automatic = max(float(edges[index]), min(_ABOVE_NOISE * noise, 0.5 * highest))
    return Levels(lowest, highest, automatic, counts)


def difference_levels(difference: NDArray[np.floating]) -> Levels:
    """Return the levels of a difference map, for its size whichever the sign."""
    levels = levels_of(np.abs(difference))
    return Levels(levels.lowest, levels.highest, levels.highest * 0.3, levels.counts)
