"""Parts of a chart that have nothing to do with each other, packed into rows like books on shelves.

Parts stand in reading order: side by side from the left, and in the next row where one is full. Jobs without
any link come last, in a block without gaps. Rows are as wide as makes the whole about as wide as a screen.

So that a chart stays put while a project grows, the width of rows goes by steps: a part or a job that is
added at the end moves nothing, unless the chart has become so high that the next wider step is due.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Width by height of the drawing that is aimed at.
_ASPECT: Final = 1.6
#: Below this the next wider step is due.
_NARROW: Final = 1.28
_STEP: Final = 1.25
#: Up to this a few parts stand in a single row.
_ONE_ROW: Final = 3.2

Size = tuple[int, int]
Place = tuple[int, int]


@dataclass(frozen=True)
class Shelves:
    """Where parts stand.

    Attributes
    ----------
    parts
        Column and layer of the first corner of each part.
    single
        Column and layer of each job without a link.
    size
        Columns and layers of the whole.
    """

    parts: list[Place]
    single: list[Place]
    size: Size


def pack(parts: Sequence[Size], n_single: int, cell: tuple[float, float], *, down: bool = True) -> Shelves:
    """Place parts, and jobs without a link.

    Parameters
    ----------
    parts
        Columns and layers of each part, in the order in which they shall be read.
    n_single
        Number of jobs without any link.
    cell
        Distance from column to column and from layer to layer on the paper, in any unit.
    down
        Layers go downwards; else to the right, where a row of the drawing is a range of columns.
    """
    if not down:
        turned = pack([(depth, breadth) for breadth, depth in parts], n_single, (cell[1], cell[0]))
        return Shelves(
            [(column, layer) for layer, column in turned.parts],
            [(column, layer) for layer, column in turned.single],
            (turned.size[1], turned.size[0]),
        )
    widest = sum(breadth for breadth, _ in parts) + n_single
    row = _in_rows(parts, n_single, widest)
    if _aspect(row, cell) <= _ONE_ROW:
        return row
    least = max((breadth for breadth, _ in parts), default=1)
    area = sum(breadth * depth for breadth, depth in parts) + n_single
    # without gaps the drawing would be too narrow up to this width, with them it is all the more
    step, narrow = 1, math.sqrt(_NARROW * area * cell[1] / cell[0])
    while _next(step) < narrow:
        step = _next(step)
    best = _in_rows(parts, n_single, max(step, least))
    while step < widest and _aspect(best, cell) < _NARROW:
        before, step = best, _next(step)
        best = _in_rows(parts, n_single, max(step, least))
        if _aspect(best, cell) > _ASPECT and _off(before, cell) < _off(best, cell):
            return before
    return best


def _next(step: int) -> int:
    return max(step + 1, math.ceil(step * _STEP))


def _aspect(shelves: Shelves, cell: tuple[float, float]) -> float:
    columns, layers = shelves.size
    return columns * cell[0] / (max(layers, 1) * cell[1])


def _off(shelves: Shelves, cell: tuple[float, float]) -> float:
    return abs(math.log(max(_aspect(shelves, cell), 1e-9) / _ASPECT))


def _in_rows(parts: Sequence[Size], n_single: int, width: int) -> Shelves:
    """Fill rows of a width from the left; between two rows one layer stays free."""
    places: list[Place] = []
    right = top = height = columns = 0
    for breadth, depth in parts:
        if right and right + breadth > width:
            top, right, height = top + height + 1, 0, 0
        places.append((right, top))
        right, height = right + breadth, max(height, depth)
        columns = max(columns, right)
    if not n_single:
        return Shelves(places, [], (columns, top + height))
    # beside the last parts where there is room, else below all
    needed = -(-n_single // height) if height else 0
    if height and right + needed <= width:
        left, across = right, needed
    else:
        left, across = 0, width
        top, height = (top + height + 1, 0) if height else (0, 0)
    single = [(left + at % across, top + at // across) for at in range(n_single)]
    rows = -(-n_single // across)
    return Shelves(places, single, (max(columns, left + min(across, n_single)), top + max(height, rows)))
