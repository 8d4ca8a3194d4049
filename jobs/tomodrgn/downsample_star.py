"""Star file of downsampled tilt images: new names, pixel size and box, origins in Å unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.optics import PIXEL_SIZE_COLUMNS
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_particles import TiltParticles

_ORIGINS_PX = ("rlnOriginX", "rlnOriginY")


def write_downsampled_star(
    particles: TiltParticles, path: Path, stacks: list[Path], sizes: list[int], box: int
) -> None:
    """Write the table of an image series for its downsampled images.

    Everything but image names, pixel size, box, and origins that count in pixels stays as it is.

    Parameters
    ----------
    particles
        The set before.
    path
        Target.
    stacks, sizes
        New stacks and the number of images of each, in the order of the images of the set.
    box
        New box.

    Raises
    ------
    UserError
        When the set has one row per particle: its stacks must stay one for each.
    """
    if not particles.one_row_per_image:
        raise UserError(
            "images of an optimisation set are stacks of particles, which one stack cannot replace",
            path=particles.path,
            hint="Write an image series or extract the particles again with more binning.",
        )
    ratio = particles.box / box
    number = np.concatenate([np.arange(1, n + 1) for n in sizes])
    file = np.repeat([stack.name for stack in stacks], sizes)
    of_image = np.array([f"{n:06d}@{name}" for n, name in zip(number, file, strict=True)], object)
    names = np.empty(particles.n_images, object)
    names[particles.row] = of_image
    table = particles.table.with_columns({"rlnImageName": names} | _scaled(particles.table, ratio, box))
    tables = {n: table if n == particles.table_name else t for n, t in particles.tables.items()}
    if "optics" in tables and particles.table_name != "optics":
        tables["optics"] = tables["optics"].with_columns(_scaled(tables["optics"], ratio, box))
    write_star_tables(path, tables)


def _scaled(table: StarTable, ratio: float, box: int) -> dict[str, np.ndarray]:
    """Return the columns that change with the sampling."""
    out: dict[str, np.ndarray] = {}
    pixel = next((c for c in PIXEL_SIZE_COLUMNS if c in table), None)
    if pixel is None and "rlnDetectorPixelSize" in table:
        pixel = "rlnDetectorPixelSize"
    # A pixel size of the tilt series is that of the recording, unless it is the only one there is.
    if pixel is not None:
        out[pixel] = table.floats(pixel) * ratio
    for column in _ORIGINS_PX:
        if column in table:
            out[column] = table.floats(column) / ratio
    if "rlnImageSize" in table:
        out["rlnImageSize"] = np.full(table.n_rows, box)
    return out
