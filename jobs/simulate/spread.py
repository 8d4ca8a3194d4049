"""The inner loop of the projection of large clouds: cubic B-splines added to a periodic grid, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float32s = NDArray[np.float32]


@njit(cache=True, fastmath=True)
def spread_points(xy: Float32s, mass: Float32s, grids: Float32s) -> None:
    """Add points to grids in place.

    Parameters
    ----------
    xy
        ``(b, n, 2)`` positions ``(x, y)`` in grid points; those outside a grid are left out.
    mass
        ``(b, n)`` masses.
    grids
        ``(b, s, s)`` grids ``[y, x]``, periodic.
    """
    side = grids.shape[1]
    columns = np.empty(4, dtype=np.int64)
    taps = np.empty(4, dtype=np.float32)
    for b in range(xy.shape[0]):
        grid = grids[b]
        for n in range(xy.shape[1]):
            x, y = xy[b, n, 0], xy[b, n, 1]
            # A point outside the image would come in again on its other side.
            if not (x >= 0 and x <= side - 1 and y >= 0 and y <= side - 1):
                continue
            left, low = int(np.floor(x)), int(np.floor(y))
            t = np.float32(x - left)
            s = np.float32(1) - t
            taps[0], taps[3] = s * s * s / 6, t * t * t / 6
            taps[1] = (3 * t * t * t - 6 * t * t + 4) / 6
            taps[2] = (3 * s * s * s - 6 * s * s + 4) / 6
            for i in range(4):
                columns[i] = (left + i - 1) % side
            t = np.float32(y - low)
            s = np.float32(1) - t
            for j in range(4):
                if j == 0:
                    weight = s * s * s / 6
                elif j == 1:
                    weight = (3 * t * t * t - 6 * t * t + 4) / 6
                elif j == 2:
                    weight = (3 * s * s * s - 6 * s * s + 4) / 6
                else:
                    weight = t * t * t / 6
                weight = weight * mass[b, n]
                row = (low + j - 1) % side
                for i in range(4):
                    grid[row, columns[i]] += weight * taps[i]
