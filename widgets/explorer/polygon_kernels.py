"""The compiled loop of :mod:`widgets.explorer.polygon`; imported only by :mod:`widgets.explorer.compiled`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

_SIDE: Final = 512


@njit(nogil=True, cache=True)
def _place(value: float, low: float, scale: float) -> int:
    """Return the row or column of a coordinate; never falls while the coordinate grows."""
    place = (value - low) * scale
    if place < 0.0:
        return 0
    if place >= _SIDE:
        return _SIDE - 1
    return int(place)


@njit(nogil=True, cache=True)
def _reach(edge: NDArray[np.float64], row: int, box: NDArray[np.float64]) -> tuple[int, int]:
    """Return the columns that an edge touches within a row of cells, one more on either side."""
    ends = np.empty(2)
    for k in range(2):
        y = box[1] + (row + 2 * k - 0.5) / box[3]  # half a row beyond, against rounding
        share = min(1.0, max(0.0, (y - edge[1]) / (edge[3] - edge[1])))
        ends[k] = edge[0] + share * (edge[2] - edge[0])
    left, right = _place(ends.min(), box[0], box[2]), _place(ends.max(), box[0], box[2])
    return max(0, left - 1), min(_SIDE - 1, right + 1)


@njit(nogil=True, cache=True)
def inside(xy: NDArray[np.float32], edges: NDArray[np.float64], result: NDArray[np.uint8]) -> None:
    """Write 1 for points within the edges ``(M, 4)`` by the even-odd rule, 0 for all others.

    The bounding box is cut into cells. Each cell knows whether an odd number of edges lie to its right across
    its whole height, and which other edges have to be tested for a point in it: mostly none.
    """
    result[:] = 0
    low_x = min(edges[:, 0].min(), edges[:, 2].min())
    high_x = max(edges[:, 0].max(), edges[:, 2].max())
    low_y = min(edges[:, 1].min(), edges[:, 3].min())
    high_y = max(edges[:, 1].max(), edges[:, 3].max())
    if not (high_y > low_y and high_x > low_x):
        return  # a line encloses nothing
    box = np.array([low_x, low_y, _SIDE / (high_x - low_x), _SIDE / (high_y - low_y)])
    odd = np.zeros((_SIDE, _SIDE + 1), np.uint8)
    starts = np.zeros(_SIDE * _SIDE + 1, np.int64)
    near = np.empty(0, np.int32)
    for step in range(2):  # first how many edges each cell has to test, then which
        for k in range(len(edges)):
            edge = edges[k]
            if edge[1] == edge[3]:
                continue  # along the ray: crosses none
            first = _place(min(edge[1], edge[3]), low_y, box[3])
            last = _place(max(edge[1], edge[3]), low_y, box[3])
            for row in range(first, last + 1):
                left, right = _reach(edge, row, box)
                if row in (first, last):
                    left = 0  # it ends within the row: for cells on its left the height of the point decides
                elif step == 0:
                    odd[row, left] ^= 1
                for cell in range(row * _SIDE + left, row * _SIDE + right + 1):
                    if step == 0:
                        starts[cell + 1] += 1
                    else:
                        starts[cell] -= 1
                        near[starts[cell]] = k
        if step == 0:
            # ends of the lists; the second step fills them backwards, down to their starts
            for cell in range(1, _SIDE * _SIDE + 1):
                starts[cell] += starts[cell - 1]
            near = np.empty(starts[-1], np.int32)
            starts[:-1] = starts[1:]
    for row in range(_SIDE):
        for column in range(_SIDE - 1, -1, -1):
            odd[row, column] ^= odd[row, column + 1]
    _look_up(xy, edges, box, odd, starts, near, result)


@njit(nogil=True, cache=True)
def _look_up(
    xy: NDArray[np.float32],
    edges: NDArray[np.float64],
    box: NDArray[np.float64],
    odd: NDArray[np.uint8],
    starts: NDArray[np.int64],
    near: NDArray[np.int32],
    result: NDArray[np.uint8],
) -> None:
    for i in range(len(xy)):
        x, y = float(xy[i, 0]), float(xy[i, 1])
        # written so that NaN fails
        if not (
            x >= box[0] and y >= box[1] and (x - box[0]) * box[2] <= _SIDE and (y - box[1]) * box[3] <= _SIDE
        ):
            continue
        row, column = _place(y, box[1], box[3]), _place(x, box[0], box[2])
        cell = row * _SIDE + column
        # edges wholly to the right; those that come near the cell are tested
        inside_here = odd[row, column + 1]
        for k in range(starts[cell], starts[cell + 1]):
            x1, y1, x2, y2 = edges[near[k], 0], edges[near[k], 1], edges[near[k], 2], edges[near[k], 3]
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)):
                inside_here ^= 1
        result[i] = inside_here


#: Each function with the one signature it is compiled for.
SIGNATURES: Final[tuple[tuple[Callable[..., Any], str], ...]] = (
    (inside, "(float32[:, ::1], float64[:, ::1], uint8[::1])"),
)
