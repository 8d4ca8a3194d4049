"""Nearest neighbours of particles: exact in few dimensions, nearly so in many; the same in every run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.explore.steps import Steps

#: Trees of boxes help up to about this many dimensions.
_MOST_FOR_TREE = 16
_ROWS_AT_ONCE = 20_000


class Neighbours:
    """A search among points.

    Parameters
    ----------
    points
        ``(P, D)`` float32, all finite.
    seed
        Of the approximate search that serves beyond 16 dimensions.
    threads
        For the exact search; its result does not depend on them.
    """

    def __init__(self, points: NDArray[np.float32], seed: int, threads: int) -> None:
        self._points, self._seed, self._threads = points, seed, threads
        self._tree = cKDTree(points) if points.shape[1] <= _MOST_FOR_TREE else None
        self._graph: Any = None

    def of_all(
        self, count: int, steps: Steps, sentence: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and distances ``(P, count)`` of the nearest points of each, itself among them."""
        if self._tree is not None:
            return self.of(self._points, count, steps, sentence)
        steps.at(0.0, sentence)
        rows, distances = self._approximate(count).neighbor_graph
        return rows.astype(np.int64), distances.astype(np.float32)

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
                distances[block], rows[block] = found
            else:
                rows[block], distances[block] = self._approximate(count).query(places[block], k=count)
        return rows, distances

    def _approximate(self, count: int) -> Any:
        if self._graph is None:
            from pynndescent import NNDescent  # type: ignore[import-untyped]

            # one thread, because several would race and find different neighbours in each run
            self._graph = NNDescent(self._points, n_neighbors=count, random_state=self._seed, n_jobs=1)
        return self._graph
