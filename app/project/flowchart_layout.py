"""Places for the jobs of a chart: layers by descent, columns so that lines are short and nothing ever jumps.

Each job stands one layer below the lowest of those it depends on. Within its layer it takes the free column
nearest to the middle of its parents, in the order of creation: what was placed once keeps its place when a
job is added, and a project of any size is laid out in one pass. Parts of a project that have nothing to do
with each other stand in rows, in the order of their first jobs, single jobs in a block of their own.

Lines that pass by other jobs run in the lanes between the columns, which are free by construction.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.project.flowchart_shelves import pack

Pair = tuple[int, int]

#: About the distance from column to column and from layer to layer, as charts are drawn downwards …
_CELL_DOWN: Final = (264.0, 142.0)
#: … and to the right.
_CELL_RIGHT: Final = (106.0, 328.0)


@dataclass(frozen=True)
class Layout:
    """Places on a grid.

    Attributes
    ----------
    layers, columns
        (N,) int, from 0; a layer holds one job per column.
    lanes
        For each link the lane in which it runs past other jobs: ``k`` stands for the gap between the columns
        ``k`` and ``k + 1``; None for a link that goes straight.
    """

    layers: NDArray[np.int64]
    columns: NDArray[np.int64]
    lanes: tuple[int | None, ...]


def lay_out(n_jobs: int, links: Sequence[Pair], *, down: bool = True) -> Layout:
    """Place jobs that are given in the order of their creation.

    Parameters
    ----------
    n_jobs
        Number of jobs.
    links
        ``(source, target)``, indices of jobs. Circles (a job continued with results of a later one) are
        broken at the link that leads back.
    down
        Descendants are drawn below, else to the right: parts without a link between them are packed so that
        the drawing is about as wide as a screen.
    """
    forward = _without_circles(n_jobs, links)
    parents: list[list[int]] = [[] for _ in range(n_jobs)]
    children: list[list[int]] = [[] for _ in range(n_jobs)]
    for source, target in forward:
        parents[target].append(source)
        children[source].append(target)
    layers = _layers(parents, children)
    columns = _columns(layers, parents, children)
    _place_parts(layers, columns, parents, children, down=down)
    return Layout(
        np.array(layers, np.int64).reshape(-1),
        np.array(columns, np.int64).reshape(-1),
        _lanes(links, layers, columns),
    )


def _without_circles(n_jobs: int, links: Sequence[Pair]) -> list[Pair]:
    """Return the links, less those that would close a circle; links to later jobs never do."""
    kept = [(source, target) for source, target in links if source < target]
    back = [(source, target) for source, target in links if source > target]
    if not back:
        return kept
    children: list[list[int]] = [[] for _ in range(n_jobs)]
    for source, target in kept:
        children[source].append(target)
    for source, target in back:
        if not _leads_to(target, source, children):
            children[source].append(target)
            kept.append((source, target))
    return kept


def _leads_to(start: int, end: int, children: Sequence[Sequence[int]]) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        if at == end:
            return True
        fresh = [child for child in children[at] if child not in seen]
        seen.update(fresh)
        waiting += fresh
    return False


def _layers(parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]) -> list[int]:
    """Return the layer of each job; jobs without parents stand just above the first that uses them."""
    n_jobs = len(parents)
    layers = [0] * n_jobs
    missing = [len(found) for found in parents]
    waiting = deque(job for job in range(n_jobs) if not missing[job])
    while waiting:
        job = waiting.popleft()
        for child in children[job]:
            layers[child] = max(layers[child], layers[job] + 1)
            missing[child] -= 1
            if not missing[child]:
                waiting.append(child)
    for job in range(n_jobs):
        if children[job] and not parents[job]:
            layers[job] = min(layers[child] for child in children[job]) - 1
    return layers


class _Layer:
    """The columns of one layer; finds free ones quickly, also beside a thousand taken ones."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._before: dict[int, int] = {}

    def take(self, wanted: float) -> int:
        """Take the free column nearest to the one wanted; of two equally near the one after it."""
        start = math.floor(wanted + 0.5)
        right, left = _follow(self._next, start), _follow(self._before, start)
        column = right if right - wanted <= wanted - left else left
        self._next[column], self._before[column] = column + 1, column - 1
        return column


