"""The sidecar ``particles_map.star``: which particle of the source every tag is, for the way back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.dynamo_processor.contract import BoolArray, FloatArray, IntArray
from jobs.dynamo_processor.gathering import Gathered
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable

_AXES = ("X", "Y", "Z")


@dataclass(frozen=True, eq=False)
class Sidecar:
    """What the sidecar says.

    Attributes
    ----------
    general
        Pairs: kind of source, its particle file, what was added to voxel indices.
    tomograms, particles
        Tables, one row per tomogram and per particle.
    """

    general: StarTable
    tomograms: StarTable
    particles: StarTable

    @property
    def offset(self) -> FloatArray:
        """What was added `(3,)` to voxel indices from 0 to give positions in tables."""
        return np.array([self.general.floats(f"hsOffset{a}")[0] for a in _AXES])

    @property
    def source_type(self) -> str:
        """Kind of source."""
        return str(self.general.text("hsSourceType")[0])

    @property
    def particles_file(self) -> Path | None:
        """The STAR file that the particles were read from, None for other sources."""
        named = str(self.general.text("hsParticlesFile")[0])
        return None if named == "none" else Path(named)


def write_sidecar(
    path: Path,
    gathered: Gathered,
    outside: BoolArray,
    *,
    offset: FloatArray,
    source_type: str,
    particles_file: Path | None,
) -> None:
    """Write the sidecar.

    Parameters
    ----------
    path
        Target.
    gathered
        Tomograms and particles.
    outside
        `(n,)` whose box leaves the tomogram.
    offset
        `(3,)` what was added to voxel indices from 0.
    source_type, particles_file
        Kind of source, and the STAR file its particles come from.
    """
    particles = gathered.particles
    assert particles is not None
    general: dict[str, npt.ArrayLike] = {
        "hsSourceType": source_type,
        "hsParticlesFile": str(particles_file.absolute()) if particles_file is not None else "none",
        **{f"hsOffset{a}": float(offset[k]) for k, a in enumerate(_AXES)},
    }
    entries = gathered.entries
    tomograms = {
        "hsTomogramNumber": np.array([e.number for e in entries]),
        "hsTomogramName": np.array([e.name for e in entries], object),
        "hsVolume": np.array([str(e.volume or "none") for e in entries], object),
        "hsVoxelSize": np.array([e.voxel_size_a for e in entries]),
        "hsBinning": np.array([e.binning for e in entries]),
        "hsFullPixelSize": np.array([e.full_pixel_a for e in entries]),
        **{f"hsSize{a}": np.array([e.size[k] for e in entries]) for k, a in enumerate(_AXES)},
        **{f"hsFullSize{a}": np.array([e.full_size[k] for e in entries]) for k, a in enumerate(_AXES)},
    }
    columns: dict[str, npt.ArrayLike] = {
        "hsTag": gathered.tag,
        "hsTomogramNumber": particles.tomogram,
        "hsSource": particles.source,
        "hsIndex": particles.index,
        "hsObject": particles.object_id,
        "hsClass": particles.class_id,
        "hsSourceHalf": particles.half,
        "hsHalf": gathered.half,
        "hsScore": particles.score,
        "hsOutside": outside.astype(int),
        "hsVolume": particles.volume,
        **{f"hsPosition{a}": particles.position[:, k] for k, a in enumerate(_AXES)},
        **{f"hsShift{a}": particles.shift[:, k] for k, a in enumerate(_AXES)},
        **particles.extra,
    }
    write_star_tables(
        path,
        [
            StarTable.from_columns("general", general, is_loop=False),
            StarTable.from_columns("tomograms", tomograms),
            StarTable.from_columns("particles", columns),
        ],
    )


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar.

    Raises
    ------
    FormatError
        When it is none.
    """
    tables = read_star_tables(path)
    missing = [name for name in ("general", "tomograms", "particles") if name not in tables]
    if missing:
        hint = "Choose the particles_map.star of the job that made the table"
        raise FormatError(f"the file has no block '{missing[0]}'", path=path, hint=hint)
    tables["particles"].require(["hsTag", "hsTomogramNumber", "hsIndex", "hsHalf"])
    return Sidecar(tables["general"], tables["tomograms"], tables["particles"])


def rows_of_tags(sidecar: Sidecar, tags: IntArray, path: Path) -> IntArray:
    """Return the rows `(n,)` of the sidecar that have these tags.

    Raises
    ------
    FormatError
        When a tag of the table ``path`` is not in the sidecar.
    """
    known = sidecar.particles.ints("hsTag")
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known, tags, sorter=order), len(known) - 1)
    rows = order[at]
    strange = np.flatnonzero(known[rows] != tags)
    if len(strange):
        raise FormatError(
            f"the particle with tag {int(tags[strange[0]])} is not known to the set-up of this project",
            path=path,
            row=int(strange[0]) + 1,
            column="tag",
            hint="Choose a table of the project that this job has set up.",
        )
    return np.asarray(rows, np.int64)
