"""Ways through a latent space: straight along its components, and from particle to particle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from jobs.core.errors import UserError
from jobs.tomodrgn.analysis_latent import Floats, pca, values_along

Array = NDArray[Any]
Progress = Callable[[str, int, int], None]

_FEW_DIMENSIONS: Final = 10
_ROWS_AT_ONCE: Final = 20_000
#: Distance within which particles count as neighbours of a place.
NEAR: Final = 3.0


def along_components(
    z: Floats, components: Sequence[int] | None, n: int, limits: tuple[float, float], percentiles: bool
) -> dict[int, NDArray[np.float32]]:
    """Return latent places ``(n, L)`` along components, counted from 0, all others being at the mean.

    Parameters
    ----------
    z
        ``(P, L)`` particles.
    components
        Which; None = all.
    n, limits
        Places along each, between these percentiles of the particles.
    percentiles
        Whether percentiles, rather than distances, are equally spaced.

    Raises
    ------
    UserError
        When a component or a limit does not exist.
    """
    wanted = range(z.shape[1]) if components is None else components
    if any(not 0 <= k < z.shape[1] for k in wanted):
        raise UserError(f"the latent space has components 1 to {z.shape[1]}")
    if n < 2 or not 0 <= limits[0] < limits[1] <= 100:
        raise UserError(
            "a way has at least two places, between two percentiles from 0 to 100 that rise",
            hint="Give -n from 2, and --lim such as 5 95",
        )
    found = pca(z)
    return {k: found.along(k, values_along(found.coordinates[:, k], n, limits, percentiles)) for k in wanted}


def count_near(z: Floats, places: Floats, radius: float = NEAR) -> NDArray[np.int64]:
    """Return how many particles ``(n,)`` lie within a distance of each place."""
    return np.array([np.count_nonzero(((z - place) ** 2).sum(axis=1) < radius**2) for place in places])


@dataclass(frozen=True)
class Graph:
    """Neighbours of particles in a latent space.

    Attributes
    ----------
    edges
        ``(P, P)`` lengths of the steps from a particle (row) to its nearest neighbours.
    longest
        Length of the longest step that was kept.
    """

    edges: csr_array
    longest: float


def silent(what: str, done: int, of: int) -> None:
    """Take progress and say nothing."""


def neighbour_graph(
    z: Floats, most: int = 10, average: float | None = None, progress: Progress = silent
) -> Graph:
    """Join every particle to its nearest neighbours, and leave out steps that are too long.

    Parameters
    ----------
    z
        ``(P, L)`` particles.
    most
        Neighbours of each.
    average
        Steps longer than leaves this many per particle on average are left out; None = none.
    progress
        Told; may raise to stop.

    Raises
    ------
    UserError
        When the numbers make no sense.
    """
    if len(z) < 2:
        raise UserError("a way needs at least two particles")
    if most < 1 or (average is not None and not 0 < average <= most):
        raise UserError("each particle has at least one neighbour, and on average at most that many")
    from sklearn.neighbors import NearestNeighbors

    few = min(most, len(z) - 1)
    method = "kd_tree" if z.shape[1] <= _FEW_DIMENSIONS else "brute"
    search = NearestNeighbors(algorithm=method).fit(z)
    lengths = np.empty((len(z), few))
    rows = np.empty((len(z), few), np.int64)
    for begin in range(0, len(z), _ROWS_AT_ONCE):
        progress("neighbours", begin, len(z))
        block = slice(begin, min(begin + _ROWS_AT_ONCE, len(z)))
        near_length, near = search.kneighbors(z[block], n_neighbors=few + 1)
        # The particle itself is left out, wherever among particles at the same place it stands.
        itself = near == np.arange(block.start, block.stop)[:, None]
        itself[~itself.any(axis=1), -1] = True
        lengths[block] = near_length[~itself].reshape(-1, few)
        rows[block] = near[~itself].reshape(-1, few)
    progress("neighbours", len(z), len(z))
    kept = np.ones(lengths.shape, bool)
    if average is not None and average < few:
        count = round(average * len(z))
        kept = lengths <= np.partition(lengths.ravel(), count - 1)[count - 1]
    begin_of = np.broadcast_to(np.arange(len(z))[:, None], rows.shape)
    edges = coo_array((lengths[kept], (begin_of[kept], rows[kept])), shape=(len(z), len(z)))
    return Graph(csr_array(edges), float(lengths[kept].max()))


def shortest_path(graph: Graph, anchors: Sequence[int], progress: Progress = silent) -> list[int]:
    """Return the shortest way of particles through anchors in their order, both ends included.

    Raises
    ------
    UserError
        When there are less than two anchors, one does not exist, or there is no way.
    """
    count = graph.edges.shape[0]
    if len(anchors) < 2:
        raise UserError("a way needs at least two anchors", hint="Give the numbers of particles, from 0")
    for anchor in anchors:
        if not 0 <= anchor < count:
            raise UserError(f"there is no particle {anchor}; they are counted from 0 to {count - 1}")
    path = [int(anchors[0])]
    for number, (start, end) in enumerate(pairwise(anchors)):
        progress("way", number, len(anchors) - 1)
        if start == end:
            continue
        lengths, befores = dijkstra(graph.edges, indices=np.array([start]), return_predecessors=True)
        length, before = lengths[0], befores[0]
        if not np.isfinite(length[end]):
            raise UserError(
                f"no way leads from particle {start} to particle {end}: no step is longer than "
                f"{graph.longest:.3g}",
                hint="Allow more neighbours (--max-neighbors, --avg-neighbors) or choose other anchors",
            )
        steps = [int(end)]
        while steps[-1] != start:
            steps.append(int(before[steps[-1]]))
        path += steps[-2::-1]
    progress("way", len(anchors) - 1, len(anchors) - 1)
    return path
