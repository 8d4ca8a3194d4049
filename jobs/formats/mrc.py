"""Read and write MRC maps and image stacks: strict by default, permissive on request, never half-written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.files import replacing, unreadable
from jobs.formats.mrc_header import (
    HEADER_BYTES,
    HEADER_DTYPE,
    MODES,
    MapHeader,
    find_violations,
    read_map_header,
)

__all__ = [
    "MapFile",
    "MapHeader",
    "check_map",
    "find_violations",
    "read_map",
    "read_map_header",
    "write_map",
    "write_stack",
]

# Rounding in headers and STAR files stays below this; neighbouring calibrations (1.24 and 1.25 Å) do not.
PIXEL_TOLERANCE = 2e-3

_LIMITS = {
    "int8": (-128.0, 127.0),
    "int16": (-32768.0, 32767.0),
    "uint16": (0.0, 65535.0),
    "float16": (-65504.0, 65504.0),
    "float32": (float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)),
}


@dataclass(frozen=True)
class MapFile:
    """A volume with its place in space.

    Attributes
    ----------
    data
        `[z, y, x]` float32.
    voxel_size_a
        Edge of a voxel in Å; 0 when the header does not say.
    origin_a
        Position (x, y, z) of voxel (0, 0, 0) in Å, as ChimeraX shows it.
    header
        What else the file says.
    """

    data: npt.NDArray[np.float32]
    voxel_size_a: float
    origin_a: tuple[float, float, float]
    header: MapHeader


def read_map(path: str | Path, *, permissive: bool = False) -> MapFile:
    """Read a volume into memory as float32 `[z, y, x]`, whatever the axis order of the file.

    Parameters
    ----------
    path
        MRC file of mode 0, 1, 2, 6 or 12.
    permissive
        Accept deviations that leave the data readable; they are listed in ``header.notes``.

    Raises
    ------
    FormatError
        As :func:`read_map_header`; always when data are missing; when the map holds values that are not
        finite numbers.
    """
    header = read_map_header(path, permissive=permissive)
    if header.sections_present < header.shape[0]:
        raise FormatError(
            f"the file is truncated: {header.data_offset + header.data_bytes:,} bytes are expected, "
            f"{header.file_bytes:,} are there",
            path=path,
        )
    try:
        count = int(np.prod(header.shape))
        raw = np.fromfile(path, header.dtype, count, offset=header.data_offset)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(raw) < count:
        raise FormatError(f"the file ends after {len(raw):,} of {count:,} voxels", path=path)
    data = raw.reshape(header.shape).astype(np.float32)
    if header.axes != (0, 1, 2):
        # axes[i] says along which of x, y, z the columns (0), rows (1) and sections (2) run
        stored = {header.axes[2]: 0, header.axes[1]: 1, header.axes[0]: 2}
        data = np.ascontiguousarray(data.transpose(stored[2], stored[1], stored[0]))
    bad = data.size - int(np.count_nonzero(np.isfinite(data)))
    if bad:
        raise FormatError(f"{bad} of {data.size} voxels are not numbers (NaN or infinite)", path=path)
    return MapFile(data, header.voxel_size_a, header.origin_a, header)


def check_map(
    header: MapHeader, *, box: int | None = None, pixel_size_a: float | None = None, what: str = "the map"
) -> None:
    """Check that a map is a cube and fits the particles.

    Parameters
    ----------
    header
        Header of the map.
    box
        Box of the particles in pixels; None to accept any.
    pixel_size_a
        Pixel size of the particles in Å; None, or a map that states none, is accepted.
    what
        The map in words, for the message.

    Raises
    ------
    FormatError
        One sentence with the value found and the value expected.
    """
    nz, ny, nx = header.shape
    if not nx == ny == nz:
        raise FormatError(f"{what} is {nx} × {ny} × {nz} voxels, but a cube is expected", path=header.path)
    if box is not None and nx != box:
        raise FormatError(
            f"{what} has a box of {nx} voxels, but the particles have {box} pixels",
            path=header.path,
            hint="Resize the map (relion_image_handler --new_box) or choose the map of these particles.",
        )
    found = header.voxel_size_a
    if pixel_size_a and found and abs(found - pixel_size_a) > PIXEL_TOLERANCE * pixel_size_a:
        raise FormatError(
            f"{what} has voxels of {found:.5g} Å, but the particles have pixels of {pixel_size_a:.5g} Å",
            path=header.path,
            hint="Correct the header (relion_image_handler --force_header_angpix) or choose another map.",
        )


def write_map(
    path: str | Path,
    data: npt.ArrayLike,
    voxel_size_a: float,
    origin_a: tuple[float, float, float] | None = None,
    *,
    dtype: npt.DTypeLike = np.float32,
) -> None:
    """Write a volume; an existing file stays until the new one is complete.

    Parameters
    ----------
    path
        Target.
    data
        `[z, y, x]`.
    voxel_size_a
        Edge of a voxel in Å.
    origin_a
        Position (x, y, z) of voxel (0, 0, 0) in Å; zeros without it.
    dtype
        float32, float16, int8, int16 or uint16.

    Raises
    ------
    UserError
        When the file cannot be written, or a value does not fit into ``dtype``.
    ValueError
        When the array is not three-dimensional or the type has no MRC mode.
    """
    volume = np.asarray(data)
    if volume.ndim != 3:
        raise ValueError(f"a volume has three axes, not the shape {volume.shape}")
    _write(Path(path), [volume], voxel_size_a, origin_a or (0.0, 0.0, 0.0), np.dtype(dtype), is_stack=False)


def write_stack(
    path: str | Path,
    images: npt.NDArray[np.generic] | Iterable[npt.NDArray[np.generic]],
    pixel_size_a: float,
    *,
    dtype: npt.DTypeLike = np.float32,
) -> None:
    """Write an image stack, all at once or in portions; an existing file stays until the new one is complete.

    Parameters
    ----------
    path
        Target, usually ``….mrcs``.
    images
        `(n, y, x)` array, or portions of it in order: a million images never lie in memory together.
    pixel_size_a, dtype
        As :func:`write_map`.

    Raises
    ------
    UserError
        When the file cannot be written, or a value does not fit into ``dtype``.
    ValueError
        When there are no images, or portions differ in size.
    """
    portions = [images] if isinstance(images, np.ndarray) else images
    _write(Path(path), portions, pixel_size_a, (0.0, 0.0, 0.0), np.dtype(dtype), is_stack=True)


def _write(
    path: Path,
    portions: Iterable[npt.NDArray[np.generic]],
    voxel_size_a: float,
    origin_a: tuple[float, float, float],
    dtype: np.dtype[np.generic],
    *,
    is_stack: bool,
) -> None:
    modes = {d: mode for mode, d in MODES.items()}
    if dtype.newbyteorder("<") not in modes:
        raise ValueError(f"{dtype} has no MRC mode")
    stats = _Statistics()
    size: tuple[int, int] | None = None
    sections = 0
    with replacing(path) as file:
        file.write(bytes(HEADER_BYTES))
        for portion in portions:
            if portion.ndim != 3 or (size is not None and portion.shape[1:] != size):
                raise ValueError(f"expected portions of shape (n, {size}), got {portion.shape}")
            size = (portion.shape[1], portion.shape[2])
            sections += len(portion)
            stored = _fitting(portion, dtype.newbyteorder("<"), path)
            stats.add(stored)
            _put(file, stored)
        if size is None or not sections:
            raise ValueError("nothing to write: no sections")
        record = np.zeros((), HEADER_DTYPE)
        record["nx"], record["ny"], record["nz"] = size[1], size[0], sections
        record["mode"] = modes[dtype.newbyteorder("<")]
        record["m"] = (size[1], size[0], sections)
        record["cella"] = np.array([size[1], size[0], sections]) * voxel_size_a
        record["cellb"] = 90.0
        record["map_axes"] = (1, 2, 3)
        record["ispg"] = 0 if is_stack else 1
        record["nversion"] = 20141
        record["origin"] = origin_a
        record["map"], record["machst"] = b"MAP ", b"\x44\x44\0\0"
        record["dmin"], record["dmax"] = stats.low, stats.high
        record["dmean"], record["rms"] = stats.mean, stats.rms
        record["nlabl"] = 1
        record["label"][0] = b"Heteroscope"
        file.seek(0)
        file.write(record.tobytes())


def _put(file: BinaryIO, array: npt.NDArray[np.generic]) -> None:
    file.write(np.ascontiguousarray(array).view(np.uint8).data)


def _fitting(
    portion: npt.NDArray[np.generic], dtype: np.dtype[np.generic], path: Path
) -> npt.NDArray[np.generic]:
    """Convert to the stored type; a value that does not fit is an error, not an infinity or a wrap-around."""
    if not np.isfinite(portion).all():
        raise UserError("some of the values to be written are not numbers (NaN or infinite)", path=path)
    if portion.dtype == dtype:
        return portion
    values = np.rint(portion) if dtype.kind in "iu" else portion
    lowest, highest = _LIMITS[dtype.name]
    smallest, largest = float(np.min(values)), float(np.max(values))
    if smallest < lowest or largest > highest:
        raise UserError(
            f"values from {smallest:g} to {largest:g} do not fit into {dtype.name}",
            path=path,
            hint="Write float32 instead.",
        )
    return values.astype(dtype)


class _Statistics:
    """Minimum, maximum, mean and deviation of numbers that come in portions."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self._n, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, values: npt.NDArray[np.generic]) -> None:
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        self._n += values.size
        for section in values:
            wide = np.asarray(section, np.float64)
            self._sum += float(wide.sum())
            self._squares += float(np.vdot(wide, wide))

    @property
    def mean(self) -> float:
        """Mean of all values."""
        return self._sum / max(self._n, 1)

    @property
    def rms(self) -> float:
        """Standard deviation of all values."""
        return float(np.sqrt(max(0.0, self._squares / max(self._n, 1) - self.mean**2)))
