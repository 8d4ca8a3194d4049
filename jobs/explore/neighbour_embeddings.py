"""UMAP and t-SNE: planes in which near neighbours stay together; distances between groups mean little."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from jobs.core.exploring import EmbeddingRequest, Method
from jobs.explore.linear_embeddings import chosen, components, project
from jobs.explore.neighbours import MOST_FOR_TREE, Neighbours
from jobs.explore.steps import Steps

Points = NDArray[np.float32]

#: Particles to which a method is fitted at most, the others are placed at their neighbours: what takes a
#: minute or two on one processor.
MOST_FITTED: Final[dict[Method, int]] = {"umap": 200_000, "tsne": 20_000}
#: The same where neighbours are found by comparing every pair.
_MOST_COMPARED: Final = 60_000
#: Share of the variance that may be left out, in directions in which points hardly differ.
_LEFT_OUT = 1e-4
_MOST_DIMENSIONS = 64
_PLACING_NEIGHBOURS = 5
_TSNE_ITERATIONS = 750


def place(
    points: NDArray[np.floating], request: EmbeddingRequest, steps: Steps, threads: int
) -> tuple[Points, int]:
    """Return places ``(P, 2)`` of ``(P, D)`` finite points that differ, and how many of them were fitted.

    Both methods start from the first two principal components, so that what is far apart begins far apart,
    and runs with other seeds look alike.
    """
    compact = _compact(points)
    most = MOST_FITTED[request.method]
    if compact.shape[1] > MOST_FOR_TREE:
        most = min(most, _MOST_COMPARED)
    fitted = chosen(np.arange(len(points)), most, request.seed)
    alone = len(fitted) == len(points)
    subset = compact if alone else compact[fitted]
    fit_steps = steps if alone else steps.part(0.0, 0.8)
    fit = _umap if request.method == "umap" else _tsne
    placed = fit(subset, request, fit_steps, threads)
    if alone:
        return placed, len(fitted)
    others = np.setdiff1d(np.arange(len(points)), fitted, assume_unique=True)
    coordinates = np.empty((len(points), 2), np.float32)
    coordinates[fitted] = placed
    search = Neighbours(subset, threads)
    coordinates[others] = _between_neighbours(search, placed, compact[others], steps.part(0.8, 1.0))
    return coordinates, len(fitted)


def _compact(points: NDArray[np.floating]) -> Points:
    """Return principal coordinates without the directions in which points hardly differ.

    Distances stay what they are, and a search of neighbours in fewer dimensions is quicker.
    """
    everything = np.ones(len(points), bool)
    found = components(points, everything)
    kept = found.holding(1 - _LEFT_OUT, _MOST_DIMENSIONS)
    # scaled to unit spread: methods of neighbours know no units, and single precision has its limits
    scale = np.sqrt(found.variance[0])
    return project(points, found.mean, found.axes[:kept].T / scale)


def _umap(points: Points, request: EmbeddingRequest, steps: Steps, threads: int) -> Points:
    steps.at(0.0, "UMAP: loading")
    with warnings.catch_warnings():
        # that a part of it which is not used here would need another library
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP

    count = len(points)
    neighbours = min(request.neighbours, count - 1)
    search = Neighbours(points, threads)
    known = search.of_all(
        neighbours, steps.part(0.02, 0.15), f"UMAP: {neighbours} neighbours of each particle"
    )
    steps.at(0.15, "UMAP: joining neighbours to a graph")
    epochs = 300 if count <= 10_000 else 200 if count <= 50_000 else 120
    layout = steps.part(0.25, 1.0)

    def tell(done: int, of: int) -> None:
        layout.at(done / of, f"UMAP: epoch {done} of {of}")

    start = _start(points, request.seed)
    mapper = UMAP(
        n_neighbors=neighbours,
        n_epochs=epochs,
        init=start * (10.0 / max(float(np.abs(start).max()), 1e-12)),
        random_state=request.seed,
        # the seed allows no more than one, and would say so
        n_jobs=1,
        precomputed_knn=known,
        tqdm_kwds={
            "disable": False,
            "file": _Listener(r"(\d+)/(\d+)", tell),
            "bar_format": "{n_fmt}/{total_fmt}",
            "mininterval": 0.2,
        },
    )
    with warnings.catch_warnings():
        # that later particles cannot be added: they are placed by ourselves
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
        return np.ascontiguousarray(mapper.fit_transform(points), np.float32)


def _tsne(points: Points, request: EmbeddingRequest, steps: Steps, threads: int) -> Points:
    steps.at(0.0, "t-SNE: loading")
    from sklearn.manifold import TSNE

    # no particle has more neighbours than there are others
    perplexity = min(request.perplexity, (len(points) - 1) / 3)
    start = _start(points, request.seed)
    tsne = TSNE(
        perplexity=perplexity,
        init=start * np.float32(1e-4 / max(float(start[:, 0].std()), 1e-12)),
        max_iter=_TSNE_ITERATIONS,
        random_state=request.seed,
        # it tells how far it has come in no other way
        verbose=2,
        n_jobs=1,
    )
    layout = steps.part(0.05, 1.0)

    def tell(done: int) -> None:
        layout.at(done / _TSNE_ITERATIONS, f"t-SNE: iteration {done} of {_TSNE_ITERATIONS}")

    steps.at(0.02, "t-SNE: neighbours of each particle")
    listener = _Listener(r"Iteration (\d+)", tell)
    # the sum of two partial sums is the same in either order, that of three would differ from run to run
    with threadpool_limits(min(2, threads), user_api="openmp"), contextlib.redirect_stdout(listener):
        return np.ascontiguousarray(tsne.fit_transform(points), np.float32)


def _start(points: Points, seed: int) -> Points:
    """Return the first two principal coordinates; points on one line get a little width."""
    if points.shape[1] > 1:
        return points[:, :2].copy()
    width = np.random.default_rng(seed).normal(scale=0.01, size=len(points))
    return np.column_stack([points[:, 0], width]).astype(np.float32)


def _between_neighbours(search: Neighbours, placed: Points, others: Points, steps: Steps) -> Points:
    """Place points between their nearest fitted ones, the nearer the more; on one where they coincide."""
    few = min(_PLACING_NEIGHBOURS, len(placed))
    rows, distances = search.of(others, few, steps, f"placing {len(others):,} further particles")
    # relative to the nearest, so that no scale enters; the offset keeps coinciding points finite
    relative = (distances / np.maximum(distances[:, :1], 1e-12)).astype(np.float64)
    weights = 1.0 / np.maximum(relative, 1e-6) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    between = np.zeros((len(others), 2))
    for k in range(few):
        between += weights[:, k, None] * placed[rows[:, k]]
    return between.astype(np.float32)


class _Listener(io.TextIOBase):
    """A text stream that understands lines of progress and swallows the rest."""

    def __init__(self, pattern: str, tell: Callable[..., None]) -> None:
        self._pattern, self._tell = re.compile(pattern), tell

    def write(self, text: str) -> int:
        """Pass numbers on; what ``tell`` raises ends the calculation."""
        found = self._pattern.search(text)
        if found:
            self._tell(*map(int, found.groups()))
        return len(text)
