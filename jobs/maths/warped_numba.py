"""CPU kernel of :mod:`jobs.maths.warped`: each voxel belongs to one thread, so threads change nothing."""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from numba import njit, prange
from torch import Tensor


def extrude(
    images: Tensor,
    matrices: Tensor,
    field: Tensor | None,
    spans: Tensor,
    lower: Tensor,
    step: int,
    out: Tensor,
) -> None:
    """Add images to a volume; see :func:`jobs.maths.warped.extrude`, which prepares the arguments.

    Parameters
    ----------
    images: torch.Tensor
        ``(b, s, s)`` oversampled images.
    matrices: torch.Tensor
        ``(b, 2, 3)`` from voxels relative to the centre voxel to pixels relative to the centre pixel.
    field: torch.Tensor or None
        ``(b, 2, cz, cy, cx)`` displacement in pixels of the oversampled image at the coarse points.
    spans: torch.Tensor
        ``(r, 4)`` int64 ``z, y, first x, last x + 1`` of the rows of voxels that are touched.
    lower: torch.Tensor
        ``(3,)`` int64 voxel ``z, y, x`` of the first coarse point.
    step: int
        Voxels between coarse points.
    out: torch.Tensor
        ``(D, D, D)`` float32, changed in place.
    """
    n_threads = max(1, min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(n_threads)
    moved = field is not None
    grid = np.zeros((len(images), 2, 1, 1, 1), np.float32) if field is None else field.numpy()
    _extrude(
        images.numpy(),
        matrices.numpy(),
        grid,
        moved,
        spans.numpy(),
        lower.numpy(),
        step,
        n_threads,
        out.numpy(),
    )


@njit(parallel=True, nogil=True, fastmath=True, cache=True)
def _extrude(
    images: np.ndarray,
    matrices: np.ndarray,
    field: np.ndarray,
    moved: bool,
    spans: np.ndarray,
    lower: np.ndarray,
    step: int,
    n_parts: int,
    out: np.ndarray,
) -> None:
    n_images, side = images.shape[0], images.shape[1]
    half, centre = out.shape[0] // 2, np.float32(side // 2)
    n_fine = field.shape[4]
    inverse = np.float32(1.0) / np.float32(step)
    for part in prange(n_parts):
        line_x, line_y = np.empty(n_fine, np.float32), np.empty(n_fine, np.float32)
        for p in range(n_images):
            image, grid_x, grid_y = images[p], field[p, 0], field[p, 1]
            ax, ay = matrices[p, 0, 0], matrices[p, 1, 0]
            # Rows are dealt out in turn: neighbouring ones are of similar length.
            for r in range(part, spans.shape[0], n_parts):
                z, y, first, last = spans[r, 0], spans[r, 1], spans[r, 2], spans[r, 3]
                dz, dy = np.float32(z - half), np.float32(y - half)
                start_x = centre + matrices[p, 0, 1] * dy + matrices[p, 0, 2] * dz
                start_y = centre + matrices[p, 1, 1] * dy + matrices[p, 1, 2] * dz
                if moved:
                    # The coarse field along this row of voxels first, then from point to point.
                    cz, cy = (z - lower[0]) // step, (y - lower[1]) // step
                    fz = np.float32(z - lower[0] - cz * step) * inverse
                    fy = np.float32(y - lower[1] - cy * step) * inverse
                    w00 = (np.float32(1.0) - fz) * (np.float32(1.0) - fy)
                    w01, w10, w11 = (np.float32(1.0) - fz) * fy, fz * (np.float32(1.0) - fy), fz * fy
                    low = (first - lower[2]) // step
                    high = (last - 1 - lower[2]) // step + 1
                    for c in range(low, high + 1):
                        line_x[c] = (
                            w00 * grid_x[cz, cy, c]
                            + w01 * grid_x[cz, cy + 1, c]
                            + w10 * grid_x[cz + 1, cy, c]
                            + w11 * grid_x[cz + 1, cy + 1, c]
                        )
                        line_y[c] = (
                            w00 * grid_y[cz, cy, c]
                            + w01 * grid_y[cz, cy + 1, c]
                            + w10 * grid_y[cz + 1, cy, c]
                            + w11 * grid_y[cz + 1, cy + 1, c]
                        )
                for x in range(first, last):
                    dx = np.float32(x - half)
                    u, v = start_x + ax * dx, start_y + ay * dx
                    if moved:
                        c = (x - lower[2]) // step
                        f = np.float32(x - lower[2] - c * step) * inverse
                        u += line_x[c] + f * (line_x[c + 1] - line_x[c])
                        v += line_y[c] + f * (line_y[c + 1] - line_y[c])
                    iu, iv = math.floor(u), math.floor(v)
                    if iu < 0 or iv < 0 or iu + 1 >= side or iv + 1 >= side:
                        continue
                    fu, fv = u - np.float32(iu), v - np.float32(iv)
                    top = image[iv, iu] + fu * (image[iv, iu + 1] - image[iv, iu])
                    bottom = image[iv + 1, iu] + fu * (image[iv + 1, iu + 1] - image[iv + 1, iu])
                    out[z, y, x] += top + fv * (bottom - top)