def _follow(steps: dict[int, int], start: int) -> int:
    """Return the first free column from a start on, and shorten the way for the next one who asks."""
    at = start
    while at in steps:
        at = steps[at]
    while start in steps:
        steps[start], start = at, steps[start]
    return at


def _columns(
    layers: Sequence[int], parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]
) -> list[int]:
    """Return a column for each job, each connected part as if it were alone."""
    n_jobs = len(layers)
    part_of = _parts(parents, children)
    rows: dict[tuple[int, int], _Layer] = {}
    columns: list[int | None] = [None] * n_jobs

    def place(job: int, wanted: float) -> None:
        columns[job] = rows.setdefault((part_of[job], layers[job]), _Layer()).take(wanted)

    # parents always before their children, otherwise in the order of creation
    order = range(n_jobs) if _in_order(parents) else sorted(range(n_jobs), key=lambda job: (layers[job], job))
    for job in order:
        if not parents[job]:
            continue  # with its first child, or at the end
        known = sorted(column for parent in parents[job] if (column := columns[parent]) is not None)
        middle = len(known) // 2
        wanted = (known[middle] + known[~middle]) / 2 if known else 0.0
        # below one of its parents, not between two
        place(job, min(known, key=lambda column: abs(column - wanted)) if known else 0.0)
        here = columns[job]
        assert here is not None
        for parent in parents[job]:
            if columns[parent] is None:
                place(parent, here)
    return [column if column is not None else 0 for column in columns]


def _in_order(parents: Sequence[Sequence[int]]) -> bool:
    return all(parent < job for job, found in enumerate(parents) for parent in found)


def _parts(parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]) -> list[int]:
    """Return for each job the first job of its connected part."""
    part = [-1] * len(parents)
    for first in range(len(parents)):
        if part[first] >= 0:
            continue
        part[first], waiting = first, [first]
        while waiting:
            job = waiting.pop()
            for other in (*parents[job], *children[job]):
                if part[other] < 0:
                    part[other] = first
                    waiting.append(other)
    return part


def _place_parts(
    layers: list[int],
    columns: list[int],
    parents: Sequence[Sequence[int]],
    children: Sequence[Sequence[int]],
    *,
    down: bool,
) -> None:
    """Put the connected parts into rows, and jobs without any link into a block after them."""
    members: dict[int, list[int]] = {}
    for job, first in enumerate(_parts(parents, children)):
        members.setdefault(first, []).append(job)
    linked = [part for part in members.values() if len(part) > 1]
    alone = [part[0] for part in members.values() if len(part) == 1]
    corners = [(min(columns[job] for job in part), min(layers[job] for job in part)) for part in linked]
    sizes = [
        (1 + max(columns[job] for job in part) - left, 1 + max(layers[job] for job in part) - top)
        for part, (left, top) in zip(linked, corners, strict=True)
    ]
    shelves = pack(sizes, len(alone), _CELL_DOWN if down else _CELL_RIGHT, down=down)
    for part, old, new in zip(linked, corners, shelves.parts, strict=True):
        for job in part:
            columns[job] += new[0] - old[0]
            layers[job] += new[1] - old[1]
    for job, (column, layer) in zip(alone, shelves.single, strict=True):
        columns[job], layers[job] = column, layer


def _lanes(links: Sequence[Pair], layers: Sequence[int], columns: Sequence[int]) -> tuple[int | None, ...]:
    """Return for each link the lane in which it passes the layers between its ends."""
    taken: dict[int, list[int]] = {}
    for layer, column in sorted(zip(layers, columns, strict=True)):
        taken.setdefault(column, []).append(layer)
    lanes: list[int | None] = []
    for source, target in links:
        low, high = sorted((layers[source], layers[target]))
        first, last = columns[source], columns[target]
        if high - low < 2 or (first == last and not _any_between(taken[first], low, high)):
            lanes.append(None)
        elif last >= first:
            lanes.append(first if last == first else last - 1)
        else:
            lanes.append(last)
    return tuple(lanes)


def _any_between(rows: Sequence[int], low: int, high: int) -> bool:
    return int(np.searchsorted(rows, high)) - int(np.searchsorted(rows, low, side="right")) > 0
