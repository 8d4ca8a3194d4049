"""Slices, projection and grey values of a volume, and a round length for its scale bar. numpy only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.floating]
AXES = ("z", "y", "x")


def slice_of(volume: Volume, axis: int, index: int) -> Volume:
    """Return one slice of a ``[z, y, x]`` volume.

    Parameters
    ----------
    volume : (D, H, W) array
        The volume.
    axis : int
        0 cuts across z (shows y, x), 1 across y (shows z, x), 2 across x (shows z, y).
    index : int
        Voxel along that axis.
    """
    return np.take(volume, index, axis=axis)


def projection(volume: Volume) -> NDArray[np.float32]:
    """Return the sum along z, ``[y, x]``."""
    return volume.sum(axis=0, dtype=np.float32)


def grey_limits(values: Volume, contrast: float) -> tuple[float, float]:
    """Return the values shown black and white.

    Parameters
    ----------
    values : array
        What is shown.
    contrast : float
        1 shows from the 0.5th to the 99.8th percentile; 2 half of that range about its middle.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, (0.5, 99.8)))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    if high <= low:
        return low - 0.5, low + 0.5
    middle, half = (low + high) / 2, (high - low) / (2 * max(contrast, 1e-3))
    return middle - half, middle + half


def to_grey(values: Volume, limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return grey values 0 … 255, contiguous in memory; what is not a number becomes black."""
    low, high = limits
    scaled = (np.nan_to_num(values, nan=low) - low) / (high - low)
    return np.ascontiguousarray((np.clip(scaled, 0, 1) * 255).astype(np.uint8))


def bar_length_a(width_a: float) -> float:
    """Return a round length (1, 2 or 5 times a power of ten) of about a quarter of a width, in Å."""
    if width_a <= 0 or not math.isfinite(width_a):
        return 0.0
    wanted = width_a / 3
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(step * power for step in (1, 2, 5) if step * power <= wanted)
