"""Read particle STAR files of RELION 3.0, 3.1 and 5, and check them against their image stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.image_names import (
    WHOLE_FILE,
    BadImageNameError,
    ImageNames,
    find_project_root,
    images_not_found,
    split_image_names,
)
from jobs.formats.optics import Optics, OpticsReader, check_finite, lacking
from jobs.formats.particle_set import ParticleSet
from jobs.formats.stack_checks import check_stacks
from jobs.formats.star import read_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray

__all__ = ["ParticleSet", "particle_table", "particles_from_tables", "read_particle_blocks", "read_particles"]

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_ORIGINS_A = ("rlnOriginXAngst", "rlnOriginYAngst")
_LAST_VERSION_WITHOUT_OPTICS = 30000
_ORIGINS_PX = ("rlnOriginX", "rlnOriginY")


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
        STAR file with a particle table, or a ``.cs`` file of cryoSPARC, which becomes one
        (:mod:`jobs.formats.cryosparc_particles`).
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
    if path.suffix.lower() == ".cs":
        from jobs.formats.cryosparc_particles import read_cs_particles

        return read_cs_particles(
            path,
            project_dir,
            require_images=require_images,
            require_poses=require_poses,
            permissive=permissive,
            pixel_size_a=pixel_size_a,
        )
    return particles_from_tables(
        read_star_tables(path),
        path,
        project_dir,
        require_images=require_images,
        require_poses=require_poses,
        permissive=permissive,
        pixel_size_a=pixel_size_a,
    )


def read_particle_blocks(path: Path, project_dir: Path | None = None) -> dict[str, StarTable]:
    """Return all blocks of a particle file, those that a ``.cs`` file of cryoSPARC becomes included.

    Parameters
    ----------
    path
        File.
    project_dir
        Folder of the project, which images of cryoSPARC may lie outside of.

    Raises
    ------
    FormatError
        When it is neither, or damaged.
    """
    if path.suffix.lower() != ".cs":
        return read_star_tables(path)
    from jobs.formats.cryosparc import read_cs
    from jobs.formats.cryosparc_fields import join_passthrough
    from jobs.formats.cryosparc_particles import cs_tables

    return cs_tables(join_passthrough(read_cs(path), path), project_dir)[0]


def particles_from_tables(
    tables: dict[str, StarTable],
    path: Path,
    project_dir: str | Path | None = None,
    *,
    require_images: bool = True,
    require_poses: bool = True,
    permissive: bool = False,
    pixel_size_a: float | None = None,
) -> ParticleSet:
    """Make a particle set of tables that were read already, all of their rows or some.

    Parameters
    ----------
    tables
        Blocks of a particle file; the particle block may hold selected rows only.
    path
        The file, for messages and to find the images.
    project_dir, require_images, require_poses, permissive, pixel_size_a
        As in :func:`read_particles`, which also lists the errors.
    """
    root = None if project_dir is None else Path(project_dir)
    table = particle_table(tables, path)
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


def particle_table(tables: dict[str, StarTable], path: Path) -> StarTable:
    """Return the particle block: ``particles``, or in files without optics the one with image names.

    Raises
    ------
    FormatError
        When there is none, when it holds tomography particles, or when its optics table is missing.
    """
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
    modern = (table.version or 0) > _LAST_VERSION_WITHOUT_OPTICS or "rlnOpticsGroup" in table
    if modern and "optics" not in tables:
        raise FormatError(
            "the file has particles of RELION 3.1 or later, but no optics table (data_optics)",
            path=path,
            hint="Take the whole file: programs that copy only the particles lose the optics.",
        )
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
