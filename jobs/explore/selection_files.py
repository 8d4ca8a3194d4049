"""Selections read back: names of particles from STAR files of any flavour, lists, and index files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from jobs.core.errors import FormatError
from jobs.explore.subsets import read_names, read_particle_tables
from jobs.explore.tilt_subsets import read_series
from jobs.formats.index_files import read_indices
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import is_set

INDEX_ENDINGS: Final = (".pkl", ".npy")
_IMAGE: Final = "rlnImageName"


def read_selection(path: Path, project_dir: Path, star: Callable[[], Path]) -> Sequence[str]:
    """Return identities of the particles that a file names.

    Of tilt series these are the particles, not their images, under every name by which the explorer may know
    them. Indices count particles before any filter, as :mod:`jobs.explore.series_exports` writes them.

    Parameters
    ----------
    path
        STAR file, list of names, or file of indices (``.pkl``, ``.npy``).
    project_dir
        Folder from which images are named.
    star
        Gives the particle file of the job, to which indices refer.

    Raises
    ------
    UserError
        When the file is unreadable, holds no names, or indices that the job does not have.
    """
    if path.suffix.lower() in INDEX_ENDINGS:
        return _indexed(path, star(), project_dir)
    if path.suffix.lower() == ".star":
        series = _series(path, project_dir)
        if series is not None:
            return _names(series)
    return read_names(path)


def _series(path: Path, project_dir: Path) -> TiltParticles | None:
    """Particles of tilt series; None when the file holds single particles."""
    if is_set(read_star_tables(path)):
        return read_series(path, project_dir)[0]
    try:
        found, _ = read_series(path, project_dir)
    except FormatError:
        return None
    return found if found.n < found.n_images else None


def _names(particles: TiltParticles) -> list[str]:
    names = [str(name) for name in particles.particle_name]
    if not particles.one_row_per_image and _IMAGE in particles.table:
        names += [str(name) for name in particles.table.text(_IMAGE)[particles.row[particles.first[:-1]]]]
    return names


def _indexed(path: Path, star: Path, project_dir: Path) -> list[str]:
    particles = _series(star, project_dir)
    if particles is not None:
        wanted = read_indices(path, int(particles.original.max(initial=-1)) + 1)
        return _names(particles.select(np.flatnonzero(np.isin(particles.original, wanted))))
    names = read_particle_tables(star).image_names()
    return [str(name) for name in names[read_indices(path, len(names))]]
