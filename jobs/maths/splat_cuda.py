"""CUDA kernels of :mod:`jobs.maths.splat` in cupy, working on torch's memory and torch's current stream."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

_THREADS = 256

_SOURCE = r"""
__device__ __forceinline__ bool locate(const float* points, long long i, int box, int* ix, int* iy,
                                       float* tx, float* ty) {
    const int half = box / 2;
    const float x = points[2 * i], y = points[2 * i + 1];
    *ix = (int)floorf(x + 0.5f);
    *iy = (int)floorf(y + 0.5f);
    *tx = x - *ix;
    *ty = y - *iy;
    return *ix - 1 >= -half && *ix + 1 < box - half && *iy - 1 >= -half && *iy + 1 < box - half;
}

__device__ __forceinline__ void spline(float t, float* w) {
    w[0] = 0.5f * (0.5f - t) * (0.5f - t);
    w[1] = 0.75f - t * t;
    w[2] = 0.5f * (0.5f + t) * (0.5f + t);
}

extern "C" __global__ void splat(const float* points, const float* weights, float* images,
                                 long long n_batch, int n_points, int n_classes, int box) {
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n_batch * n_points) return;
    const long long b = i / n_points;
    const int n = i - b * n_points;
    int ix, iy;
    float tx, ty, wx[3], wy[3];
    if (!locate(points, i, box, &ix, &iy, &tx, &ty)) return;
    spline(tx, wx);
    spline(ty, wy);
    for (int c = 0; c < n_classes; ++c) {
        const float w = weights[(long long)c * n_points + n];
        float* image = images + (b * n_classes + c) * box * box;
        for (int j = 0; j < 3; ++j) {
            const int y = (iy - 1 + j + box) % box;
            for (int k = 0; k < 3; ++k)
                atomicAdd(image + y * box + (ix - 1 + k + box) % box, w * wy[j] * wx[k]);
        }
    }
}

extern "C" __global__ void gradient(const float* points, const float* weights, const float* gradients,
                                    float* to_points, float* to_weights,
                                    long long n_batch, int n_points, int n_classes, int box) {
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n_batch * n_points) return;
    const long long b = i / n_points;
    const int n = i - b * n_points;
    int ix, iy;
    float tx, ty, wx[3], wy[3];
    const bool inside = locate(points, i, box, &ix, &iy, &tx, &ty);
    spline(tx, wx);
    spline(ty, wy);
    const float dx[3] = {tx - 0.5f, -2.0f * tx, tx + 0.5f};
    const float dy[3] = {ty - 0.5f, -2.0f * ty, ty + 0.5f};
    float sum_x = 0.0f, sum_y = 0.0f;
    for (int c = 0; c < n_classes; ++c) {
        const float* image = gradients + (b * n_classes + c) * box * box;
        float value = 0.0f, slope_x = 0.0f, slope_y = 0.0f;
        if (inside)
            for (int j = 0; j < 3; ++j) {
                const int y = (iy - 1 + j + box) % box;
                for (int k = 0; k < 3; ++k) {
                    const float g = image[y * box + (ix - 1 + k + box) % box];
                    value += g * wy[j] * wx[k];
                    slope_x += g * wy[j] * dx[k];
                    slope_y += g * dy[j] * wx[k];
                }
            }
        to_weights[(b * n_classes + c) * n_points + n] = value;
        const float w = weights[(long long)c * n_points + n];
        sum_x += w * slope_x;
        sum_y += w * slope_y;
    }
    to_points[2 * i] = sum_x;
    to_points[2 * i + 1] = sum_y;
}
"""


@functools.cache
def available() -> bool:
    """Whether cupy is installed and sees a CUDA device."""
    if not torch.cuda.is_available():
        return False
    try:
        import cupy
    except ImportError:
        return False
    return int(cupy.cuda.runtime.getDeviceCount()) > 0


def splat(points_px: Tensor, weights: Tensor, images: Tensor) -> None:
    """Add points ``(b, n, 2)`` of weights ``(c, n)`` to ``images`` ``(b, c, D, D)`` in place."""
    _launch("splat", points_px, weights.shape[0], images.shape[-1], (points_px, weights, images))


def gradient(
    points_px: Tensor, weights: Tensor, image_gradient: Tensor, to_points: Tensor, to_weights: Tensor
) -> None:
    """Write the gradients at the points into ``to_points`` ``(b, n, 2)`` and ``to_weights`` ``(b, c, n)``."""
    arrays = (points_px, weights, image_gradient, to_points, to_weights)
    _launch("gradient", points_px, weights.shape[0], image_gradient.shape[-1], arrays)


@functools.cache
def _module() -> Any:
    import cupy

    return cupy.RawModule(code=_SOURCE)


def _launch(name: str, points_px: Tensor, n_classes: int, box: int, arrays: tuple[Tensor, ...]) -> None:
    """Start a kernel with one thread per point, on the device and stream torch is using."""
    import cupy
    import numpy as np

    batch, n_points, _ = points_px.shape
    blocks = (batch * n_points + _THREADS - 1) // _THREADS
    if blocks == 0:
        return
    sizes = (np.int64(batch), np.int32(n_points), np.int32(n_classes), np.int32(box))
    device = points_px.device.index or 0
    with (
        cupy.cuda.Device(device),
        cupy.cuda.ExternalStream(torch.cuda.current_stream(points_px.device).cuda_stream),
    ):
        kernel = _module().get_function(name)
        pointers = tuple(np.uint64(array.data_ptr()) for array in arrays)
        kernel((blocks,), (_THREADS,), (*pointers, *sizes))
