"""Maps on paper: the three slices through the middle, in grey, with the width of what is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.viewing.maps import MapSource
from jobs.core.errors import UserError
from widgets.volume_slices import grey_limits, slice_of, to_grey

#: Pixels along the side of a slice; larger maps are averaged down.
_SIDE = 280
_MOST_VOXELS = 2**31


@dataclass(frozen=True, eq=False)
class MapPicture:
    """Three slices of a map.

    Attributes
    ----------
    title, detail
        Name, and where it lies or what it is.
    slices
        Grey values, across z, y and x.
    box, voxel_size_a
        Voxels along the sides (x, y, z), and Å per voxel, 0 when unknown.
    """

    title: str
    detail: str
    slices: tuple[NDArray[np.uint8], ...]
    box: tuple[int, int, int]
    voxel_size_a: float

    @property
    def width_a(self) -> float:
        """Å from edge to edge of the first slice, 0 when unknown."""
        return self.box[0] * self.voxel_size_a


def of_array(
    volume: NDArray[np.floating], voxel_size_a: float, title: str, detail: str = ""
) -> MapPicture | None:
    """Return the picture of a volume ``[z, y, x]``, None when it has no voxels."""
    if volume.ndim != 3 or 0 in volume.shape:
        return None
    slices = [np.asarray(slice_of(volume, axis, volume.shape[axis] // 2), np.float32) for axis in range(3)]
    return _picture(slices, volume.shape, voxel_size_a, title, detail)


def of_file(path: Path, title: str, detail: str = "") -> MapPicture | None:
    """Return the picture of an MRC file, None when it is missing or cannot be read."""
    try:
        source = MapSource(path)
        if 0 in source.shape or math.prod(source.shape) > _MOST_VOXELS:
            return None
        slices = [source.slice_of(axis, source.shape[axis] // 2) for axis in range(3)]
    except (UserError, OSError, ValueError):
        return None
    return _picture(slices, source.shape, source.voxel_size_a, title, detail)


def _picture(
    slices: list[NDArray[np.float32]], shape: tuple[int, ...], voxel_size_a: float, title: str, detail: str
) -> MapPicture:
    # one scale of greys for all three, so that they can be compared
    limits = grey_limits(np.concatenate([part.ravel() for part in slices]), 1.0)
    # y counts upward in a map, rows of a picture downward
    greys = tuple(np.flipud(to_grey(_small(part), limits)) for part in slices)
    return MapPicture(title, detail, greys, (shape[2], shape[1], shape[0]), voxel_size_a)


def _small(part: NDArray[np.float32]) -> NDArray[np.float32]:
    factor = math.ceil(max(part.shape) / _SIDE)
    if factor == 1:
        return part
    height, width = (max(1, size // factor) for size in part.shape)
    cut = part[: height * factor, : width * factor]
    if cut.shape != (height * factor, width * factor):
        return part[::factor, ::factor]  # thinner than one averaged pixel
    return cut.reshape(height, factor, width, factor).mean(axis=(1, 3), dtype=np.float32)
