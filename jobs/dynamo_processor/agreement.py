"""How well two averages agree, in numpy: loading torch for two small volumes would take longer than the job.

The numbers are those of :mod:`jobs.maths.fsc`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.fft import rfftn

from jobs.dynamo_processor.contract import FloatArray

_THRESHOLD = 0.143


def correlation(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> FloatArray:
    """Return the Fourier shell correlation `(N // 2 + 1,)` of two volumes `(N, N, N)` in a soft sphere.

    Shells are 0 to N // 2, corners left out; 0 where a shell of either volume is empty.
    """
    box = first.shape[0]
    mask = sphere(box)
    a, b = rfftn(first * mask), rfftn(second * mask)
    whole = np.fft.fftfreq(box, 1 / box)
    kx = np.arange(box // 2 + 1)
    radius = np.sqrt(whole[:, None, None] ** 2 + whole[None, :, None] ** 2 + kx**2)
    shell = np.minimum(np.floor(radius + 0.5).astype(np.int64), box // 2 + 1).ravel()
    # the other half of the space is the conjugate of this one; the planes at its rim are their own
    weight = np.broadcast_to(np.where((kx == 0) | (2 * kx == box), 1.0, 2.0), a.shape).ravel()

    def summed(values: npt.NDArray[np.float32]) -> FloatArray:
        sums = np.bincount(shell, weight * values.ravel(), box // 2 + 2)[: box // 2 + 1]
        return np.asarray(sums, np.float64)

    size = np.sqrt(summed(np.abs(a) ** 2)) * np.sqrt(summed(np.abs(b) ** 2))
    cross = summed((a * b.conj()).real)
    return np.divide(cross, size, out=np.zeros_like(cross), where=size > 0)


def sphere(box: int) -> npt.NDArray[np.float32]:
    """Sphere of 0.4 of the box with a soft edge of 0.08 of it."""
    axis = np.arange(box) - box // 2
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2) / box
    return (0.5 + 0.5 * np.cos(np.pi * np.clip((radius - 0.4) / 0.08, 0, 1))).astype(np.float32)


def resolution(curve: FloatArray, voxel_size_a: float) -> float:
    """Return the resolution in Å where a curve first falls below 0.143, interpolated between shells.

    Parameters
    ----------
    curve
        `(N // 2 + 1,)` correlation of shells 0 to N // 2, N even.
    voxel_size_a
        Å per voxel; 0 when it is unknown, which counts voxels instead.
    """
    voxel = voxel_size_a or 1.0
    below = np.flatnonzero(curve[1:] < _THRESHOLD)
    if not len(below):
        return 2 * voxel
    shell = int(below[0]) + 1
    if shell == 1:
        return math.inf
    above, under = float(curve[shell - 1]), float(curve[shell])
    return 2 * (len(curve) - 1) * voxel / (shell - 1 + (above - _THRESHOLD) / (above - under))
