"""Compiled loops over the points of the latent plot; imported only by :mod:`widgets.explorer.compiled`.

Every function has exactly one signature, compiled ahead of its first use, so that no call from the GUI thread
ever waits for the compiler. All of them release the GIL; none starts threads.

Points come in the order of a coarse grid of ``side × side`` cells (see :func:`cell_order`), so that a zoomed
view visits only the cells it shows, and neighbours in memory are neighbours on the screen. The outermost
cells reach to infinity; a grid of one cell holds the points in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# Layers of a picture, from below: filtered out, beside the selection, all others.
HIDDEN, DIMMED, BRIGHT = 0, 1, 2
# What a value is: place in a continuous table, category, packed 0xRRGGBB.
CONTINUOUS, CATEGORY, RGB = 0, 1, 2
#: Numbers kept per pixel: points of the three layers, and three whose meaning depends on the kind of value.
CHANNELS: Final = 6


@njit(nogil=True, cache=True)
def _cell(value: float, low: float, scale: float, side: int) -> int:
    place = (value - low) * scale
    if place < 0.0:
        return 0
    if place >= side:
        return side - 1
    return int(place)


@njit(nogil=True, cache=True)
def cell_order(
    xy: Floats, x_low: float, y_low: float, x_scale: float, y_scale: float, side: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return points sorted by cell, and where each cell starts; points with NaN or infinity are left out."""
    starts = np.zeros(side * side + 1, np.int32)
    cells = np.empty(len(xy), np.int32)
    for i in range(len(xy)):
        x, y = xy[i, 0], xy[i, 1]
        if np.isfinite(x) and np.isfinite(y):
            cell = _cell(y, y_low, y_scale, side) * side + _cell(x, x_low, x_scale, side)
            cells[i] = cell
            starts[cell + 1] += 1
        else:
            cells[i] = -1
    for k in range(side * side):
        starts[k + 1] += starts[k]
    place = starts[:-1].copy()
    order = np.empty(starts[-1], np.int32)
    for i in range(len(xy)):
        cell = cells[i]
        if cell >= 0:
            order[place[cell]] = i
            place[cell] += 1
    return order, starts


@njit(nogil=True, cache=True)
def collect(
    xy: Floats, starts: NDArray[np.int32], side: int, grid: Doubles, box: Doubles, rows: NDArray[np.int32]
) -> int:
    """Write the places (in grid order) of the points in `box` (x low, x high, y low, y high) into `rows`.

    Returns how many there are, which may be more than `rows` holds.
    """
    first_x, last_x = _cell(box[0], grid[0], grid[2], side), _cell(box[1], grid[0], grid[2], side)
    first_y, last_y = _cell(box[2], grid[1], grid[3], side), _cell(box[3], grid[1], grid[3], side)
    count = 0
    room = len(rows)
    for row in range(first_y, last_y + 1):
        for i in range(starts[row * side + first_x], starts[row * side + last_x + 1]):
            x, y = xy[i, 0], xy[i, 1]
            if box[0] <= x <= box[1] and box[2] <= y <= box[3]:
                if count < room:
                    rows[count] = i
                count += 1
    return count


