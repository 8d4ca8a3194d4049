"""CPU kernel of :mod:`jobs.tomodrgn.particle_frame`: points far from the plane cost next to nothing."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(nogil=True, fastmath=True, cache=True)
def place(dense: np.ndarray, box: int, points: np.ndarray, rotations: np.ndarray, out: np.ndarray) -> None:
    """Samples of images at the points of the ball.

    Parameters
    ----------
    dense
        ``(n, D * (D // 2 + 1), 2)`` half planes, float32.
    box
        Image side D.
    points
        ``(m, 3)`` frequencies x, y, z of the ball in Fourier pixels.
    rotations
        ``(n, 3, 3)``.
    out
        ``(n, m, 2)``, all of it is written.
    """
    half, width = box // 2, box // 2 + 1
    one = np.float32(1.0)
    for i in range(len(rotations)):
        r = rotations[i]
        for p in range(len(points)):
            out[i, p, 0] = 0
            out[i, p, 1] = 0
            a, b, c = points[p, 0], points[p, 1], points[p, 2]
            near = one - abs(a * r[2, 0] + b * r[2, 1] + c * r[2, 2])
            if near <= 0:
                continue
            x = a * r[0, 0] + b * r[0, 1] + c * r[0, 2]
            y = a * r[1, 0] + b * r[1, 1] + c * r[1, 2]
            sign = one
            if x < 0:
                x, y, sign = -x, -y, -one
            x0, y0 = math.floor(x), math.floor(y)
            fx, fy = x - np.float32(x0), y - np.float32(y0)
            real, imaginary = np.float32(0.0), np.float32(0.0)
            for dx in range(2):
                column = x0 + dx
                if column >= half:
                    continue
                for dy in range(2):
                    row = y0 + dy
                    if abs(row) >= half:
                        continue
                    weight = (fx if dx else one - fx) * (fy if dy else one - fy)
                    index = (row + box if row < 0 else row) * width + column
                    real += weight * dense[i, index, 0]
                    imaginary += weight * dense[i, index, 1]
            out[i, p, 0] = near * real
            out[i, p, 1] = near * sign * imaginary
