"""Maps, masks and half-maps: checked, and linked or copied, with another pixel size when asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError
from jobs.formats.mrc import MapFile, find_violations, read_map, write_map
from jobs.import_files import words
from jobs.import_files.kinds import half_of, without_half
from jobs.import_files.places import JobPlaces

_ENDS_OF_MASK = (-1e-3, 1 + 1e-3)
_SHOWN_BOX = 128


@dataclass(frozen=True)
class ImportedMap:
    """A map that is now in the project.

    Attributes
    ----------
    name
        Path inside the job.
    box
        Voxels along an edge.
    voxel_size_a
        Å per voxel, 0 when nobody says.
    picture
        The map, binned to at most 128 voxels.
    picture_voxel_a
        Å per voxel of the picture.
    notes
        What the user should know.
    """

    name: str
    box: int
    voxel_size_a: float
    picture: NDArray[np.float32]
    picture_voxel_a: float
    notes: tuple[str, ...]


def import_map(path: Path, node_type: str, pixel_size_a: float | None, places: JobPlaces) -> ImportedMap:
    """Bring one map into the project.

    Raises
    ------
    FormatError
        When it is damaged, no cube, or no mask although it is said to be one.
    """
    found = read_map(path, permissive=True)
    nz, ny, nx = found.data.shape
    if not nx == ny == nz:
        raise FormatError(f"the map is {nx} × {ny} × {nz} voxels, but a cube is expected", path=path)
    if node_type == words.MASK:
        _check_mask(found, path)
    notes = list(found.header.notes)
    if nx % 2:
        notes.append(
            f"The box of {nx} voxels is odd: RELION needs an even one (relion_image_handler --new_box)."
        )
    name = places.name_for(path, _stem(path, node_type), ".mrc")
    size = found.voxel_size_a if pixel_size_a is None else pixel_size_a
    if not size:
        notes.append("The header has no pixel size: give it on the tab Details.")
    if pixel_size_a is not None and abs(pixel_size_a - found.voxel_size_a) > 1e-6:
        # the original is never changed
        write_map(places.folder / name, found.data, pixel_size_a, _scaled_origin(found, pixel_size_a))
        stated = f"{found.voxel_size_a:.5g} Å" if found.voxel_size_a else "no pixel size"
        notes.append(f"Copied, with {pixel_size_a:g} Å in its header (which stated {stated}).")
    elif find_violations(path):
        write_map(places.folder / name, found.data, size, found.origin_a)
        notes.append("Written anew, because the file deviates from the MRC format.")
    else:
        places.put(path, name)
    picture, factor = _binned(found.data)
    return ImportedMap(name, nx, size, picture, (size or 1.0) * factor, tuple(notes))


def _stem(path: Path, node_type: str) -> str:
    """Return the name of the result; RELION finds the other half by exchanging half1 and half2."""
    if node_type != words.HALF_MAP:
        return path.stem
    half = half_of(path)
    if not half or f"half{half}" in path.stem:
        return path.stem
    return "_".join(part for part in (without_half(path.stem), f"half{half}", "unfil") if part)


def _check_mask(found: MapFile, path: Path) -> None:
    low, high = float(found.data.min()), float(found.data.max())
    if low < _ENDS_OF_MASK[0] or high > _ENDS_OF_MASK[1]:
        raise FormatError(
            f"values from {low:.4g} to {high:.4g} were found, but a mask has values between 0 and 1",
            path=path,
            hint="Import it as a map, and make a mask of it (MaskCreate in RELION).",
        )
    if high <= 0:
        raise FormatError("the mask is empty: all its values are 0", path=path)


def _scaled_origin(found: MapFile, pixel_size_a: float) -> tuple[float, float, float]:
    factor = pixel_size_a / found.voxel_size_a if found.voxel_size_a else 1.0
    x, y, z = found.origin_a
    return x * factor, y * factor, z * factor


def _binned(data: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Return a map of at most 128 voxels by averaging, and how many voxels went into one edge."""
    factor = -(-data.shape[0] // _SHOWN_BOX)
    if factor == 1:
        return data, 1
    size = data.shape[0] // factor
    cut = data[: size * factor, : size * factor, : size * factor]
    blocks = cut.reshape(size, factor, size, factor, size, factor)
    return blocks.mean(axis=(1, 3, 5), dtype=np.float32), factor
