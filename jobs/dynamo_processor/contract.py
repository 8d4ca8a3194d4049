"""What a source of particles hands to the job: tomograms found, and particles in one frame and convention.

A source is a module with two functions, reached through :mod:`jobs.dynamo_processor.sources`:

- ``find(settings) -> list[TomogramEntry]`` looks at every tomogram, reads headers only and never stops at a
  fault: what is wrong is listed in the entry it belongs to.
- ``particles(entry) -> ParticleTable`` reads the particles of one entry.

Positions are voxel indices counted from 0 (x, y, z) of the volume named, where voxel ``N // 2`` is the centre
of a box of N. Orientations are matrices M with ``x_reference = M (x_tomogram - centre)``. Shifts d are those
of the reference: a particle stands at position + d (``x_particle = M^T y + d``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from jobs.core.errors import Problem

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
TextArray = npt.NDArray[np.object_]

SourceType = Literal["imod", "eman2", "relion5", "warp", "peet"]
PointSource = Literal["auto", "slicer", "contours", "nearest"]
Axis = Literal["x", "y", "z"]


@dataclass(frozen=True)
class SourceSettings:
    """Where particles come from; the names are those of the users' parameters.

    Attributes
    ----------
    source_type
        Kind of project.
    real_data_mode
        False for the layout of simulated projects (``root``, ``name``), with ``imod`` or ``eman2``.
    base_dir
        Folder to which relative paths are relative (the project).
    imod_dir, dir_contains, rec_contains, mod_contains, tlt_contains
        IMOD: folder with one folder per tomogram, and which folders and files in them. Text that a name
        contains, or a pattern with ``*`` or ``?``.
    point_source
        What of a model gives particles: slicer angles, contour points without orientation, contour points
        with the orientation of the nearest slicer angle; ``auto`` takes slicer angles where there are any.
    objects
        Numbers of the model's objects (from 1) whose points are taken; empty for all.
    symmetry_axis
        Axis of the Slicer view along which particles were set upright.
    box_size
        Side of the boxes to cut, px; 0 when not known yet.
    eman2_dir, params_json
        EMAN2: project, and ``particle_parms_XX.json`` or ``aliptcls3d_XX.lst`` of a refinement.
    root, name, rotx
        Simulated project, name of its series (last part of root when empty), and whether particles stand
        turned by +90° about x.
    particles_star
        RELION 5: optimisation set or particles; Warp and M: particles.
    tomograms_star
        RELION: ``tomograms.star``; found beside the particles when None.
    volumes_dir, volume_contains
        RELION, Warp, PEET: folder of the reconstructions where the files do not name them, and which of
        several per tomogram.
    coordinates_pixel_a
        Å per pixel of coordinates where the file states none or a wrong one; 0 to believe the file.
    """

    source_type: SourceType = "imod"
    real_data_mode: bool = True
    base_dir: Path = field(default_factory=Path)
    imod_dir: Path | None = None
    dir_contains: str = ""
    rec_contains: str = ""
    mod_contains: str = ""
    tlt_contains: str = ""
    point_source: PointSource = "auto"
    objects: tuple[int, ...] = ()
    symmetry_axis: Axis = "y"
    box_size: int = 0
    eman2_dir: Path | None = None
    params_json: Path | None = None
    root: Path | None = None
    name: str = ""
    rotx: bool = False
    particles_star: Path | None = None
    tomograms_star: Path | None = None
    volumes_dir: Path | None = None
    volume_contains: str = ""
    coordinates_pixel_a: float = 0.0

    def resolved(self, path: Path | None) -> Path | None:
        """Return a path of the settings, seen from ``base_dir``."""
        return None if path is None else self.base_dir / Path(path).expanduser()


@dataclass(frozen=True)
class TomogramEntry:
    """One tomogram (or one stack of sub-volumes) of a source.

    Attributes
    ----------
    number
        From 1, in natural order of the names; unique within a source.
    name
        What people call it.
    settings
        Settings it was found with.
    volume
        MRC or HDF file in which positions are counted; None where none was found.
    size
        (nx, ny, nz) of the volume, or of every sub-volume of a stack; zeros when unknown.
    voxel_size_a
        Å; 0 when unknown.
    tilt_min_deg, tilt_max_deg
        Tilt range about y; NaN when unknown.
    n_particles
        Particles that :func:`particles` will give.
    files
        Other files used, by role: ``model``, ``tilts``, ``particles`` …
    stack
        True when every particle is a volume of its own, a section of ``volume``.
    binning
        Pixels of the source's unbinned frame per voxel.
    full_size, full_pixel_a
        (nx, ny, nz) of the unbinned tomogram and its pixel size in Å; zeros when unknown. For the way back.
    problems
        What is wrong or doubtful.
    """

    number: int
    name: str
    settings: SourceSettings
    volume: Path | None = None
    size: tuple[int, int, int] = (0, 0, 0)
    voxel_size_a: float = 0.0
    tilt_min_deg: float = float("nan")
    tilt_max_deg: float = float("nan")
    n_particles: int = 0
    files: Mapping[str, Path] = field(default_factory=dict)
    stack: bool = False
    binning: float = 1.0
    full_size: tuple[int, int, int] = (0, 0, 0)
    full_pixel_a: float = 0.0
    problems: tuple[Problem, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether its particles can be read: nothing but warnings was found."""
        return all(problem.severity != "error" for problem in self.problems)


