"""UMAP of latent places: seeded, fitted to a part of the particles where there are very many."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from jobs.tomodrgn.analysis_latent import Floats

Progress = Callable[[str, int, int], None]

NEIGHBOURS: Final = 15
#: Particles that are fitted at most, and where neighbours in many dimensions are found by comparing all.
_MOST_FITTED, _MOST_COMPARED = 100_000, 60_000
_FEW_DIMENSIONS: Final = 10
_PLACING_NEIGHBOURS: Final = 5
_ROWS_AT_ONCE: Final = 20_000


def quiet(what: str, done: int, of: int) -> None:
    """Take progress and say nothing."""


def umap(
    z: Floats, seed: int = 42, progress: Progress = quiet, most: int | None = None
) -> NDArray[np.float32]:
    """Return the UMAP ``(P, 2)`` of ``(P, L)`` places: 15 neighbours, least distance 0.1.

    It is fitted to at most 100,000 particles. The others are placed between their five nearest fitted ones,
    the nearer the more, which takes time and memory in proportion to their number.

    Parameters
    ----------
    z
        Latent places.
    seed
        Of the part that is fitted and of the layout; the same seed gives the same picture.
    progress
        Told; may raise to stop.
    most
        Particles to fit at most, None = as said.
    """
    if most is None:
        most = _MOST_FITTED if z.shape[1] <= _FEW_DIMENSIONS else _MOST_COMPARED
    scale = float(z.std(axis=0, dtype=np.float64).max()) or 1.0
    points = ((z - z.mean(axis=0, dtype=np.float64)) / scale).astype(np.float32)
    if len(points) < 4:
        # Too few to have neighbours.
        return np.ascontiguousarray(np.column_stack([points, np.zeros(len(points))])[:, :2], np.float32)
    if len(points) <= most:
        return _fit(points, seed, progress)
    rng = np.random.default_rng(seed)
    fitted = np.sort(rng.choice(len(points), most, replace=False))
    placed = _fit(points[fitted], seed, progress)
    others = np.setdiff1d(np.arange(len(points)), fitted, assume_unique=True)
    found = np.empty((len(points), 2), np.float32)
    found[fitted] = placed
    search = _search(points[fitted])
    for begin in range(0, len(others), _ROWS_AT_ONCE):
        progress("UMAP: further particles", begin, len(others))
        rows = others[begin : begin + _ROWS_AT_ONCE]
        distances, near = search(points[rows], min(_PLACING_NEIGHBOURS, most))
        relative = distances / np.maximum(distances[:, :1], 1e-12)
        weights = 1.0 / np.maximum(relative, 1e-6) ** 2
        weights /= weights.sum(axis=1, keepdims=True)
        found[rows] = (weights[..., None] * placed[near]).sum(axis=1)
    progress("UMAP: further particles", len(others), len(others))
    return found


def _search(points: NDArray[np.float32]) -> Callable[[NDArray[np.float32], int], tuple]:
    from sklearn.neighbors import NearestNeighbors

    method = "kd_tree" if points.shape[1] <= _FEW_DIMENSIONS else "brute"
    fitted = NearestNeighbors(algorithm=method).fit(points)
    return lambda places, count: fitted.kneighbors(places, n_neighbors=count)


def _fit(points: NDArray[np.float32], seed: int, progress: Progress) -> NDArray[np.float32]:
    progress("UMAP", 0, 1)
    with warnings.catch_warnings():
        # That a part of it which is not used here would need another library.
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP

    epochs = 500 if len(points) <= 10_000 else 200
    few = min(NEIGHBOURS, len(points) - 1)
    distances, rows = _search(points)(points, few)
    mapper = UMAP(
        n_neighbors=few,
        min_dist=0.1,
        n_epochs=epochs,
        init=_start(points, seed),
        random_state=seed,
        # The seed allows no more than one.
        n_jobs=1,
        precomputed_knn=(rows, distances.astype(np.float32)),
        tqdm_kwds={
            "disable": False,
            "file": _Listener(lambda done, of: progress("UMAP", done, of)),
            "bar_format": "{n_fmt}/{total_fmt}",
            "mininterval": 0.2,
        },
    )
    with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
        # That later particles cannot be added: they are placed by ourselves.
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
        found = np.ascontiguousarray(mapper.fit_transform(points), np.float32)
    progress("UMAP", 1, 1)
    return found


def _start(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """First two principal coordinates: what is far apart begins far apart."""
    from jobs.tomodrgn.analysis_latent import pca

    start = pca(points).coordinates[:, :2].astype(np.float64)
    if start.shape[1] < 2:
        start = np.column_stack([start, np.zeros(len(start))])
    start *= 10.0 / max(float(np.abs(start).max()), 1e-12)
    start += np.random.default_rng(seed).normal(scale=1e-4, size=start.shape)
    return start.astype(np.float32)


class _Listener(io.TextIOBase):
    """A text stream that understands lines of progress and swallows the rest."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self._tell = tell

    def write(self, text: str) -> int:
        """Pass numbers on; what is raised ends the calculation."""
        found = re.search(r"(\d+)/(\d+)", text)
        if found:
            self._tell(int(found[1]), int(found[2]))
        return len(text)
