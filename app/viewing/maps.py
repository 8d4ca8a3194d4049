"""Maps as the map viewer shows them: mapped into memory, cut slice by slice, shrunk for three dimensions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError
from jobs.formats.mrc_header import MapHeader, read_map_header

#: Maps up to this size are read as a whole; larger ones stay on the disk.
IN_MEMORY_BYTES = 160 << 20
#: Voxels along the longest side that suffice for a surface.
SURFACE_SIDE = 224
_SAMPLED_SECTIONS = 24
_HALF = re.compile(r"(half[_-]?)([12])(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Statistics:
    """Lowest, highest and mean value of a map, and their standard deviation."""

    low: float
    high: float
    mean: float
    deviation: float


class MapSource:
    """A volume of an MRC file, as ``[z, y, x]`` whatever the order of the file.

    Raises
    ------
    FormatError
        When the file is no MRC file, or cut off.
    """

    def __init__(self, path: Path) -> None:
        header = read_map_header(path, permissive=True)
        if header.sections_present < header.shape[0]:
            raise FormatError(
                f"the file is cut off: it has {header.sections_present} of {header.shape[0]} sections",
                path=path,
            )
        self.path = path
        self.name = path.name
        self.header = header
        self.voxel_size_a = header.voxel_size_a
        self._data = _open(path, header)
        self.shape: tuple[int, int, int] = (
            self._data.shape[0],
            self._data.shape[1],
            self._data.shape[2],
        )

    def slice_of(self, axis: int, place: int) -> NDArray[np.float32]:
        """Return one slice; 0 cuts across z, 1 across y, 2 across x."""
        index: list[Any] = [slice(None)] * 3
        index[axis] = place
        return np.ascontiguousarray(self._data[tuple(index)], np.float32)

    def sample(self) -> NDArray[np.float32]:
        """Return values of some sections, enough to choose grey values."""
        depth = self.shape[0]
        places = np.unique(np.linspace(0, depth - 1, min(depth, _SAMPLED_SECTIONS)).astype(int))
        step = max(1, max(self.shape) // 128)
        return np.concatenate([np.asarray(self._data[k, ::step, ::step], np.float32).ravel() for k in places])

    def statistics(self) -> Statistics:
        """Return what the values are; reads the whole map, a section at a time."""
        low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
        for section in self._data:
            values = np.asarray(section, np.float64)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            total += float(values.sum())
            squares += float(np.vdot(values, values))
        count = math.prod(self.shape)
        mean = total / count
        return Statistics(low, high, mean, math.sqrt(max(0.0, squares / count - mean * mean)))

    def small(self) -> tuple[NDArray[np.float32], float]:
        """Return the map with at most `SURFACE_SIDE` voxels along a side, and Å (or voxels) per voxel."""
        factor = math.ceil(max(self.shape) / SURFACE_SIDE)
        voxel = self.voxel_size_a or 1.0
        if factor == 1:
            return self.volume(), voxel
        sizes = [size // factor for size in self.shape]
        out = np.empty(sizes, np.float32)
        for k in range(sizes[0]):
            part = self._data[k * factor : (k + 1) * factor, : sizes[1] * factor, : sizes[2] * factor]
            plane = np.asarray(part, np.float32).mean(axis=0)
            out[k] = plane.reshape(sizes[1], factor, sizes[2], factor).mean(axis=(1, 3))
        return out, voxel * factor

    def volume(self) -> NDArray[np.float32]:
        """Return the whole map."""
        return np.ascontiguousarray(self._data, np.float32)

    def facts(self) -> list[tuple[str, str]]:
        """Return what the header says, each with its name."""
        depth, height, width = self.shape
        header = self.header
        kinds = {0: "8-bit integers", 1: "16-bit integers", 2: "32-bit floats", 6: "16-bit unsigned"}
        box = f"{width}³" if width == height == depth else f"{width} × {height} × {depth}"
        found = [("Box", f"{box} voxels")]
        if self.voxel_size_a:
            found.append(("Pixel size", f"{self.voxel_size_a:.4g} Å"))
            found.append(("Width", f"{width * self.voxel_size_a:.4g} Å"))
        else:
            found.append(("Pixel size", "not in the header"))
        if any(header.origin_a):
            found.append(("Origin", ", ".join(f"{v:.4g}" for v in header.origin_a) + " Å"))
        found.append(("Stored as", kinds.get(header.mode, "16-bit floats")))
        found.append(("File", _size_words(header.file_bytes)))
        return found


def _open(path: Path, header: MapHeader) -> NDArray[Any]:
    try:
        if header.data_bytes <= IN_MEMORY_BYTES:
            count = math.prod(header.shape)
            raw = np.fromfile(path, header.dtype, count, offset=header.data_offset).reshape(header.shape)
        else:
            raw = np.memmap(path, header.dtype, "r", header.data_offset, header.shape)
    except (OSError, ValueError) as error:
        raise FormatError(f"the map cannot be read ({error})", path=path) from error
    if header.axes == (0, 1, 2):
        return raw
    stored = {header.axes[2]: 0, header.axes[1]: 1, header.axes[0]: 2}
    return raw.transpose(stored[2], stored[1], stored[0])


def _size_words(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


def other_half(path: Path) -> Path | None:
    """Return the map of the other half-set, if it lies beside this one."""
    found = list(_HALF.finditer(path.name))
    if not found:
        return None
    match = found[-1]
    digit = "2" if match[2] == "1" else "1"
    other = path.with_name(path.name[: match.start(2)] + digit + path.name[match.end(2) :])
    return other if other.is_file() else None


def is_first_half(path: Path) -> bool:
    """Tell whether a name says that this is the map of half-set 1."""
    found = list(_HALF.finditer(path.name))
    return bool(found) and found[-1][2] == "1"


def masks_for(path: Path) -> list[Path]:
    """Return maps in the same folder that are called masks."""
    try:
        return sorted(p for p in path.parent.glob("*mask*.mrc") if p != path)[:20]
    except OSError:
        return []


def correlate(
    first: MapSource, second: MapSource, mask: MapSource | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies (1/Å, or 1/voxel without a pixel size) and the correlation of two maps there.

    Raises
    ------
    FormatError
        When boxes differ, or are no cubes.
    """
    import torch

    from jobs.maths.fsc import fsc

    for source in (first, second, *((mask,) if mask is not None else ())):
        if len(set(source.shape)) > 1 or source.shape != first.shape:
            sizes = " × ".join(map(str, source.shape[::-1]))
            raise FormatError(
                f"the map is {sizes} voxels, but a cube of {first.shape[0]} is expected", path=source.path
            )
    volumes = [torch.from_numpy(source.volume().copy()) for source in (first, second)]
    weight = None if mask is None else torch.from_numpy(mask.volume().copy())
    curve = fsc(volumes[0], volumes[1], weight).double().numpy()
    box = first.shape[0]
    return np.arange(len(curve)) / (box * (first.voxel_size_a or 1.0)), curve
