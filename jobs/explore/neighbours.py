"""Nearest neighbours of particles, exactly: by a tree in few dimensions, by comparing all in many."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.explore.steps import Steps

#: Beyond these, a tree is slower than comparing every pair: measured with 50,000 particles.
MOST_FOR_TREE: Final = 10
#: Distances that are rounding only; points are of unit size.
_NOTHING: Final = 1e-6
_ROWS_AT_ONCE: Final = 20_000


class Neighbours:
    """A search among points.

    Parameters
    ----------
    points
        ``(P, D)`` float32 of unit size, all finite.
    threads
        For the tree; the result does not depend on them.
    """

    def __init__(self, points: NDArray[np.float32], threads: int) -> None:
        self._points, self._threads = points, threads
        self._tree: Any = None
        self._pairs: Any = None
        if points.shape[1] <= MOST_FOR_TREE:
            self._tree = cKDTree(points)
        else:
            from sklearn.neighbors import NearestNeighbors

            self._pairs = NearestNeighbors(algorithm="brute").fit(points)

    def of_all(
        self, count: int, steps: Steps, sentence: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and distances ``(P, count)`` of the nearest points of each, itself among them."""
        return self.of(self._points, count, steps, sentence)

    def of(
        self, places: NDArray[np.float32], count: int, steps: Steps, sentence: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and distances ``(Q, count)`` of the points nearest to ``(Q, D)`` places."""
        rows = np.empty((len(places), count), np.int64)
        distances = np.empty((len(places), count), np.float32)
        for begin in range(0, len(places), _ROWS_AT_ONCE):
            steps.at(begin / len(places), sentence)
            block = slice(begin, begin + _ROWS_AT_ONCE)
            if self._tree is not None:
                # a list of ranks keeps the second dimension when only one neighbour is wanted
                found = self._tree.query(places[block], k=list(range(1, count + 1)), workers=self._threads)
            else:
                found = self._pairs.kneighbors(places[block], n_neighbors=count)
            distances[block], rows[block] = found
        # comparing pairs leaves a rest of rounding between a point and itself
        distances[distances < _NOTHING] = 0.0
        return rows, distances
