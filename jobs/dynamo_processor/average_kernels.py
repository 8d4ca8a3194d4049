"""Compiled loops of the initial average: particles turned into the reference, and what wedges let through."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def turn(turned: np.ndarray, box: np.ndarray, rotation: np.ndarray, shift: np.ndarray) -> None:
    """Write ``box`` at ``M^T y + d`` into ``turned`` at y, trilinear; 0 outside.

    Parameters
    ----------
    turned, box
        `(N, N, N)` [z, y, x]; the centre is voxel N // 2.
    rotation, shift
        M `(3, 3)` and d `(3,)` in px.
    """
    n = box.shape[0]
    middle = n // 2
    for z in range(n):
        for y in range(n):
            for x in range(n):
                rx, ry, rz = x - middle, y - middle, z - middle
                px = rotation[0, 0] * rx + rotation[1, 0] * ry + rotation[2, 0] * rz + shift[0] + middle
                py = rotation[0, 1] * rx + rotation[1, 1] * ry + rotation[2, 1] * rz + shift[1] + middle
                pz = rotation[0, 2] * rx + rotation[1, 2] * ry + rotation[2, 2] * rz + shift[2] + middle
                x0, y0, z0 = math.floor(px), math.floor(py), math.floor(pz)
                if x0 < 0 or y0 < 0 or z0 < 0 or x0 >= n - 1 or y0 >= n - 1 or z0 >= n - 1:
                    turned[z, y, x] = 0.0
                    continue
                fx, fy, fz = px - x0, py - y0, pz - z0
                low = (1 - fy) * ((1 - fx) * box[z0, y0, x0] + fx * box[z0, y0, x0 + 1])
                low += fy * ((1 - fx) * box[z0, y0 + 1, x0] + fx * box[z0, y0 + 1, x0 + 1])
                up = (1 - fy) * ((1 - fx) * box[z0 + 1, y0, x0] + fx * box[z0 + 1, y0, x0 + 1])
                up += fy * ((1 - fx) * box[z0 + 1, y0 + 1, x0] + fx * box[z0 + 1, y0 + 1, x0 + 1])
                turned[z, y, x] = (1 - fz) * low + fz * up


@njit(nogil=True, cache=True)
def add_reached(
    total: np.ndarray,
    weight: np.ndarray,
    transform: np.ndarray,
    rotation: np.ndarray,
    low: float,
    high: float,
) -> None:
    """Add a transform where tilts about y from ``low`` to ``high`` reach, and 1 to the weight there.

    Parameters
    ----------
    total, weight, transform
        `(N, N, N // 2 + 1)` half of the reference's Fourier space as ``rfftn`` has it.
    rotation
        M `(3, 3)`.
    low, high
        Tangents of the smallest and largest tilt; a tilt t reaches the plane kz = kx tan t.
    """
    n = weight.shape[0]
    for z in range(n):
        kz = z if z <= n // 2 else z - n
        for y in range(n):
            ky = y if y <= n // 2 else y - n
            for kx in range(weight.shape[2]):
                tx = rotation[0, 0] * kx + rotation[1, 0] * ky + rotation[2, 0] * kz
                tz = rotation[0, 2] * kx + rotation[1, 2] * ky + rotation[2, 2] * kz
                if tx < 0:
                    tx, tz = -tx, -tz
                # half a pixel of room: the planes of a box of N voxels are that thick
                if tz >= low * tx - 0.5 and tz <= high * tx + 0.5:
                    total[z, y, kx] += transform[z, y, kx]
                    weight[z, y, kx] += 1.0
