"""Maps of clouds of Gaussians, drawn where they are instead of through a Fourier transform.

A Gaussian touches only the voxels within a few standard deviations, and is a product of three functions of
one coordinate each.  Drawing a thousand of them costs a fraction of the transforms that
:func:`jobs.maths.gaussians.render_volume` needs, and samples the density itself: no ringing about narrow
Gaussians, nothing wraps around the box, no value is negative.

A map is drawn in slabs of planes, each by one thread and in the order of the points, so that the result does
not depend on the number of threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.floating]

#: Half the side in standard deviations of the cube in which a Gaussian is drawn.
REACH = 4.0
#: Planes of a slab.
_SLAB = 8
#: Additions to voxels below which a second thread costs more than it brings.
_ALONE = 4_000_000
#: Values handled at once by the processor: rows are this much aligned in length.
_LANES = 8


def draw_gaussians(
    points_a: FloatArray,
    weights: FloatArray,
    widths_a: FloatArray,
    box: int,
    voxel_size_a: float,
    n_threads: int = 1,
) -> npt.NDArray[np.float32]:
    """Draw a cloud as a map.

    The sum over all voxels is the sum of the weights, to float32 precision, for Gaussians that lie inside the
    box; what lies outside is cut off.

    Parameters
    ----------
    points_a
        ``(n, 3)`` points (x, y, z) in Å relative to the centre voxel.
    weights
        ``(c, n)`` weight of every Gaussian in every class of widths.
    widths_a
        ``(c,)`` standard deviations in Å, at least half a voxel.
    box
        Side ``D`` of the map.
    voxel_size_a
        Voxel size in Å.
    n_threads
        Threads that draw.

    Returns
    -------
    numpy.ndarray
        ``(D, D, D)`` float32 map ``[z, y, x]``, centre at ``D // 2``.

    Raises
    ------
    ValueError
        If shapes do not fit together, a point is not finite, or a Gaussian is too narrow to be sampled.
    """
    points = np.asarray(points_a, np.float32)
    weights, widths = np.atleast_2d(np.asarray(weights, np.float32)), np.asarray(widths_a, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or weights.shape != (len(widths), len(points)):
        raise ValueError(
            f"{points.shape} points, {weights.shape} weights and {widths.shape} widths do not fit together"
        )
    if not np.isfinite(points).all():
        raise ValueError("points must be finite")
    if len(widths) and widths.min() < 0.499 * voxel_size_a:
        raise ValueError(
            f"a Gaussian of {widths.min():.3g} Å is too narrow for voxels of {voxel_size_a:.3g} Å"
        )
    voxels = np.ascontiguousarray(points / voxel_size_a + box // 2, np.float32)
    sigmas = (widths / voxel_size_a).astype(np.float32)
    volume = np.zeros((box, box, box), np.float32)
    slabs = [(start, min(start + _SLAB, box)) for start in range(0, box, _SLAB)]

    def draw(slab: tuple[int, int]) -> None:
        _draw(voxels, weights, sigmas, volume, slab[0], slab[1])

    if n_threads < 2 or drawing_work(len(points), widths, voxel_size_a) < _ALONE:
        _draw(voxels, weights, sigmas, volume, 0, box)
        return volume
    with ThreadPoolExecutor(n_threads, thread_name_prefix="draw") as pool:
        for _ in pool.map(draw, slabs):
            pass
    return volume


def drawing_work(n_points: int, widths_a: FloatArray, voxel_size_a: float) -> float:
    """How many additions to voxels drawing a cloud takes."""
    return float(n_points * ((2 * REACH * np.asarray(widths_a) / voxel_size_a + 1) ** 3).sum())


@njit(nogil=True, cache=True, fastmath=True)
def _axis(
    centre: np.float32, sigma: np.float32, first: int, values: npt.NDArray[np.float32], n: int
) -> tuple[int, int]:
    """Fill ``values`` with a Gaussian of sum one at ``first`` to ``first + n``; return where it lies."""
    reach = np.float32(REACH) * sigma
    low, high = int(np.ceil(centre - reach)), int(np.floor(centre + reach)) + 1
    scale = np.float32(-0.5) / (sigma * sigma)
    total = np.float32(0.0)
    for i in range(n):
        values[i] = np.float32(0.0)
    for v in range(low, high):
        offset = np.float32(v) - centre
        value = np.exp(scale * offset * offset)
        total += value
        if first <= v < first + n:
            values[v - first] = value
    factor = np.float32(1.0) / total
    for i in range(n):
        values[i] *= factor
    return max(low, first), min(high, first + n)


@njit(nogil=True, cache=True, fastmath=True)
def _draw(
    voxels: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    sigmas: npt.NDArray[np.float32],
    volume: npt.NDArray[np.float32],
    begin: int,
    end: int,
) -> None:
    """Add all Gaussians to the planes from ``begin`` to ``end``."""
    box = volume.shape[0]
    for c in range(len(sigmas)):
        sigma = sigmas[c]
        reach = np.float32(REACH) * sigma
        most = (int(np.ceil(2 * reach)) // _LANES + 1) * _LANES
        wide = min(most, box)
        along_x, along_y = np.empty(wide, np.float32), np.empty(most, np.float32)
        along_z = np.empty(most, np.float32)
        for p in range(len(voxels)):
            x, y, z = voxels[p, 0], voxels[p, 1], voxels[p, 2]
            weight = weights[c, p]
            if z + reach < begin or z - reach >= end or weight == 0:
                continue
            # All values of a row are added, zeros where the Gaussian is not, because that is quicker than
            # looking where it ends.
            first_x = min(max(int(np.ceil(x - reach)), 0), box - wide)
            first_y, first_z = int(np.ceil(y - reach)), int(np.ceil(z - reach))
            _axis(x, sigma, first_x, along_x, wide)
            _, last_y = _axis(y, sigma, first_y, along_y, most)
            _, last_z = _axis(z, sigma, first_z, along_z, most)
            for k in range(max(first_z, begin), min(last_z, end)):
                plane = volume[k]
                height = weight * along_z[k - first_z]
                for j in range(max(first_y, 0), min(last_y, box)):
                    factor = height * along_y[j - first_y]
                    row = plane[j]
                    for i in range(wide):
                        row[first_x + i] += factor * along_x[i]
