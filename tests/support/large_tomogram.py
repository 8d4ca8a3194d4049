"""A tomogram of real size in a sparse file, and a STAR file with particles in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

#: z, y, x in voxels.
SHAPE = (512, 1024, 1024)
VOXEL_A = 10.0


def write_large_tomogram(
    project: Path, count: int, shape: tuple[int, int, int] = SHAPE, dtype: type = np.int8
) -> Path:
    """Write ``tomograms/rec_TS_1.mrc`` (sparse) and ``particles.star``; return the STAR file.

    Parameters
    ----------
    project
        Folder of the project.
    count
        Particles, at places and with orientations drawn at random (seed 0).
    shape, dtype
        Of the tomogram; a few sections hold noise, the others nothing.
    """
    rng = np.random.default_rng(0)
    path = project / "tomograms" / "rec_TS_1.mrc"
    path.parent.mkdir(parents=True)
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((1, *shape[1:]), dtype))
        file.voxel_size = VOXEL_A
        file.header.nz = file.header.mz = shape[0]
        file.header.cella.z = shape[0] * VOXEL_A
        start = 1024 + int(file.header.nsymbt)
    section = shape[1] * shape[2] * np.dtype(dtype).itemsize
    with path.open("r+b") as raw:
        raw.truncate(start + shape[0] * section)
        for z in range(0, shape[0], 16):
            raw.seek(start + z * section)
            raw.write(rng.integers(-100, 100, shape[1:]).astype(dtype).tobytes())
    places = rng.uniform(20, np.array(shape[::-1]) - 20, (count, 3))
    columns: dict[str, Any] = {
        "rlnTomoName": ["TS_1"] * count,
        "rlnTomoParticleName": [f"TS_1/{k + 1}" for k in range(count)],
        "rlnTomoTiltSeriesPixelSize": np.full(count, VOXEL_A),
        **{f"rlnCoordinate{axis}": places[:, k] for k, axis in enumerate("XYZ")},
        **{
            f"rlnAngle{name}": rng.uniform(low, 180, count)
            for name, low in (("Rot", -180), ("Tilt", 0), ("Psi", -180))
        },
    }
    star = project / "particles.star"
    # without the names of images the file is one of particles, not of an optimisation set
    write_star_tables(star, [StarTable.from_columns("particles", columns)])
    return star
