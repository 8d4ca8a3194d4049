"""Curves over resolution, and where they cross a threshold. numpy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
#: Correlations at which the resolution of half-maps, and of map and model, is read.
THRESHOLDS: Final = (0.143, 0.5)


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve: its name, and places and values of equal length; nan where there is none."""

    name: str
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True, eq=False)
class CurveSheet:
    """Curves that share their axes.

    Attributes
    ----------
    title
        What they are.
    x_title, y_title
        Names of the axes; the first is not needed where it is a resolution.
    curves
        What is drawn.
    kind
        ``fsc``: correlations over 1/Å, with thresholds; ``resolution``: other values over 1/Å; ``plain``.
    log
        Values of many magnitudes.
    """

    title: str
    x_title: str
    y_title: str
    curves: tuple[Curve, ...]
    kind: Literal["fsc", "resolution", "plain"] = "fsc"
    log: bool = False


def crossing(curve: Curve, threshold: float) -> float | None:
    """Return the place where a curve first falls below a threshold, between two values.

    None if it never does. A curve that begins below it crosses at its first place behind the origin.
    """
    known = np.isfinite(curve.x) & np.isfinite(curve.y) & (curve.x > 0)
    x, y = curve.x[known], curve.y[known]
    below = np.flatnonzero(y < threshold)
    if not len(below):
        return None
    k = int(below[0])
    if k == 0:
        return float(x[0])
    share = (y[k - 1] - threshold) / (y[k - 1] - y[k])
    return float(x[k - 1] + share * (x[k] - x[k - 1]))


def resolution_words(curve: Curve, threshold: float, unit: str = "Å") -> str:
    """Return the resolution at a threshold in words, ``> finest`` where the curve stays above it."""
    place = crossing(curve, threshold)
    if place is None:
        last = float(np.nanmax(curve.x)) if len(curve.x) else 0.0
        return f"beyond {1 / last:.3g} {unit}" if last > 0 else "–"
    return f"{1 / place:.3g} {unit}" if place > 0 else "–"


def angstrom_text(frequency: float) -> str:
    """Return a frequency as the length it stands for: 0.25 1/Å as ``4``."""
    if frequency <= 0 or not math.isfinite(frequency):
        return "∞"
    length = 1 / frequency
    return f"{length:.0f}" if length >= 20 else f"{length:.3g}"
