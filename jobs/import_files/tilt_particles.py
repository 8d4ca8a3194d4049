"""Particles of tilt series (RELION 5, WarpTools) as a STAR file of this project, no column lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.image_names import WHOLE_FILE, BadImageNameError, split_image_names
from jobs.formats.star import read_star_head, read_star_tables, write_star_tables
from jobs.import_files import images
from jobs.import_files.places import JobPlaces

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.import_files.params import ImportOptions

LABEL = "ParticleGroupMetadata.star.relion.tomo.import"
_COLUMNS = ("rlnTomoName", "rlnTomoParticleName", "rlnTomoVisibleFrames")


@dataclass(frozen=True)
class TiltImport:
    """A file of particles of tilt series that is now in the project: path inside the job, and counts."""

    name: str
    particles: int
    tomograms: int
    stacks: int
    notes: tuple[str, ...]


def holds_tilt_particles(path: Path) -> bool:
    """Tell whether a STAR file lists particles of tomograms, each with a stack of its own."""
    if path.suffix.lower() != ".star":
        return False
    tables = read_star_head(path).tables.values()
    return any(column in table.columns for table in tables for column in _COLUMNS)


def import_tilt_particles(
    path: Path, options: ImportOptions, places: JobPlaces, context: WorkerContext
) -> TiltImport:
    """Bring particles of tilt series and their stacks into the project.

    Raises
    ------
    FormatError
        When the file names no images, they are missing, or options are given that tilt series do not have.
    """
    tables = read_star_tables(path)
    table = next((t for t in tables.values() if "rlnImageName" in t and any(c in t for c in _COLUMNS)), None)
    if table is None or not table.n_rows:
        raise FormatError("the file names no images of its particles (rlnImageName)", path=path)
    if options.angpix_override is not None:
        raise FormatError(
            "the pixel size of particles of tilt series cannot be replaced: their tilt series have one too",
            path=path,
            hint="Leave 'Pixel size' empty.",
        )
    given = context.project_dir / options.fn_source_project if options.fn_source_project else None
    try:
        names = split_image_names(table.text("rlnImageName"))
    except BadImageNameError as error:
        raise table.cell_error(error.row, "rlnImageName", error.expected) from error

    def report(step: int, of: int) -> None:
        context.check_abort()
        if step == of or step % 50 == 0:
            context.progress(f"image stacks of {path.name}", step, of)

    found = images.locate(names.paths, path, context.project_dir, given)
    placed = images.place(names.paths, found, places, report)
    if placed.names != names.paths:
        written = [
            placed.names[stack] if section == WHOLE_FILE else f"{section + 1:06d}@{placed.names[stack]}"
            for stack, section in zip(names.stack.tolist(), names.section.tolist(), strict=True)
        ]
        tables = {**tables, table.name: table.with_columns({"rlnImageName": np.array(written, object)})}
    name = places.name_for(path, path.stem, ".star")
    write_star_tables(places.folder / name, tables)
    tomograms = len(set(table.text("rlnTomoName"))) if "rlnTomoName" in table else 0
    notes = (
        "Their tomograms and tilts stand in the optimisation set; import that too for jobs that ask for it.",
    )
    return TiltImport(name, table.n_rows, tomograms, len(names.paths), notes)
