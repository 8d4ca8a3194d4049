"""In which order images of known similarity are shown: a chain, and a closed tour through all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def best_chain(similarity: FloatArray) -> IntArray:
    """Return the best greedy chain: from every start the most similar image left comes next.

    Parameters
    ----------
    similarity
        ``(K, K)`` symmetric correlation coefficients.

    Returns
    -------
    numpy.ndarray
        ``(K,)`` order; among equal chains the one with the lowest start.
    """
    count = len(similarity)
    chains = np.empty((count, count), np.int64)
    chains[:, 0] = np.arange(count)
    free = ~np.eye(count, dtype=bool)
    total = np.zeros(count)
    for place in range(1, count):
        offered = np.where(free, similarity[chains[:, place - 1]], -np.inf)
        chosen = offered.argmax(axis=1)
        total += offered[np.arange(count), chosen]
        chains[:, place] = chosen
        free[np.arange(count), chosen] = False
    return chains[int(total.argmax())]


def closed_tour(similarity: FloatArray, start: IntArray) -> IntArray:
    """Shorten a tour by turning stretches of it round until no turn helps (2-opt).

    Parameters
    ----------
    similarity
        ``(K, K)`` symmetric correlation coefficients; the length of a step is ``max(0, 1 - cc)``.
    start
        ``(K,)`` order to begin with.

    Returns
    -------
    numpy.ndarray
        ``(K,)`` order, beginning with the first of ``start``, and never longer than it.
    """
    length = np.maximum(0.0, 1.0 - similarity)
    tour, count = start.copy(), len(start)
    if count < 4:
        return tour
    first, last = np.triu_indices(count, k=1)
    # Each turn shortens the tour by more than rounding, so that this ends; the bound is for safety.
    for _ in range(50 * count):
        following = np.roll(tour, -1)
        step = length[tour, following]
        gain = (
            step[first]
            + step[last]
            - length[tour[first], tour[last]]
            - length[following[first], following[last]]
        )
        best = int(gain.argmax())
        if gain[best] <= 1e-9:
            break
        low, high = int(first[best]) + 1, int(last[best]) + 1
        tour[low:high] = tour[low:high][::-1].copy()
    return np.roll(tour, -int(np.flatnonzero(tour == start[0])[0]))


def tour_length(similarity: FloatArray, order: IntArray) -> float:
    """Return the length of a closed tour, the sum of ``max(0, 1 - cc)`` of its steps."""
    return float(np.maximum(0.0, 1.0 - similarity[order, np.roll(order, -1)]).sum())
