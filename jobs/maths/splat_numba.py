"""CPU kernels of :mod:`jobs.maths.splat`: one image per thread, so that results do not depend on threads."""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from numba import njit, prange
from torch import Tensor


def splat(points_px: Tensor, weights: Tensor, images: Tensor) -> None:
    """Add points ``(b, n, 2)`` of weights ``(c, n)`` to ``images`` ``(b, c, D, D)`` in place."""
    _follow_torch_threads()
    _splat(points_px.numpy(), weights.numpy(), images.numpy())


def gradient(
    points_px: Tensor, weights: Tensor, image_gradient: Tensor, to_points: Tensor, to_weights: Tensor
) -> None:
    """Write the gradients at the points into ``to_points`` ``(b, n, 2)`` and ``to_weights`` ``(b, c, n)``."""
    _follow_torch_threads()
    _gradient(
        points_px.numpy(), weights.numpy(), image_gradient.numpy(), to_points.numpy(), to_weights.numpy()
    )


def _follow_torch_threads() -> None:
    numba.set_num_threads(max(1, min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)))


@njit(inline="always")
def _spline(offset: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    low, high = np.float32(0.5) - offset, np.float32(0.5) + offset
    half = np.float32(0.5)
    return half * low * low, np.float32(0.75) - offset * offset, half * high * high


@njit(parallel=True, fastmath=True, cache=True)
def _splat(points: np.ndarray, weights: np.ndarray, images: np.ndarray) -> None:
    n_points, n_classes, box = points.shape[1], weights.shape[0], images.shape[2]
    half = box // 2
    for b in prange(points.shape[0]):
        for n in range(n_points):
            x, y = points[b, n, 0], points[b, n, 1]
            ix, iy = math.floor(x + 0.5), math.floor(y + 0.5)
            if ix - 1 < -half or ix + 1 >= box - half or iy - 1 < -half or iy + 1 >= box - half:
                continue
            wx0, wx1, wx2 = _spline(np.float32(x - ix))
            wy0, wy1, wy2 = _spline(np.float32(y - iy))
            x0, x1, x2 = (ix - 1) % box, ix % box, (ix + 1) % box
            y0, y1, y2 = (iy - 1) % box, iy % box, (iy + 1) % box
            for c in range(n_classes):
                image = images[b, c]
                w0, w1, w2 = weights[c, n] * wy0, weights[c, n] * wy1, weights[c, n] * wy2
                image[y0, x0] += w0 * wx0
                image[y0, x1] += w0 * wx1
                image[y0, x2] += w0 * wx2
                image[y1, x0] += w1 * wx0
                image[y1, x1] += w1 * wx1
                image[y1, x2] += w1 * wx2
                image[y2, x0] += w2 * wx0
                image[y2, x1] += w2 * wx1
                image[y2, x2] += w2 * wx2


@njit(parallel=True, fastmath=True, cache=True)
def _gradient(
    points: np.ndarray,
    weights: np.ndarray,
    gradients: np.ndarray,
    to_points: np.ndarray,
    to_weights: np.ndarray,
) -> None:
    n_points, n_classes, box = points.shape[1], weights.shape[0], gradients.shape[2]
    half = box // 2
    for b in prange(points.shape[0]):
        for n in range(n_points):
            x, y = points[b, n, 0], points[b, n, 1]
            ix, iy = math.floor(x + 0.5), math.floor(y + 0.5)
            if ix - 1 < -half or ix + 1 >= box - half or iy - 1 < -half or iy + 1 >= box - half:
                for c in range(n_classes):
                    to_weights[b, c, n] = 0.0
                to_points[b, n, 0] = 0.0
                to_points[b, n, 1] = 0.0
                continue
            tx, ty = np.float32(x - ix), np.float32(y - iy)
            wx0, wx1, wx2 = _spline(tx)
            wy0, wy1, wy2 = _spline(ty)
            dx0, dx1, dx2 = tx - np.float32(0.5), np.float32(-2.0) * tx, tx + np.float32(0.5)
            dy0, dy1, dy2 = ty - np.float32(0.5), np.float32(-2.0) * ty, ty + np.float32(0.5)
            x0, x1, x2 = (ix - 1) % box, ix % box, (ix + 1) % box
            y0, y1, y2 = (iy - 1) % box, iy % box, (iy + 1) % box
            sum_x, sum_y = np.float32(0.0), np.float32(0.0)
            for c in range(n_classes):
                g = gradients[b, c]
                row0 = g[y0, x0] * wx0 + g[y0, x1] * wx1 + g[y0, x2] * wx2
                row1 = g[y1, x0] * wx0 + g[y1, x1] * wx1 + g[y1, x2] * wx2
                row2 = g[y2, x0] * wx0 + g[y2, x1] * wx1 + g[y2, x2] * wx2
                slope0 = g[y0, x0] * dx0 + g[y0, x1] * dx1 + g[y0, x2] * dx2
                slope1 = g[y1, x0] * dx0 + g[y1, x1] * dx1 + g[y1, x2] * dx2
                slope2 = g[y2, x0] * dx0 + g[y2, x1] * dx1 + g[y2, x2] * dx2
                to_weights[b, c, n] = row0 * wy0 + row1 * wy1 + row2 * wy2
                sum_x += weights[c, n] * (slope0 * wy0 + slope1 * wy1 + slope2 * wy2)
                sum_y += weights[c, n] * (row0 * dy0 + row1 * dy1 + row2 * dy2)
            to_points[b, n, 0] = sum_x
            to_points[b, n, 1] = sum_y
