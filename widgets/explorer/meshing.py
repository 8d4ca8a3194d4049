"""Surfaces of equal density, made in threads without holding up Python.

The method is that of *surface nets*: every cell of the grid that the surface crosses gets one vertex, at the
mean of the crossings on its edges; every edge of the grid that is crossed gets two triangles between the four
cells around it. Compared with marching cubes triangles are more even and no tables are needed; what counts
here is that the kernel runs outside the interpreter's lock, so that the window stays alive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

#: Largest side of a volume that is meshed as it is; larger ones are averaged down first.
LARGEST: Final = 128
#: More triangles than this are never made: no molecule needs them, only noise.
MOST_FACES: Final = 400_000

Volume = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in space.

    Attributes
    ----------
    vertices
        ``(N, 3)`` float32, (z, y, x) in Å relative to the box centre.
    faces
        ``(M, 3)`` uint32 rows of `vertices`; anti-clockwise from outside.
    normals
        ``(N, 3)`` float32 unit vectors (z, y, x), pointing outwards.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.uint32]
    normals: NDArray[np.float32]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return len(self.faces) == 0

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return int(self.vertices.nbytes + self.faces.nbytes + self.normals.nbytes)


EMPTY: Final = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint32), np.zeros((0, 3), np.float32))


def surface(volume: Volume, level: float, voxel_size_a: float, largest: int = LARGEST) -> Mesh:
    """Return the surface on which a volume has a value, in Å around voxel ``D//2``.

    Parameters
    ----------
    volume : (D, H, W) array
        Density ``[z, y, x]``.
    level : float
        Value on the surface; the inside is above it.
    voxel_size_a : float
        Å per voxel.
    largest : int
        Volumes with a longer side are averaged over blocks first.

    Raises
    ------
    ValueError
        If the array has not three dimensions.
    """
    if volume.ndim != 3:
        raise ValueError(f"the volume has shape {volume.shape}, expected three dimensions [z, y, x]")
    if not np.isfinite(level) or min(volume.shape) < 2:
        return EMPTY
    step = -(-max(volume.shape) // largest)
    while True:
        grid = block_means(volume, step)
        inside = (grid > np.float32(level)).view(np.uint8)
        cells, quads = _count(inside)
        if 2 * quads <= MOST_FACES:
            break
        step += 1
    if quads == 0:
        return EMPTY
    vertices = np.empty((cells, 3), np.float32)
    normals = np.empty((cells, 3), np.float32)
    faces = np.empty((2 * quads, 3), np.uint32)
    _fill(grid, inside, np.float32(level), vertices, normals, faces)
    # the mean of a block of voxels lies in the middle of the block
    centre = np.array(volume.shape, np.float32) // 2
    vertices = ((vertices + 0.5) * step - 0.5 - centre) * np.float32(voxel_size_a)
    return Mesh(vertices.astype(np.float32, copy=False), faces, normals)


def block_means(volume: Volume, step: int) -> NDArray[np.float32]:
    """Return means over blocks of ``step³`` voxels; voxels beyond the last whole block are left out."""
    grid = np.asarray(volume, np.float32)
    if step > 1:
        for axis in range(3):
            count = grid.shape[axis] // step
            grid = np.moveaxis(grid, axis, 0)[: count * step]
            grid = grid.reshape(count, step, *grid.shape[1:]).mean(1, dtype=np.float32)
            grid = np.moveaxis(grid, 0, axis)
    return np.ascontiguousarray(grid)


@numba.njit(nogil=True, cache=True)
def _count(inside: Any) -> Any:
    """Return how many cells the surface crosses, and how many inner edges."""
    depth, height, width = inside.shape
    cells, quads = 0, 0
    for z in range(depth - 1):
        for y in range(height - 1):
            for x in range(width - 1):
                here = inside[z, y, x]
                total = (
                    here
                    + inside[z, y, x + 1]
                    + inside[z, y + 1, x]
                    + inside[z, y + 1, x + 1]
                    + inside[z + 1, y, x]
                    + inside[z + 1, y, x + 1]
                    + inside[z + 1, y + 1, x]
                    + inside[z + 1, y + 1, x + 1]
                )
                if total == 0 or total == 8:
                    continue
                cells += 1
                if y > 0 and z > 0 and here != inside[z, y, x + 1]:
                    quads += 1
                if x > 0 and z > 0 and here != inside[z, y + 1, x]:
                    quads += 1
                if x > 0 and y > 0 and here != inside[z + 1, y, x]:
                    quads += 1
    return cells, quads


@numba.njit(nogil=True, cache=True)
def _fill(grid: Any, inside: Any, level: Any, vertices: Any, normals: Any, faces: Any) -> None:
    """Write vertices (in voxels), normals and faces."""
    depth, height, width = inside.shape
    # vertex of each cell in this layer of cells and in the one before
    rows = np.zeros((2, height - 1, width - 1), np.uint32)
    corner = np.empty(8, np.float32)
    n, m = 0, 0
    for z in range(depth - 1):
        now, last = z & 1, 1 - (z & 1)
        for y in range(height - 1):
            for x in range(width - 1):
                total = 0
                for c in range(8):
                    total += inside[z + (c >> 2), y + ((c >> 1) & 1), x + (c & 1)]
                if total == 0 or total == 8:
                    continue
                for c in range(8):
                    corner[c] = grid[z + (c >> 2), y + ((c >> 1) & 1), x + (c & 1)] - level
                # the mean of the crossings on the twelve edges
                sz, sy, sx, crossings = 0.0, 0.0, 0.0, 0
                for axis in range(3):
                    bit = 1 << axis
                    for c in range(8):
                        if c & bit:
                            continue
                        a, b = corner[c], corner[c | bit]
                        if (a > 0) == (b > 0):
                            continue
                        along = a / (a - b)
                        sz += (c >> 2) + (along if axis == 2 else 0.0)
                        sy += ((c >> 1) & 1) + (along if axis == 1 else 0.0)
                        sx += (c & 1) + (along if axis == 0 else 0.0)
                        crossings += 1
                fz, fy, fx = sz / crossings, sy / crossings, sx / crossings
                # value and gradient of the trilinear interpolation there
                value, gz, gy, gx = 0.0, 0.0, 0.0, 0.0
                for c in range(8):
                    wz = fz if c & 4 else 1 - fz
                    wy = fy if c & 2 else 1 - fy
                    wx = fx if c & 1 else 1 - fx
                    value += corner[c] * wz * wy * wx
                    gz += corner[c] * wy * wx * (1 if c & 4 else -1)
                    gy += corner[c] * wz * wx * (1 if c & 2 else -1)
                    gx += corner[c] * wz * wy * (1 if c & 1 else -1)
                length = np.sqrt(gz * gz + gy * gy + gx * gx) + 1e-30
                # one step along the gradient: the mean of crossings lies a little inside of a curved surface
                step = max(-0.5, min(0.5, -value / length))
                vertices[n, 0] = z + max(0.0, min(1.0, fz + step * gz / length))
                vertices[n, 1] = y + max(0.0, min(1.0, fy + step * gy / length))
                vertices[n, 2] = x + max(0.0, min(1.0, fx + step * gx / length))
                normals[n, 0], normals[n, 1], normals[n, 2] = -gz / length, -gy / length, -gx / length
                rows[now, y, x] = n
                n += 1
                here = inside[z, y, x]
                if y > 0 and z > 0 and here != inside[z, y, x + 1]:
                    m = _quad(
                        faces,
                        m,
                        here,
                        rows[now, y, x],
                        rows[now, y - 1, x],
                        rows[last, y - 1, x],
                        rows[last, y, x],
                    )
                if x > 0 and z > 0 and here != inside[z, y + 1, x]:
                    m = _quad(
                        faces,
                        m,
                        here,
                        rows[now, y, x],
                        rows[last, y, x],
                        rows[last, y, x - 1],
                        rows[now, y, x - 1],
                    )
                if x > 0 and y > 0 and here != inside[z + 1, y, x]:
                    m = _quad(
                        faces,
                        m,
                        here,
                        rows[now, y, x],
                        rows[now, y, x - 1],
                        rows[now, y - 1, x - 1],
                        rows[now, y - 1, x],
                    )


@numba.njit(nogil=True, cache=True)
def _quad(faces: Any, m: Any, forwards: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Write two triangles between four vertices, turned towards the outside; return the next free row."""
    if not forwards:
        b, d = d, b
    faces[m, 0], faces[m, 1], faces[m, 2] = a, b, c
    faces[m + 1, 0], faces[m + 1, 1], faces[m + 1, 2] = a, c, d
    return m + 2


def warm_up() -> None:
    """Have the kernels compiled (or read from the cache), before somebody waits for them."""
    ball = np.zeros((4, 4, 4), np.float32)
    ball[1:3, 1:3, 1:3] = 1.0
    surface(ball, 0.5, 1.0)
