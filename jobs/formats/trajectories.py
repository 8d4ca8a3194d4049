"""Motion of tilt-series particles over the exposure: RELION's trajectory files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.optics import check_finite
from jobs.formats.star import read_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable
from jobs.formats.tilt_files import SetFiles

_ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")


@dataclass(frozen=True, eq=False)
class Drift:
    """Displacement of each image's particle from its coordinate in the tomogram.

    Attributes
    ----------
    shift
        `(n, 3)` Å, x, y, z in the tomogram.
    applied
        `(n, 3)` the part that the images still show: all of it, or zero where the stacks were cut out along
        the trajectories.
    """

    shift: FloatArray
    applied: FloatArray


def read_trajectories(
    files: SetFiles, table: StarTable, n_tilts: IntArray, row: IntArray, frame: IntArray, warnings: list[str]
) -> Drift | None:
    """Read the trajectories of a set for its images; None when it has none.

    RELION cuts stacks out along the trajectories it knows at that time. Where the numbers of the jobs tell
    that the stacks are the younger ones, the images are centred already; otherwise they are shifted.

    Parameters
    ----------
    files
        Files of the set.
    table
        Particle table, whose names are the blocks of the trajectory file.
    n_tilts
        `(p,)` tilts of each particle's tomogram.
    row, frame
        `(n,)` particle and tilt of each image.
    warnings
        Gets a sentence that says what was done.

    Raises
    ------
    FormatError
        When a trajectory has another length than the tilt series.
    """
    if files.trajectories is None:
        return None
    blocks = read_star_tables(files.trajectories)
    names = table.text("rlnTomoParticleName")
    shift = np.zeros((len(row), 3))
    still = 0
    first = np.searchsorted(row, np.arange(table.n_rows + 1))
    for p, name in enumerate(names):
        block = blocks.get(str(name))
        if block is None:
            still += 1
            continue
        if block.n_rows != n_tilts[p]:
            raise FormatError(
                f"the trajectory of {name} has {block.n_rows} rows, but its tomogram has {n_tilts[p]} tilts",
                path=files.trajectories,
                column=_ORIGINS[0],
            )
        for column in _ORIGINS:
            check_finite(block.floats(column), block, column)
        images = slice(int(first[p]), int(first[p + 1]))
        shift[images] = np.stack([block.floats(c) for c in _ORIGINS], axis=1)[frame[images]]
    if still:
        warnings.append(
            f"{still:,} of {table.n_rows:,} particles have no trajectory: they are taken as still."
        )
    centred = _job(str(table.text("rlnImageName")[0])) > _job(str(files.trajectories)) >= 0
    warnings.append(
        "The stacks were cut out along the trajectories: images are not shifted for motion again."
        if centred
        else f"Images are shifted by the trajectories of {files.trajectories.name}."
    )
    return Drift(shift, np.zeros_like(shift) if centred else shift)


def _job(path: str) -> int:
    """Return the number of the last job folder in a path, -1 without one."""
    found = re.findall(r"(?:^|/)job(\d{3,})(?:/|$)", Path(path).as_posix())
    return int(found[-1]) if found else -1
