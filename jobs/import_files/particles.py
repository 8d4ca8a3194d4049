"""Particle files of RELION, Warp, M and cryoSPARC as a STAR file of this project, no column lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.cryosparc import read_cs
from jobs.formats.cryosparc_fields import CsFields, join_passthrough
from jobs.formats.cryosparc_particles import cs_tables
from jobs.formats.image_names import WHOLE_FILE, BadImageNameError, split_image_names
from jobs.formats.particle_set import ParticleSet
from jobs.formats.particles import particle_table, particles_from_tables
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.import_files import images, pixel_size
from jobs.import_files.places import JobPlaces

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.import_files.params import ImportOptions

_VERSION = 30001  # of cryoSPARC's particles: RELION 3.1, which every later version reads


@dataclass(frozen=True)
class Imported:
    """A particle file that is now in the project.

    Attributes
    ----------
    name
        Path inside the job.
    particles
        What it holds, read back from the new file.
    micrographs
        Number of micrographs, 0 when the file does not say.
    notes
        What the user should know.
    """

    name: str
    particles: ParticleSet
    micrographs: int
    notes: tuple[str, ...]


def import_particles(
    path: Path, options: ImportOptions, places: JobPlaces, context: WorkerContext
) -> Imported:
    """Bring one particle file and its images into the project.

    Raises
    ------
    FormatError
        When the file is damaged or incomplete, when images are missing, cut off or of an odd size.
    """
    tables, notes = read_tables(path)
    table = particle_table(tables, path)
    if not table.n_rows:
        raise FormatError("the file holds no particles", path=path)
    given = context.project_dir / options.fn_source_project if options.fn_source_project else None
    try:
        names = split_image_names(table.text("rlnImageName"))
    except BadImageNameError as error:
        raise table.cell_error(error.row, "rlnImageName", error.expected) from error
    found = images.locate(names.paths, path, context.project_dir, given)
    placed = images.place(names.paths, found, places, lambda step, of: _report(context, path, step, of))
    notes += _about_images(placed, places)
    if placed.names != names.paths:
        written = [
            placed.names[stack] if section == WHOLE_FILE else f"{section + 1:06d}@{placed.names[stack]}"
            for stack, section in zip(names.stack.tolist(), names.section.tolist(), strict=True)
        ]
        table = table.with_columns({"rlnImageName": np.array(written, object)})
        tables = {**tables, table.name: table}
    if options.angpix_override is not None:
        tables, told = pixel_size.replaced(tables, table.name, options.angpix_override, path)
        notes += told
    if options.optics_group_particles:
        tables = _renamed_optics(tables, options.optics_group_particles)
    tables = _with_mtf_found(tables, found[0], names.paths[0])
    name = places.name_for(path, path.stem, ".star")
    particles = particles_from_tables(
        tables, places.folder / name, context.project_dir, require_poses=False, permissive=True
    )
    write_star_tables(places.folder / name, tables)
    return Imported(name, particles, _micrographs(particles.table), (*notes, *particles.warnings))


def read_tables(path: Path) -> tuple[dict[str, StarTable], tuple[str, ...]]:
    """Return the tables of a particle file, those of cryoSPARC in RELION's terms, and what to tell."""
    if path.suffix.lower() != ".cs":
        return read_star_tables(path), ()
    fields = join_passthrough(read_cs(path), path)
    tables, warnings = cs_tables(fields, None, require_poses=False)
    tables["particles"] = tables["particles"].with_columns(_coordinates(fields))
    # links to .mrc stacks are made by this job, so there is nothing to tell of them
    told = tuple(warning for warning in warnings if ".mrcs" not in warning)
    if "alignments3D/pose" not in fields:
        told += ("The file holds no alignments in 3D: angles and origins are missing.",)
    return {name: table.renamed(name, _VERSION) for name, table in tables.items()}, told


def _coordinates(fields: CsFields) -> dict[str, np.ndarray]:
    """Return pixel coordinates of particles in their micrographs, whose first row is y = 0 as in RELION."""
    wanted = ("location/center_x_frac", "location/center_y_frac", "location/micrograph_shape")
    if any(name not in fields for name in wanted):
        return {}
    shape = fields.numbers(wanted[2], 2)
    return {
        "rlnCoordinateX": fields.numbers(wanted[0]) * shape[:, 1],
        "rlnCoordinateY": fields.numbers(wanted[1]) * shape[:, 0],
    }


def _report(context: WorkerContext, path: Path, step: int, of: int) -> None:
    context.check_abort()
    if step == of or step % 50 == 0:
        context.progress(f"image stacks of {path.name}", step, of)


def _about_images(placed: images.Placed, places: JobPlaces) -> tuple[str, ...]:
    parts = []
    for count, what in (
        (placed.used, "used where they are"),
        (placed.linked, f"linked into {places.job}images"),
        (placed.copied, f"copied into {places.job}images"),
    ):
        if count:
            parts.append(f"{count:,} image {'stack' if count == 1 else 'stacks'} {what}")
    return (f"{', '.join(parts)}.",)


def _renamed_optics(tables: dict[str, StarTable], name: str) -> dict[str, StarTable]:
    optics = tables.get("optics")
    if optics is None:
        return tables
    count = optics.n_rows
    name = "_".join(name.split())
    texts = [name] if count == 1 else [f"{name}_{k + 1}" for k in range(count)]
    return {**tables, "optics": optics.with_columns({"rlnOpticsGroupName": np.array(texts, object)})}


def _with_mtf_found(tables: dict[str, StarTable], found: Path, stated: str) -> dict[str, StarTable]:
    """Let the detector's MTF files, which are relative to the other project, be found from this one."""
    optics = tables.get("optics")
    if optics is None or "rlnMtfFileName" not in optics or not str(found).endswith(stated):
        return tables
    root = Path(str(found)[: -len(stated)] or "/")
    texts = [
        str((root / text).resolve()) if text and (root / text).is_file() else text
        for text in optics.text("rlnMtfFileName")
    ]
    return {**tables, "optics": optics.with_columns({"rlnMtfFileName": np.array(texts, object)})}


def _micrographs(table: StarTable) -> int:
    return len(set(table.text("rlnMicrographName"))) if "rlnMicrographName" in table else 0
