"""Read particles of tilt series from whatever wrote them; what a file is, its columns and blocks say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_image_series import read_image_series
from jobs.formats.tilt_particles import TiltParticles

_SET_COLUMNS = ("rlnTomoParticlesFile", "rlnTomoVisibleFrames", "rlnTomoSubTomosAre2DStacks")


def read_tilt_particles(
    path: str | Path,
    project_dir: str | Path | None = None,
    *,
    datadir: str | Path | None = None,
    apix: float | None = None,
    dose_override: float | None = None,
    require_images: bool = True,
) -> TiltParticles:
    """Read the particles of tilt series: image series of any program, or an optimisation set.

    Parameters
    ----------
    path
        STAR file: an optimisation set (WarpTools, RELION 5), or a table with one row per image (Warp and M in
        the style of RELION 3.0, nextPYP, or RELION 3.1 and later).
    project_dir
        Folder to which image paths are relative.
    datadir
        Folder in which the images lie, where the paths of the file do not lead to them.
    apix
        Pixel size in Å for files that do not state one (or state a wrong one).
    dose_override
        e/Å² of each image: the n-th image of a particle, in the order of the file, has seen n times this.
    require_images
        False reads the table without looking at a stack (image series only); the box is then 0 where the file
        does not state it.

    Raises
    ------
    FormatError
        One sentence naming file, row and column, as for :func:`jobs.formats.particles.read_particles`, and:
        the same image twice in a particle, pixel sizes or boxes that differ.
    """
    path = Path(path)
    if apix is not None and not (np.isfinite(apix) and apix > 0):
        raise UserError(f"a pixel size of more than 0 Å is expected, not {apix:g}", column="apix")
    if dose_override is not None and not (np.isfinite(dose_override) and dose_override >= 0):
        raise UserError(
            f"a dose of 0 e/Å² or more is expected, not {dose_override:g}", column="dose_override"
        )
    root = None if project_dir is None else Path(project_dir)
    data = None if datadir is None else Path(datadir)
    tables = read_star_tables(path)
    if is_set(tables):
        from jobs.formats.tilt_sets import read_optimisation_set

        particles = read_optimisation_set(path, root, data, apix=apix)
        if apix is not None:
            particles = replace(particles, pixel_size_a=float(apix))
    else:
        particles = read_image_series(
            tables, path, root, data, pixel_size_a=apix, require_images=require_images
        )
    if dose_override is not None:
        turn = np.arange(particles.n_images) - np.repeat(particles.first[:-1], particles.counts) + 1
        particles = replace(particles, dose=turn.astype(np.float64) * dose_override)
    return particles


def is_set(star: str | Path | dict[str, StarTable]) -> bool:
    """Tell whether a file (or its blocks) is an optimisation set, or holds the particles of one."""
    tables = star if isinstance(star, dict) else read_star_tables(star)
    return any(column in table for table in tables.values() for column in _SET_COLUMNS)