@dataclass(frozen=True, eq=False)
class ParticleTable:
    """Particles of one or several tomograms, one row each.

    Attributes
    ----------
    tomogram
        `(n,)` number of the entry.
    volume
        `(n,)` path (text) of the file in which the position is counted.
    section
        `(n,)` section of the stack that is the particle's own volume; -1 where the volume is a tomogram.
    position
        `(n, 3)` x, y, z of the centre, voxel index from 0.
    rotation
        `(n, 3, 3)` M.
    shift
        `(n, 3)` d in px of the volume.
    size
        `(n, 3)` nx, ny, nz of the volume; zeros when unknown.
    voxel_size_a
        `(n,)` Å; 0 when unknown.
    tilt_deg
        `(n, 2)` smallest and largest tilt; NaN when unknown.
    object_id
        `(n,)` object or region of the source, 0 where it has none.
    class_id
        `(n,)` class, 0 where there is none.
    half
        `(n,)` 1 or 2, 0 where the source has no halves.
    score
        `(n,)` higher is better, NaN where there is none.
    index
        `(n,)` number of the particle in the list it was read from, from 0.
    source
        `(n,)` text that names the particle in its source; unique.
    extra
        `(n,)` columns of the source to be kept for the way back, by their names there.
    """

    tomogram: IntArray
    volume: TextArray
    section: IntArray
    position: FloatArray
    rotation: FloatArray
    shift: FloatArray
    size: IntArray
    voxel_size_a: FloatArray
    tilt_deg: FloatArray
    object_id: IntArray
    class_id: IntArray
    half: IntArray
    score: FloatArray
    index: IntArray
    source: TextArray
    extra: Mapping[str, npt.NDArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tomogram)

    def select(self, rows: npt.ArrayLike) -> ParticleTable:
        """Return the rows of a mask or of a list of row numbers."""
        rows = np.asarray(rows)
        columns = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "extra"}
        return replace(self, **columns, extra={name: v[rows] for name, v in self.extra.items()})

    def outside(self, box_size: int) -> BoolArray:
        """Return `(n,)` where a box of this side, centred on the nearest voxel, leaves the volume.

        The box of a particle at voxel p holds the voxels ``p - N // 2`` to ``p - N // 2 + N - 1``. Volumes of
        unknown size are taken to be large enough.
        """
        first = np.floor(self.position + 0.5).astype(np.int64) - box_size // 2
        known = self.size > 0
        leaves = (first < 0) | (first + box_size > self.size)
        return np.asarray((leaves & known).any(axis=1))


def table_of(entry: TomogramEntry, position: npt.ArrayLike, rotation: npt.ArrayLike, source: Sequence[str],
             **columns: Any) -> ParticleTable:  # fmt: skip
    """Make the table of one entry; what is not given is unknown or none.

    Parameters
    ----------
    entry
        Tomogram or stack of the particles.
    position, rotation, source
        As in the table.
    **columns
        Other columns of the table by name, ``extra`` included.
    """
    n = len(source)
    given: dict[str, Any] = {
        "tomogram": np.full(n, entry.number),
        "volume": np.full(n, str(entry.volume or ""), object),
        "section": np.full(n, -1),
        "shift": np.zeros((n, 3)),
        "size": np.tile(np.asarray(entry.size), (n, 1)),
        "voxel_size_a": np.full(n, entry.voxel_size_a),
        "tilt_deg": np.tile([entry.tilt_min_deg, entry.tilt_max_deg], (n, 1)),
        "object_id": np.zeros(n),
        "class_id": np.zeros(n),
        "half": np.zeros(n),
        "score": np.full(n, np.nan),
        "index": np.arange(n),
        **columns,
    }
    extra = given.pop("extra", {})
    kinds: dict[str, npt.DTypeLike] = {"volume": object, "source": object}
    for name in ("tomogram", "section", "size", "object_id", "class_id", "half", "index"):
        kinds[name] = np.int64
    shapes: dict[str, tuple[int, ...]] = {
        "position": (n, 3),
        "rotation": (n, 3, 3),
        "shift": (n, 3),
        "size": (n, 3),
        "tilt_deg": (n, 2),
    }
    given |= {"position": position, "rotation": rotation, "source": np.array(source, object)}
    made = {
        name: np.asarray(values).astype(kinds.get(name, np.float64)).reshape(shapes.get(name, (n,)))
        for name, values in given.items()
    }
    return ParticleTable(**made, extra={name: np.asarray(v) for name, v in extra.items()})


def concatenate(tables: Sequence[ParticleTable]) -> ParticleTable:
    """Put tables (at least one) below each other; extra columns that one lacks are empty text there."""
    if not tables:
        raise ValueError("there are no tables")
    names = dict.fromkeys(name for table in tables for name in table.extra)
    own = [f.name for f in fields(ParticleTable) if f.name != "extra"]
    columns = {name: np.concatenate([getattr(t, name) for t in tables]) for name in own}
    extra = {n: np.concatenate([t.extra.get(n, np.full(len(t), "", object)) for t in tables]) for n in names}
    return ParticleTable(**columns, extra=extra)
