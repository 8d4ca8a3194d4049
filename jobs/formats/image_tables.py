"""Particle tables for image stacks that come without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.formats.star_table import StarTable


def image_tables(
    name: str, count: int, pixel_size_a: float | None, columns: dict[str, npt.NDArray] | None = None
) -> dict[str, StarTable]:
    """Return the tables ``optics`` and ``particles`` for a stack that has none.

    Parameters
    ----------
    name
        The stack, as image names are to name it.
    count
        Number of its images.
    pixel_size_a
        Å, left out when None.
    columns
        Further columns of the particles, `(n,)` each; those of the microscope are put into optics when all
        images agree.
    """
    optics: dict[str, npt.ArrayLike] = {"rlnOpticsGroup": [1], "rlnOpticsGroupName": ["opticsGroup1"]}
    optics["rlnImageDimensionality"] = [2]
    if pixel_size_a is not None:
        optics["rlnImagePixelSize"] = [pixel_size_a]
    names = [f"{i:06d}@{name}" for i in range(1, count + 1)]
    rows: dict[str, npt.ArrayLike] = {"rlnImageName": names, "rlnOpticsGroup": np.ones(count, np.int64)}
    for label, values in (columns or {}).items():
        shared = label in ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast")
        if shared and (values == values[0]).all():
            optics[label] = values[:1]
        else:
            rows[label] = values
    return {
        "optics": StarTable.from_columns("optics", optics),
        "particles": StarTable.from_columns("particles", rows),
    }


def name_in_project(path: Path, project_dir: Path | None) -> str:
    """Return the name of a file as tables of a project write it: relative in the project, else absolute."""
    file = path.absolute()
    root = None if project_dir is None else project_dir.absolute()
    return str(file.relative_to(root) if root is not None and file.is_relative_to(root) else file)
