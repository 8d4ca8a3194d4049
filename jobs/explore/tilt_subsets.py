"""Selections of particles of tilt series: all images of each, by identity, in the flavour of the input."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError, UserError
from jobs.explore.numbering import Claim
from jobs.formats.image_names import identity
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import is_set, read_tilt_particles

_IMAGE = "rlnImageName"
_SET_ENDING = "_optimisation_set.star"


def are_of_tilt_series(star: Path, names: Iterable[str]) -> bool:
    """Tell whether these are names of particles that have many images in a file.

    They are when the file is an optimisation set, or has rows for images of which none bears these names.

    Raises
    ------
    FormatError
        When the file cannot be read.
    """
    tables = read_star_tables(star)
    if is_set(tables):
        return True
    wanted = {identity(str(name)) for name in names}
    images = [table.text(_IMAGE) for table in tables.values() if table.is_loop and _IMAGE in table]
    if not wanted or not images:
        return False
    return not any(identity(name) in wanted for column in images for name in column.tolist())


def read_series(star: Path, project_dir: Path) -> tuple[TiltParticles, Path | None]:
    """Read a file of tilt series, with its images where they are found.

    Returns
    -------
    tuple
        The particles, and the folder from which their images can be named (None where they were not found).
    """
    try:
        return read_tilt_particles(star, project_dir), project_dir
    except FormatError:
        # The job may have been told another folder of images, or a pixel size; names then stay as they are.
        return read_tilt_particles(star, project_dir, apix=1.0, require_images=False), None


def rows_of(particles: TiltParticles, names: Iterable[str]) -> NDArray[np.int64]:
    """Return which particles bear these names, in the order of the file; raises as :func:`places_of`."""
    return np.unique(places_of(particles, names))


def places_of(particles: TiltParticles, names: Iterable[str]) -> NDArray[np.int64]:
    """Return which particle bears each of these names ``(n,)``.

    Raises
    ------
    UserError
        When there are none, or one is not in the file.
    """
    wanted = [str(name) for name in names]
    if not wanted:
        raise UserError(
            "no particles are selected", path=particles.path, hint="Select some, then save again."
        )
    place = {str(name): k for k, name in enumerate(particles.particle_name)}
    if not particles.one_row_per_image and _IMAGE in particles.table:
        stacks = particles.table.text(_IMAGE)[particles.row[particles.first[:-1]]]
        place |= {str(name): k for k, name in enumerate(stacks)}
    missing = [name for name in wanted if name not in place]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(wanted)} chosen particles are not in the file ({missing[0]} …)",
            path=particles.path,
            hint="Choose the particle file that the model was made from.",
        )
    return np.array([place[name] for name in wanted], np.int64)


def write_series(claim: Claim, star: Path, names: Iterable[str], project_dir: Path) -> Path:
    """Write chosen particles under a claimed name; they are read back before they get it.

    Parameters
    ----------
    claim
        The name: of a file, or of a folder when the input is an optimisation set of several files.
    star
        Particle file.
    names
        Identities of the chosen particles.
    project_dir
        Folder from which images are named.

    Returns
    -------
    Path
        The STAR file; the set where there are several.

    Raises
    ------
    UserError
        When the selection is empty, a particle is missing, or the file cannot be written.
    """
    particles, root = read_series(star, project_dir)
    chosen = particles.select(rows_of(particles, names))
    alone = chosen.one_row_per_image and not chosen.further
    target = claim.work / f"{claim.name}{'.star' if alone else _SET_ENDING}"
    write_selection(chosen, target, name_from=root)
    again, _ = read_series(target, project_dir)
    same = np.array_equal(again.particle_name, chosen.particle_name)
    if not same or not np.array_equal(again.counts, chosen.counts):
        raise UserError(
            "the subset could not be written: reading it back gives other particles",
            path=star,
            hint="Nothing was left; the disk may be damaged.",
        )
    if alone:
        return claim.publish(".star")[0]
    _lead_to(claim.folder / claim.name, target)
    return claim.publish_folder() / target.name


def _lead_to(folder: Path, written: Path) -> None:
    """Let a set name its files by the folder in which they are going to be."""
    before, after = f"{written.parent.name}/", f"{folder.name}/"
    tables = read_star_tables(written)
    changed = {}
    for name, table in tables.items():
        texts = {column: table.text(column) for column in table.columns}
        moved = {
            column: np.array([str(text).replace(before, after) for text in column_texts], object)
            for column, column_texts in texts.items()
            if any(before in str(text) for text in column_texts)
        }
        changed[name] = table.with_columns(moved) if moved else table
    write_star_tables(written, changed)
