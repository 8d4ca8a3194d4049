"""A small particle file of RELION 5 without images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

N = 12


def image_names(n: int = N) -> list[str]:
    """Names of particles in stacks of seven."""
    return [f"{k % 7 + 1:06d}@Extract/job002/s{k // 7}.mrcs" for k in range(n)]


def write_particles(
    path: Path, names: Sequence[str] | None = None, columns: Mapping[str, Any] | None = None
) -> Path:
    """Write a particle file with an optics table.

    Parameters
    ----------
    path
        Target.
    names
        Image names; those of :func:`image_names` without it.
    columns
        Further columns.

    Returns
    -------
    Path
        `path`.
    """
    given = list(image_names() if names is None else names)
    index = np.arange(len(given))
    optics: dict[str, Any] = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7],
        "rlnAmplitudeContrast": [0.1],
        "rlnImagePixelSize": [1.5],
        "rlnImageSize": [8],
        "rlnImageDimensionality": [2],
    }
    particles: dict[str, Any] = {
        "rlnImageName": given,
        "rlnMicrographName": [f"MotionCorr/job001/mic{k}.mrc" for k in index],
        "rlnOpticsGroup": np.ones(len(given), int),
        "rlnDefocusU": 10000.0 + index,
        "rlnAngleRot": 10.0 * index,
        "rlnRandomSubset": index % 2 + 1,
        **(columns or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_star_tables(
        path, [StarTable.from_columns("optics", optics), StarTable.from_columns("particles", particles)]
    )
    return path
