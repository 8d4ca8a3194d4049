"""Particle sets from RELION STAR files (3.0, 3.1, 5): arrays in Å and degrees, with their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.image_names import (
    WHOLE_FILE,
    BadImageNameError,
    ImageNames,
    find_project_root,
    identity,
    images_not_found,
    split_image_names,
)
from jobs.formats.optics import Optics, OpticsReader, check_finite, lacking
from jobs.formats.stack_checks import check_stacks
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_ORIGINS_A = ("rlnOriginXAngst", "rlnOriginYAngst")
_ORIGINS_PX = ("rlnOriginX", "rlnOriginY")
_WITH_OPTICS_VERSION = 30001


@dataclass(frozen=True, eq=False)
class ParticleSet:
    """`n` particle images in `g` optics groups. Never changed; :meth:`select` returns a new set.

    Attributes
    ----------
    path
        STAR file.
    project_dir
        Folder to which image paths are relative.
    image_name
        `(n,)` text as in the file, ``000012@stack.mrcs``.
    stack
        `(n,)` index into ``stacks``.
    stacks
        Paths of the image files.
    section
        `(n,)` section of the stack, from 0.
    optics_group
        `(n,)` group, from 0, in the order of the optics table.
    optics_group_names
        `g` names.
    box
        `(g,)` image size in pixels; 0 when it is not stated and the stacks were not looked at.
    pixel_size_a
        `(n,)` Å.
    voltage_kv, spherical_aberration_mm, amplitude_contrast
        `(n,)`.
    defocus_u_a, defocus_v_a
        `(n,)` Å, positive = underfocus.
    defocus_angle_deg, phase_shift_deg
        `(n,)` degrees.
    ctf_bfactor
        `(n,)` Å²; the CTF is multiplied by exp(−B/4·u²).
    ctf_scalefactor
        `(n,)`.
    beam_tilt_mrad
        `(n, 2)` x, y.
    odd_zernike, even_zernike
        Coefficients of each group, or None.
    mag_matrix
        `(n, 2, 2)` anisotropic magnification; identity when not stated.
    euler_deg
        `(n, 3)` rot, tilt, psi (RELION, ZYZ) in degrees.
    origin_a
        `(n, 2)` x, y in Å: the particle's centre sits at box // 2 − origin / pixel.
    half
        `(n,)` 1 or 2 by ``rlnRandomSubset``, 0 where it is not stated.
    ctf_known
        `(n,)` False where the CTF is to be taken as 1.
    ctf_premultiplied
        `(n,)` True where images are already multiplied by their CTF.
    tables
        All blocks of the file; the particle block holds the rows of this set, untouched.
    table_name
        Name of the particle block in ``tables``.
    warnings
        Sentences for the user about what was assumed or looks odd.
    """

    path: Path
    project_dir: Path
    image_name: TextArray
    stack: IntArray
    stacks: list[Path]
    section: IntArray
    optics_group: IntArray
    optics_group_names: list[str]
    box: IntArray
    pixel_size_a: FloatArray
    voltage_kv: FloatArray
    spherical_aberration_mm: FloatArray
    amplitude_contrast: FloatArray
    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    phase_shift_deg: FloatArray
    ctf_bfactor: FloatArray
    ctf_scalefactor: FloatArray
    beam_tilt_mrad: FloatArray
    odd_zernike: list[FloatArray | None]
    even_zernike: list[FloatArray | None]
    mag_matrix: FloatArray
    euler_deg: FloatArray
    origin_a: FloatArray
    half: IntArray
    ctf_known: npt.NDArray[np.bool_]
    ctf_premultiplied: npt.NDArray[np.bool_]
    tables: dict[str, StarTable] = field(repr=False)
    table_name: str
    warnings: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.image_name)

    def __len__(self) -> int:
        return self.n

    @property
    def table(self) -> StarTable:
        """Particle block with every column of the file."""
        return self.tables[self.table_name]

    def select(self, indices: npt.ArrayLike) -> ParticleSet:
        """Return the particles of these indices (any order) or of this boolean mask.

        Optics rows stay as they are, since RELION wants its groups numbered from 1 without gaps.

        Raises
        ------
        IndexError
            When an index is outside the set.
        """
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        per_particle = {
            name: getattr(self, name)[chosen]
            for name in self.__dataclass_fields__
            if name not in _NOT_PER_PARTICLE
        }
        tables = dict(self.tables)
        tables[self.table_name] = self.table.select(chosen)
        return replace(self, tables=tables, **per_particle)

    def indices_of(self, image_names: Iterable[str]) -> IntArray:
        """Return where particles of these image names stand, in the order asked for.

        Names are compared by stack and section, so ``1@a.mrcs`` finds ``000001@a.mrcs``.

        Raises
        ------
        UserError
            When a name is not in the set, or stands in it twice.
        """
        place: dict[tuple[str, int], int] = {}
        twice = set()
        for i, name in enumerate(self.image_name):
            key = identity(name)
            if key in place:
                twice.add(key)
            place[key] = i
        found, unknown = [], []
        for name in image_names:
            key = identity(name)
            if key in twice:
                raise UserError(f"the image {name} stands in the file more than once", path=self.path)
            if key in place:
                found.append(place[key])
            else:
                unknown.append(name)
        if unknown:
            more = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
            raise UserError(f"the image {unknown[0]}{more} is not in the file", path=self.path)
        return np.array(found, np.int64)

    def write(self, path: str | Path, extra_columns: Mapping[str, npt.ArrayLike] | None = None) -> None:
        """Write all blocks and columns of the original with the particles of this set.

        Parameters
        ----------
        path
            Target; an old file stays until the new one is complete.
        extra_columns
            Further particle columns, `(n,)` each, appended at the end. Names must not begin with ``rln``;
            a column of an earlier run with the same name is replaced.

        Raises
        ------
        UserError
            When a name belongs to RELION, or the file cannot be written.
        ValueError
            When a column's length is not the number of particles.
        """
        tables = dict(self.tables)
        if extra_columns:
            for name in extra_columns:
                if name.lower().startswith("rln") or not name.isidentifier():
                    raise UserError(
                        f"a new column cannot be called {name}",
                        path=path,
                        column=name,
                        hint="Names that begin with rln belong to RELION; use letters, digits and _ only.",
                    )
            tables[self.table_name] = self.table.with_columns(extra_columns)
        if "optics" in tables:
            # Without the version line RELION would take the file for one of the time before optics tables.
            tables = {
                name: t if t.version is not None else t.renamed(name, _WITH_OPTICS_VERSION)
                for name, t in tables.items()
            }
        write_star_tables(path, tables)


_NOT_PER_PARTICLE = frozenset(
    (
        *("path", "project_dir", "stacks", "optics_group_names", "box", "odd_zernike", "even_zernike"),
        *("tables", "table_name", "warnings"),
    )
)


def read_particles(
    star_path: str | Path,
    project_dir: str | Path | None = None,
    *,
    require_images: bool = True,
    require_poses: bool = True,
    permissive: bool = False,
    pixel_size_a: float | None = None,
) -> ParticleSet:
    """Read a particle STAR file of RELION 3.0, 3.1 or 5 and check it against its image stacks.

    Parameters
    ----------
    star_path
        STAR file with a particle table.
    project_dir
        Folder to which image paths are relative; otherwise the folder of the STAR file and those above it
        are tried.
    require_images
        False reads the metadata without looking at a stack.
    require_poses
        False reads missing angles as 0, for sets that were never refined.
    permissive
        Assume an amplitude contrast of 0.1 where the file has none.
    pixel_size_a
        Pixel size in Å for files that do not state one (or state a wrong one).

    Raises
    ------
    FormatError
        One sentence naming file, row and column: missing columns (listed together), no particles, cells that
        are not numbers, NaN poses, an undefined optics group, odd or mixed boxes, tomography particles, a
        missing or truncated stack, an image number beyond its stack.
    """
    path = Path(star_path)
    root = None if project_dir is None else Path(project_dir)
    tables = read_star_tables(path)
    table = _particle_table(tables, path)
    if not table.n_rows:
        raise FormatError("the file holds no particles", path=path)
    reader = OpticsReader(table, tables.get("optics"), path)
    missing = reader.missing(permissive=permissive, pixel_size_a=pixel_size_a)
    missing += [a for a in _ANGLES if require_poses and a not in table]
    if missing:
        raise lacking(missing, table, tables.get("optics"), path)
    reader.check_dimensionality()
    optics = reader.read(pixel_size_a)
    image_name = table.text("rlnImageName")
    names = _split(image_name, table)
    angles = np.stack([_numbers(table, a) for a in _ANGLES], axis=1)
    origin_a = _origins(table, optics)
    half = _halves(table)
    found = None
    if require_images:
        found = find_project_root(path, names.paths[0], root)
        if found is None:
            raise images_not_found(path, names.paths[0], root)
    project = found or root or path.absolute().parent
    stacks = [project / p for p in names.paths]
    section = np.where(names.section == WHOLE_FILE, 0, names.section)
    if found is not None:
        optics.box = check_stacks(table, names, stacks, optics)
    return ParticleSet(
        path=path,
        project_dir=project,
        image_name=image_name,
        stack=names.stack,
        stacks=stacks,
        section=section,
        optics_group=optics.group,
        optics_group_names=optics.group_names,
        box=optics.box,
        pixel_size_a=optics.pixel_size_a,
        voltage_kv=optics.voltage_kv,
        spherical_aberration_mm=optics.spherical_aberration_mm,
        amplitude_contrast=optics.amplitude_contrast,
        defocus_u_a=optics.defocus_u_a,
        defocus_v_a=optics.defocus_v_a,
        defocus_angle_deg=optics.defocus_angle_deg,
        phase_shift_deg=reader.values("rlnPhaseShift", 0.0),
        ctf_bfactor=reader.values("rlnCtfBfactor", 0.0),
        ctf_scalefactor=reader.values("rlnCtfScalefactor", 1.0),
        beam_tilt_mrad=optics.beam_tilt_mrad,
        odd_zernike=optics.odd_zernike,
        even_zernike=optics.even_zernike,
        mag_matrix=optics.mag_matrix,
        euler_deg=angles,
        origin_a=origin_a,
        half=half,
        ctf_known=optics.ctf_known,
        ctf_premultiplied=optics.ctf_premultiplied,
        tables=tables,
        table_name=table.name,
        warnings=(*optics.warnings, *_duplicates(names, table)),
    )


def _particle_table(tables: dict[str, StarTable], path: Path) -> StarTable:
    """Return the particle block: ``particles``, or in files without optics the one with image names."""
    table = tables.get("particles")
    if table is None and "optics" not in tables:
        table = next((t for t in tables.values() if t.is_loop and "rlnImageName" in t), None)
    if table is None:
        blocks = ", ".join(f"data_{name}" for name in tables)
        raise FormatError(
            f"the file holds no particle table (found {blocks})",
            path=path,
            hint="Choose a file with the blocks data_optics and data_particles, as run_data.star.",
        )
    if "rlnTomoName" in table or "rlnTomoParticleName" in table or "rlnTomoVisibleFrames" in table:
        raise FormatError(
            "these are tomography particles (tilt series), but single-particle images are expected", path=path
        )
    table.require(["rlnImageName"])
    return table


def _split(image_name: TextArray, table: StarTable) -> ImageNames:
    try:
        return split_image_names(image_name)
    except BadImageNameError as error:
        raise table.cell_error(error.row, "rlnImageName", error.expected) from error


def _numbers(table: StarTable, column: str) -> FloatArray:
    """Return a column of finite numbers, zeros when the table lacks it (as RELION does)."""
    if column not in table:
        return np.zeros(table.n_rows)
    values = table.floats(column)
    check_finite(values, table, column)
    return values


def _origins(table: StarTable, optics: Optics) -> FloatArray:
    """Return origins (x, y) in Å; RELION 3.0 stated them in pixels."""
    if any(c in table for c in _ORIGINS_A):
        return np.stack([_numbers(table, c) for c in _ORIGINS_A], axis=1)
    return np.stack([_numbers(table, c) * optics.pixel_size_a for c in _ORIGINS_PX], axis=1)


def _halves(table: StarTable) -> IntArray:
    if "rlnRandomSubset" not in table:
        return np.zeros(table.n_rows, np.int64)
    half = table.ints("rlnRandomSubset")
    wrong = np.flatnonzero((half < 0) | (half > 2))
    if len(wrong):
        raise table.cell_error(int(wrong[0]), "rlnRandomSubset", "1 or 2 (or 0) is expected")
    return half


def _duplicates(names: ImageNames, table: StarTable) -> list[str]:
    """Return a warning when the same image stands in two rows."""
    key = names.stack * (int(names.section.max()) + 2) + names.section
    unique, first = np.unique(key, return_index=True)
    extra = len(key) - len(unique)
    if not extra:
        return []
    repeated = np.ones(len(key), bool)
    repeated[first] = False
    row = int(np.flatnonzero(repeated)[0])
    name = table.row(row)["rlnImageName"]
    return [
        f"{extra} of {len(key)} rows name an image that stands above already; "
        f"the first is {name} in row {row + 1} (line {table.line(row)})."
    ]