@njit(nogil=True, cache=True)
def accumulate(
    xy: Floats,
    starts: NDArray[np.int32],
    side: int,
    grid: Doubles,
    box: Doubles,
    value: NDArray[np.uint32],
    layer: NDArray[np.uint8],
    kind: int,
    n_colours: int,
    pixels: NDArray[np.uint32],
) -> int:
    """Add the points in `box` to `pixels` ``(H, W, CHANNELS)``, row 0 on top; returns how many they are.

    The last three channels describe the uppermost layer of a pixel: sum and number of known values
    (continuous), majority vote and its lead (categories), sums of red, green and blue.
    """
    height, width = pixels.shape[0], pixels.shape[1]
    flat = pixels.reshape(-1)
    x_low, y_high = box[0], box[3]
    x_scale, y_scale = width / (box[1] - box[0]), height / (box[3] - box[2])
    first_x, last_x = _cell(box[0], grid[0], grid[2], side), _cell(box[1], grid[0], grid[2], side)
    first_y, last_y = _cell(box[2], grid[1], grid[3], side), _cell(box[3], grid[1], grid[3], side)
    one = np.uint32(1)
    most = np.uint32(n_colours)
    count = 0
    for row in range(first_y, last_y + 1):
        for i in range(starts[row * side + first_x], starts[row * side + last_x + 1]):
            across = (xy[i, 0] - x_low) * x_scale
            down = (y_high - xy[i, 1]) * y_scale
            # written so that NaN fails
            if not (0.0 <= across < width and 0.0 <= down < height):
                continue
            count += 1
            # unsigned, so that no place is taken for one counted from the end
            p = (np.uint64(down) * np.uint64(width) + np.uint64(across)) * np.uint64(CHANNELS)
            a, b, c = p + np.uint64(3), p + np.uint64(4), p + np.uint64(5)
            what = layer[i]
            if what != BRIGHT:
                flat[p + np.uint64(what)] += one
                if what == HIDDEN or flat[p + np.uint64(BRIGHT)] > 0:
                    continue
            else:
                flat[p + np.uint64(BRIGHT)] += one
                if flat[p + np.uint64(BRIGHT)] == 1 and flat[p + np.uint64(DIMMED)] > 0:
                    flat[a] = flat[b] = flat[c] = np.uint32(0)  # what lay below does not count
            v = value[i]
            if kind == CONTINUOUS:
                if v < most:
                    flat[a] += v
                    flat[b] += one
            elif kind == CATEGORY:
                if flat[b] == 0:
                    flat[a] = v
                    flat[b] = one
                elif flat[a] == v:
                    flat[b] += one
                else:
                    flat[b] -= one
            else:
                flat[a] += (v >> np.uint32(16)) & np.uint32(255)
                flat[b] += (v >> np.uint32(8)) & np.uint32(255)
                flat[c] += v & np.uint32(255)
    return count


@njit(nogil=True, cache=True)
def crowding(pixels: NDArray[np.uint32]) -> float:
    """Return the mean of log(1 + points) over a sample of the filled pixels."""
    total, filled = 0.0, 0
    for row in range(0, pixels.shape[0], 3):
        for column in range(0, pixels.shape[1], 3):
            count = pixels[row, column, DIMMED] + pixels[row, column, BRIGHT]
            if count > 0:
                filled += 1
                total += log1p(float(count))
    return total / max(filled, 1)


@njit(nogil=True, cache=True)
def nearest(
    xy: Floats,
    starts: NDArray[np.int32],
    side: int,
    grid: Doubles,
    place: Doubles,
    per_pixel: Doubles,
    reach: float,
    layer: NDArray[np.uint8],
) -> int:
    """Return the place (in grid order) of the point nearest on the screen, -1 beyond `reach` pixels."""
    wide, high = reach * per_pixel[0], reach * per_pixel[1]
    first_x = _cell(place[0] - wide, grid[0], grid[2], side)
    last_x = _cell(place[0] + wide, grid[0], grid[2], side)
    first_y = _cell(place[1] - high, grid[1], grid[3], side)
    last_y = _cell(place[1] + high, grid[1], grid[3], side)
    found, best = -1, reach * reach
    for row in range(first_y, last_y + 1):
        for i in range(starts[row * side + first_x], starts[row * side + last_x + 1]):
            dx = (xy[i, 0] - place[0]) / per_pixel[0]
            dy = (xy[i, 1] - place[1]) / per_pixel[1]
            distance = dx * dx + dy * dy
            if distance <= best and layer[i] != HIDDEN:
                found, best = i, distance
    return found


_POINTS = "float32[:, ::1]"
_GRID = "int32[::1], int64, float64[::1]"
#: Each function with the one signature it is compiled for.
SIGNATURES: Final[tuple[tuple[Callable[..., Any], str], ...]] = (
    (cell_order, f"({_POINTS}, float64, float64, float64, float64, int64)"),
    (collect, f"({_POINTS}, {_GRID}, float64[::1], int32[::1])"),
    (
        accumulate,
        f"({_POINTS}, {_GRID}, float64[::1], uint32[::1], uint8[::1], int64, int64, uint32[:, :, ::1])",
    ),
    (crowding, "(uint32[:, :, ::1],)"),
    (nearest, f"({_POINTS}, {_GRID}, float64[::1], float64[::1], float64, uint8[::1])"),
)
