"""Ticks of the axes of figures: round numbers, powers of ten, and lengths over a spatial frequency."""

from __future__ import annotations

import math

#: Lengths in Å that are written over a spatial frequency.
_LENGTHS_A = (100, 50, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3.5, 3, 2.5, 2.2, 2, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8)
_STEPS = (1.0, 2.0, 5.0, 10.0)


def round_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """Return about `count` round places between two ends, with their labels."""
    if not high > low or count < 1:
        return []
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * s for s in _STEPS if size * s >= raw * 0.999)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [(k * step, f"{k * step:.{digits}f}") for k in range(first, last + 1)]


def decade_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return the powers of ten between two ends (both positive), as numbers one can read."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [(10.0**k, f"{10.0**k:g}") for k in range(first, last + 1)]


def length_ticks(low: float, high: float, apart: float) -> list[tuple[float, str]]:
    """Return round lengths in Å as places on an axis in 1/Å, at least `apart` from each other."""
    found: list[tuple[float, str]] = []
    for length_a in _LENGTHS_A:
        place = 1.0 / length_a
        if low < place <= high * (1 + 1e-9) and (not found or place - found[-1][0] >= apart):
            found.append((place, f"{length_a:g} Å"))
    return found
