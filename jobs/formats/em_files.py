"""Read and write volumes in the EM format, which Dynamo takes for particles, averages and masks.

A header of 512 bytes (machine, type of the numbers, three sizes), then the numbers with x fastest. The
format keeps no pixel size that programs agree on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole, replacing, unreadable

HEADER_BYTES = 512
_TYPES = {1: "i1", 2: "i2", 4: "i4", 5: "f4", 9: "f8"}
_LITTLE_MACHINES = (1, 6)  # VAX and PC; the others stored big-endian
_MACHINES = 7
_PC, _FLOAT = 6, 5


@dataclass(frozen=True)
class EmHeader:
    """What the header says: sections, rows, columns (z, y, x), and the type of the numbers."""

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype[np.generic]


def read_em_header(path: str | Path) -> EmHeader:
    """Read and check the header of an EM file; costs half a kilobyte.

    Raises
    ------
    FormatError
        When the file is missing, no EM file, of complex numbers, or shorter than its header says.
    """
    path = Path(path)
    raw = read_whole(path, HEADER_BYTES)
    if len(raw) < HEADER_BYTES:
        text = f"an EM header has {HEADER_BYTES} bytes, but the whole file has {len(raw)}"
        raise FormatError(text, path=path)
    machine, kind = raw[0], raw[3]
    order = "<" if machine in _LITTLE_MACHINES else ">"
    nx, ny, nz = (int(n) for n in np.frombuffer(raw[4:16], f"{order}i4"))
    nz = max(nz, 1) if nz == 0 else nz  # images are written with no depth
    if machine >= _MACHINES or kind not in (*_TYPES, 8) or min(nx, ny, nz) < 1:
        text = f"this is no EM file: machine {machine}, type {kind}, {nx} × {ny} × {nz} voxels"
        raise FormatError(text, path=path)
    if kind not in _TYPES:
        raise FormatError("the file holds complex numbers, but a volume is expected", path=path)
    header = EmHeader(path, (nz, ny, nx), np.dtype(order + _TYPES[kind]))
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    expected = HEADER_BYTES + nx * ny * nz * header.dtype.itemsize
    if size < expected:
        raise FormatError(
            f"the file is truncated: {expected:,} bytes are expected, {size:,} are there", path=path
        )
    return header


def read_em(path: str | Path) -> npt.NDArray[np.float32]:
    """Read a volume `[z, y, x]` as float32.

    Raises
    ------
    FormatError
        As :func:`read_em_header`.
    """
    header = read_em_header(path)
    try:
        raw = np.fromfile(path, header.dtype, int(np.prod(header.shape)), offset=HEADER_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    return raw.reshape(header.shape).astype(np.float32)


def write_em(path: str | Path, volume: npt.ArrayLike) -> None:
    """Write a volume `[z, y, x]` as little-endian float32.

    Raises
    ------
    UserError
        When the file cannot be written; an old one is then unchanged.
    ValueError
        When the array has not three axes.
    """
    data = np.asarray(volume, "<f4")
    if data.ndim != 3:
        raise ValueError(f"a volume has three axes, not {data.ndim}")
    header = bytearray(HEADER_BYTES)
    header[0], header[3] = _PC, _FLOAT
    header[4:16] = np.array(data.shape[::-1], "<i4").tobytes()
    with replacing(path) as file:
        file.write(bytes(header) + np.ascontiguousarray(data).tobytes())
