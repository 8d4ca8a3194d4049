"""Look at maps that may be larger than memory: the file stays where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.core.placing import TomogramVolume
from jobs.formats.files import unreadable
from jobs.formats.mrc_header import read_map_header


def view_tomogram(path: str | Path, voxel_size_a: float = 0.0) -> TomogramVolume:
    """Return a tomogram whose numbers are read from the file when they are needed.

    Parameters
    ----------
    path
        The map.
    voxel_size_a
        Å per voxel where the header states none; 0 when that is not known either.

    Raises
    ------
    FormatError
        When the file is no MRC map, is truncated, has axes in another order, or states no voxel size.
    """
    path = Path(path)
    header = read_map_header(path, permissive=True)
    if header.sections_present < header.shape[0]:
        raise FormatError(
            f"the file is truncated: it holds {header.sections_present} of {header.shape[0]} sections",
            path=path,
        )
    if header.axes != (0, 1, 2):
        raise FormatError(
            "columns, rows and sections do not run along x, y and z",
            path=path,
            hint="Write it in the usual order first (e.g. IMOD's clip rotx, or trimvol -yz).",
        )
    size = header.voxel_size_a or voxel_size_a
    if not size:
        raise FormatError(
            "the header states no voxel size, so that particles cannot be placed",
            path=path,
            hint="Set it (IMOD's alterheader -del, or relion_image_handler --force_header_angpix).",
        )
    try:
        data = np.memmap(path, header.dtype, "r", header.data_offset, header.shape)
    except (OSError, ValueError) as error:
        raise unreadable(path, OSError(str(error))) from error
    return TomogramVolume(data, size, path)
