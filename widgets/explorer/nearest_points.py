"""Nearest of many points without a tree, and weights of neighbours. numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def finite_rows(*values: NDArray[Any]) -> NDArray[np.intp]:
    """Return the rows in which all values are finite."""
    count = len(values[0])
    # one sum tells that all are well, which they nearly always are
    if all(np.isfinite(array.sum(dtype=np.float64)) for array in values):
        return np.arange(count)
    good = np.ones(count, bool)
    for array in values:
        good &= np.isfinite(array).all(axis=1)
    return np.flatnonzero(good)


def nearest_point(points: Floats, point: Floats) -> int:
    """Return the index of the nearest of points ``(P, d)``."""
    difference = points - point
    return int(np.argmin(np.einsum("pd,pd->p", difference, difference)))


def shepard_weights(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights ``(M, k)`` of neighbours from the sorted distances ``(M, k + 1)``, with sum 1.

    Shepard's weights that fall to zero at the first neighbour left out: exact at a particle, and continuous
    where neighbours change, so that a path does not jump.
    """
    if distance.shape[1] == 1:
        return np.ones_like(distance)
    inner, edge = distance[:, :-1], distance[:, -1:]
    tiny = np.maximum(edge, 1e-30) * 1e-9
    weight = ((edge - inner) / np.maximum(inner, tiny)) ** 2
    # all equally far, as in a set of copies
    weight = np.where(weight.sum(axis=1, keepdims=True) > 0, weight, 1.0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
