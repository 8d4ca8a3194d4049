"""CPU kernels of :mod:`jobs.maths.slice_tables`: one pass over the samples, one after the other."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(nogil=True, fastmath=True, cache=True)
def read(table: np.ndarray, size: int, xy: np.ndarray, rotations: np.ndarray, out: np.ndarray) -> None:
    """Slices; see :func:`jobs.maths.slice_tables.read_slices`.

    Parameters
    ----------
    table
        ``(size * size * (size // 2 + 1), 2 k)`` float32.
    size
        Side of the volumes.
    xy
        ``(m, 2)`` samples in Fourier pixels of the volumes.
    rotations
        ``(n, 3, 3)``.
    out
        ``(n, m, 2 k)``, all of it is written.
    """
    n_columns, width, last = table.shape[1], size // 2 + 1, size // 2 - 1
    k = n_columns // 2
    one = np.float32(1.0)
    for i in range(len(rotations)):
        r = rotations[i]
        for s in range(len(xy)):
            u, v = xy[s, 0], xy[s, 1]
            x = u * r[0, 0] + v * r[1, 0]
            y = u * r[0, 1] + v * r[1, 1]
            z = u * r[0, 2] + v * r[1, 2]
            flipped = x < 0
            if flipped:
                x, y, z = -x, -y, -z
            # Rounding must not lead out of the table.
            x0, y0, z0 = min(math.floor(x), last), math.floor(y), math.floor(z)
            fx, fy, fz = x - np.float32(x0), y - np.float32(y0), z - np.float32(z0)
            values = out[i, s]
            values[:] = 0
            for dz in range(2):
                wz = fz if dz else one - fz
                row_z = int(z0) + dz
                row_z += size if row_z < 0 else 0
                for dy in range(2):
                    wy = wz * (fy if dy else one - fy)
                    row_y = int(y0) + dy
                    row_y += size if row_y < 0 else 0
                    cell = (row_z * size + row_y) * width + int(x0)
                    near, far = wy * (one - fx), wy * fx
                    for c in range(n_columns):
                        values[c] += near * table[cell, c] + far * table[cell + 1, c]
            if flipped:
                for c in range(k, n_columns):
                    values[c] = -values[c]


@njit(nogil=True, fastmath=True, cache=True)
def add(
    sums: np.ndarray,
    size: int,
    xy: np.ndarray,
    rotations: np.ndarray,
    square: np.ndarray,
    data: np.ndarray,
    moments: np.ndarray,
    means: np.ndarray,
) -> None:
    """Sums over slices; see :func:`jobs.maths.slice_tables.add_slices`.

    Parameters
    ----------
    sums
        ``(size * size * (size // 2 + 1), q + 2 k)`` float32, changed in place.
    size
        Side of the volumes.
    xy
        ``(m, 2)`` samples in Fourier pixels of the volumes.
    rotations, square, data, moments, means
        ``(n, 3, 3)``, ``(n, m)``, ``(n, m, 2)``, ``(n, q)`` and ``(n, k)``.
    """
    width, last, n_columns = size // 2 + 1, size // 2 - 1, sums.shape[1]
    q, k = moments.shape[1], means.shape[1]
    one = np.float32(1.0)
    columns = np.empty(n_columns, np.float32)
    for i in range(len(rotations)):
        r = rotations[i]
        for s in range(len(xy)):
            u, v = xy[s, 0], xy[s, 1]
            x = u * r[0, 0] + v * r[1, 0]
            y = u * r[0, 1] + v * r[1, 1]
            z = u * r[0, 2] + v * r[1, 2]
            real, imaginary = data[i, s, 0], data[i, s, 1]
            if x < 0:
                x, y, z = -x, -y, -z
                imaginary = -imaginary
            for c in range(q):
                columns[c] = square[i, s] * moments[i, c]
            for c in range(k):
                columns[q + c] = real * means[i, c]
                columns[q + k + c] = imaginary * means[i, c]
            # Rounding must not lead out of the table.
            x0, y0, z0 = min(math.floor(x), last), math.floor(y), math.floor(z)
            fx, fy, fz = x - np.float32(x0), y - np.float32(y0), z - np.float32(z0)
            for dz in range(2):
                wz = fz if dz else one - fz
                row_z = int(z0) + dz
                row_z += size if row_z < 0 else 0
                for dy in range(2):
                    wy = wz * (fy if dy else one - fy)
                    row_y = int(y0) + dy
                    row_y += size if row_y < 0 else 0
                    cell = (row_z * size + row_y) * width + int(x0)
                    near, far = wy * (one - fx), wy * fx
                    for c in range(n_columns):
                        sums[cell, c] += near * columns[c]
                        sums[cell + 1, c] += far * columns[c]
