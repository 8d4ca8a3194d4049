"""Slabs of tomograms that may be larger than memory: means over a thickness, along any axis."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.core.placing import TomogramVolume

Axis = Literal["z", "y", "x"]
AXES: Final[tuple[Axis, ...]] = ("z", "y", "x")
#: Tomograms with more voxels than this are averaged down once for slabs across x and for surfaces.
MOST_VOXELS: Final = 40_000_000
_BYTES_AT_ONCE: Final = 64_000_000
_SAMPLE: Final = 200_000


@dataclass(frozen=True)
class Slab:
    """Where a slab lies: across which axis, its middle and thickness in Å from voxel 0."""

    axis: Axis = "z"
    position_a: float = 0.0
    thickness_a: float = 0.0


@dataclass(frozen=True, eq=False)
class SlabPicture:
    """The mean over a slab.

    Attributes
    ----------
    slab
        What was asked for.
    image
        ``[v, u]`` float32, along (y, x), (z, x) or (z, y).
    low, high
        ``(3,)`` corners (z, y, x) in Å; the slab's axis has its position in both.
    limits
        Densities that are black and white.
    sections
        Number of voxels averaged across.
    """

    slab: Slab
    image: NDArray[np.float32]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    limits: tuple[float, float]
    sections: int


class Pyramid:
    """A tomogram in full and, made when it is needed first, averaged down.

    Everything may be called from any thread.

    Parameters
    ----------
    volume
        The tomogram.
    most
        Largest number of voxels that are looked through for one slab across x, or a surface.
    """

    def __init__(self, volume: TomogramVolume, most: int = MOST_VOXELS) -> None:
        self.volume = volume
        self._most = most
        self._lock = threading.Lock()
        self._small: tuple[NDArray[np.float32], int] | None = None
        self._limits: tuple[float, float] | None = None

    @property
    def extent_a(self) -> NDArray[np.float64]:
        """Size along z, y, x in Å."""
        return np.array(self.volume.data.shape, float) * self.volume.voxel_size_a

    @property
    def step(self) -> int:
        """Voxels along each side that are averaged in the small copy."""
        step = 1
        while self.volume.data.size > self._most * step**3:
            step += 1
        return step

    def small(self) -> tuple[NDArray[np.float32], int]:
        """Return the small copy ``[z, y, x]`` and its step; read in portions."""
        with self._lock:
            if self._small is None:
                self._small = (_averaged(self.volume.data, self.step), self.step)
            return self._small

    def limits(self) -> tuple[float, float]:
        """Return densities that are to be black and white: percentiles of some of the voxels."""
        if self._limits is None:
            data = self.volume.data
            take = max(1, round((data.size / _SAMPLE) ** (1 / 3)))
            sample = np.asarray(data[take // 2 :: take, take // 2 :: take, take // 2 :: take], np.float32)
            if not sample.size:
                sample = np.asarray(data, np.float32)
            low, high = (float(v) for v in np.percentile(sample, (1, 99.7)))
            self._limits = (low, high if high > low else low + 1.0)
        return self._limits

    def cut(self, slab: Slab) -> SlabPicture:
        """Return the mean over a slab, at least a voxel thick, moved inside the tomogram where it is not."""
        axis = AXES.index(slab.axis)
        data: NDArray[Any] = self.volume.data
        voxel, step = self.volume.voxel_size_a, 1
        # sections lie together in the file, and rows in a section, whatever its size; slabs across x touch
        # all of it
        if axis == 2 and self.step > 1:
            data, step = self.small()
        edge = voxel * step
        count = data.shape[axis]
        first = (step - 1) / 2 * voxel
        middle = (slab.position_a - first) / edge
        thick = int(min(count, max(1, round(slab.thickness_a / edge))))
        start = int(np.clip(round(middle - (thick - 1) / 2), 0, count - thick))
        part = [slice(None)] * 3
        part[axis] = slice(start, start + thick)
        image = np.asarray(data[tuple(part)].mean(axis=axis, dtype=np.float32))
        low = np.full(3, first - edge / 2)
        high = low + np.array(data.shape) * edge
        low[axis] = high[axis] = first + (start + (thick - 1) / 2) * edge
        return SlabPicture(slab, image, low, high, self.limits(), thick)


def _averaged(data: NDArray[Any], step: int) -> NDArray[np.float32]:
    """Means over blocks, a few sections of the file at a time."""
    if step == 1:
        return np.asarray(data, np.float32)
    nz, ny, nx = (n // step for n in data.shape)
    out = np.empty((nz, ny, nx), np.float32)
    at_once = max(1, _BYTES_AT_ONCE // max(1, data.shape[1] * data.shape[2] * 4 * step))
    for start in range(0, nz, at_once):
        stop = min(nz, start + at_once)
        total = out[start:stop]
        total[:] = 0
        # one place of the blocks after another: much faster than a mean over three short axes
        for dz in range(step):
            layer = np.asarray(data[start * step + dz : stop * step : step, : ny * step], np.float32)
            rows = layer[:, ::step].copy()
            for dy in range(1, step):
                rows += layer[:, dy::step]
            for dx in range(step):
                total += rows[:, :, dx : nx * step : step]
        total /= step**3
    return out
