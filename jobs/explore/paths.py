"""Paths from particle to particle through crowded regions of latent space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from jobs.core.errors import UserError
from jobs.core.exploring import Cancelled, Progress
from jobs.explore.linear_embeddings import components, project
from jobs.explore.steps import Steps, never, silent

Points = NDArray[np.floating]
Rows = NDArray[np.integer]

_MOST_POINTS = 20_000
#: Beyond these, distances are measured in the leading principal components.
_MOST_DIMENSIONS = 16
#: Share of the particles, those in the most crowded places, among which ends are looked for.
_CROWDED = 0.75


def dense_path(
    points: Points,
    anchors: Sequence[int],
    *,
    neighbours: int = 10,
    density_power: float = 2.0,
    seed: int = 0,
    progress: Progress = silent,
    cancelled: Cancelled = never,
) -> list[int]:
    """Return a path of particles that passes through anchors in their order and prefers crowded regions.

    The path is the cheapest one in a graph of nearest neighbours. A step costs its length times a power of
    the local spacing, which is the mean distance of both ends to their farthest neighbour in the graph, or
    the length of the step itself where that is more: long jumps and empty regions are dear.

    Parameters
    ----------
    points
        ``(P, d)`` latent coordinates. More than 20,000 are thinned out at random, anchors excepted.
    anchors
        Rows of two or more particles.
    neighbours
        Of each particle in the graph.
    density_power
        0: the shortest path in the graph. In d dimensions, cost is density to the power of
        ``-density_power / d``.
    seed
        Of the thinning.
    progress, cancelled
        Told and asked between steps.

    Returns
    -------
    list of int
        Rows of ``points``; first and last are the first and last anchor.

    Raises
    ------
    UserError
        When anchors are too few, do not exist, or are not finite.
    AbortRequested
        When it was cancelled.
    """
    steps = Steps(progress, cancelled)
    through = _checked(points, anchors)
    steps.at(0.0, "Path: looking for neighbours")
    rows, places, node_of = _nodes(points, through, seed)
    graph, spacing = _graph(places, neighbours, steps.part(0.0, 0.6))
    graph.data *= _dearness(graph, spacing, density_power)
    path = [node_of[through[0]]]
    for k, anchor in enumerate(through[1:]):
        steps.at(0.6 + 0.4 * k / len(through), f"Path: from anchor {k + 1} to {k + 2} of {len(through)}")
        path += _cheapest(graph, path[-1], node_of[anchor])
    # several particles at one place are one node: anchors are named themselves
    names = {node_of[row]: row for row in reversed(through)}
    steps.at(1.0, f"Path of {len(path):,} particles")
    return [names.get(node, int(rows[node])) for node in path]


def default_anchors(points: Points, seed: int = 0) -> tuple[int, int]:
    """Return two particles at the ends of the longest way through the crowded part of latent space.

    Ends are found along the neighbours, not through empty space: those of a horseshoe are its tips. The
    search starts from the end of the first principal component, which decides where the cloud has no shape.

    Parameters
    ----------
    points
        ``(P, d)`` latent coordinates.
    seed
        Of the thinning of more than 20,000 particles.

    Raises
    ------
    UserError
        When there are not two different particles.
    """
    rows, places, _ = _nodes(points, (), seed)
    if len(rows) < 2:
        raise UserError("A path needs two particles at different places in latent space")
    # the graph itself holds every particle, so that crowded islands stay connected
    graph, spacing = _graph(places, 10, Steps(silent, never))
    crowded = np.flatnonzero(spacing <= np.quantile(spacing, _CROWDED))
    if len(crowded) < 2:
        crowded = np.arange(len(places))
    found = components(places, np.ones(len(places), bool))
    along = project(places[crowded], found.mean, found.axes[:1].T)[:, 0]
    start = int(crowded[along.argmin()])
    for _ in range(2):
        end, start = start, int(crowded[_distances(graph, start)[crowded].argmax()])
    if start == end:
        start = int(_distances(graph, end).argmax())
    first, last = sorted((start, end), key=lambda node: float((places[node] - found.mean) @ found.axes[0]))
    return int(rows[first]), int(rows[last])


def _checked(points: Points, anchors: Sequence[int]) -> list[int]:
    through = [int(row) for row in anchors]
    if len(through) < 2:
        raise UserError("A path needs two anchors or more", hint="Choose particles where it begins and ends")
    for row in through:
        if not 0 <= row < len(points):
            raise UserError(f"There is no particle {row + 1}; there are {len(points):,}")
        if not np.isfinite(points[row]).all():
            raise UserError(f"The latent coordinates of particle {row + 1} are not finite numbers")
    return through


def _nodes(points: Points, keep: Sequence[int], seed: int) -> tuple[Rows, Points, dict[int, int]]:
    """Thin out, and merge particles at the same place.

    Returns
    -------
    rows, places
        ``(M,)`` a particle of each node, ``(M, d)`` where it is, in double precision.
    node_of
        Node of every row to be kept.
    """
    wanted = np.unique(np.array(keep, np.int64))
    others = np.setdiff1d(np.flatnonzero(np.isfinite(points).all(axis=1)), wanted, assume_unique=True)
    if len(others) > _MOST_POINTS - len(wanted):
        rng = np.random.default_rng(seed)
        others = rng.choice(others, max(0, _MOST_POINTS - len(wanted)), replace=False)
    rows = np.concatenate([wanted, np.sort(others)])
    places = points[rows].astype(np.float64)
    if places.shape[1] > _MOST_DIMENSIONS and len(rows):
        found = components(places, np.ones(len(places), bool))
        kept = found.holding(0.999, _MOST_DIMENSIONS)
        places = project(places, found.mean, found.axes[:kept].T).astype(np.float64)
    _, first, node = np.unique(places, axis=0, return_index=True, return_inverse=True)
    node_of = {int(row): int(node.ravel()[k]) for k, row in enumerate(wanted)}
    return rows[first], places[first], node_of


def _graph(places: Points, neighbours: int, steps: Steps) -> tuple[csr_array, NDArray[np.float64]]:
    """Return a connected symmetric graph of lengths, and the distance to the farthest neighbour of each."""
    count = len(places)
    if count == 1:
        return csr_array((1, 1)), np.ones(1)
    few = min(neighbours, count - 1)
    distances, found = _nearest(places, places, few + 1)
    steps.at(0.5, "Path: joining neighbours to a graph")
    # the first neighbour is the point itself, since no two nodes share a place
    begin = np.repeat(np.arange(count), few)
    graph = _symmetric(begin, found[:, 1:].ravel(), distances[:, 1:].ravel(), count)
    while True:
        groups, group = connected_components(graph, directed=False)
        if groups == 1:
            return graph, distances[:, -1]
        steps.at(0.7, f"Path: joining {groups} islands")
        graph = graph.maximum(_bridges(places, group))


def _bridges(places: Points, group: NDArray[np.integer]) -> csr_array:
    """Return an edge from every island but the largest to the nearest point outside."""
    sizes = np.bincount(group)
    begin, end, length = [], [], []
    for island in np.argsort(-sizes, kind="stable")[1:]:
        inside, outside = np.flatnonzero(group == island), np.flatnonzero(group != island)
        distances, nearest = _nearest(places[outside], places[inside], 1)
        closest = int(distances[:, 0].argmin())
        begin.append(inside[closest])
        end.append(outside[nearest[closest, 0]])
        length.append(distances[closest, 0])
    return _symmetric(np.array(begin), np.array(end), np.array(length), len(places))


def _nearest(points: Points, places: Points, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return distances and rows ``(Q, count)`` of the points nearest to each place."""
    found = cKDTree(points).query(places, k=list(range(1, count + 1)))
    return np.asarray(found[0], np.float64), np.asarray(found[1], np.int64)


def _symmetric(begin: Rows, end: Rows, length: NDArray[np.floating], count: int) -> csr_array:
    one_way = csr_array(coo_array((length, (begin, end)), shape=(count, count)))
    # both ends may have chosen one another: the greater of two equal lengths, not their sum
    return csr_array(one_way.maximum(one_way.T))


def _dearness(graph: csr_array, spacing: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return what the length of each stored edge is multiplied by; 1 at the typical spacing."""
    edges = graph.tocoo()
    begin, end = edges.coords
    local = np.maximum(0.5 * (spacing[begin] + spacing[end]), edges.data)
    return (local / np.median(spacing)) ** power


def _distances(graph: csr_array, node: int) -> NDArray[np.float64]:
    return dijkstra(graph, directed=False, indices=np.array([node]))[0]


def _cheapest(graph: csr_array, start: int, end: int) -> list[int]:
    """Return the nodes after ``start`` up to and including ``end``."""
    if start == end:
        return []
    _, before = dijkstra(graph, directed=False, indices=np.array([start]), return_predecessors=True)
    path = [end]
    while int(before[0, path[-1]]) != start:
        path.append(int(before[0, path[-1]]))
    return path[::-1]
