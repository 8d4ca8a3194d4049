"""Small projects with particle files for the tests of file formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

N = 12
BOX = 8
PIXEL_A = 1.5

Changes = Mapping[str, Any]


def _changed(columns: dict[str, Any], changes: Changes | None) -> dict[str, Any]:
    """Replace or add columns; a value of None removes the column."""
    merged = {**columns, **(changes or {})}
    return {name: values for name, values in merged.items() if values is not None}


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    """Twelve noise images of 8 × 8 pixels."""
    return rng.normal(size=(N, BOX, BOX)).astype(np.float32)


@pytest.fixture
def make_particles(tmp_path: Path, images: np.ndarray) -> Callable[..., Path]:
    """Write a RELION 3.1 project of two stacks and return its STAR file; columns can be changed."""

    def make(particles: Changes | None = None, optics: Changes | None = None, *, stacks: bool = True) -> Path:
        folder = tmp_path / "Extract" / "job002"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "Refine3D" / "job003").mkdir(parents=True, exist_ok=True)
        if stacks:
            write_stack(folder / "a.mrcs", images[:7], PIXEL_A)
            write_stack(folder / "b.mrcs", images[7:], PIXEL_A)
        index = np.arange(N)
        names = [
            f"{i + 1:06d}@Extract/job002/a.mrcs" if i < 7 else f"{i - 6:06d}@Extract/job002/b.mrcs"
            for i in index
        ]
        columns = {
            "rlnImageName": names,
            "rlnMicrographName": [f"MotionCorr/job001/mic{i}.mrc" for i in index],
            "rlnOpticsGroup": np.ones(N, int),
            "rlnDefocusU": 10000.0 + index,
            "rlnDefocusV": 9000.0 + index,
            "rlnDefocusAngle": 3.0 * index,
            "rlnAngleRot": 10.0 * index,
            "rlnAngleTilt": 5.0 * index,
            "rlnAnglePsi": -7.0 * index,
            "rlnOriginXAngst": 0.25 * index,
            "rlnOriginYAngst": -0.5 * index,
            "rlnRandomSubset": index % 2 + 1,
        }
        groups = {
            "rlnOpticsGroup": [1],
            "rlnOpticsGroupName": ["opticsGroup1"],
            "rlnVoltage": [300.0],
            "rlnSphericalAberration": [2.7],
            "rlnAmplitudeContrast": [0.1],
            "rlnImagePixelSize": [PIXEL_A],
            "rlnImageSize": [BOX],
            "rlnImageDimensionality": [2],
        }
        path = tmp_path / "Refine3D" / "job003" / "run_data.star"
        write_star_tables(
            path,
            [
                StarTable.from_columns("optics", _changed(groups, optics)),
                StarTable.from_columns("particles", _changed(columns, particles)),
            ],
        )
        return path

    return make


@pytest.fixture
def star_path(make_particles: Callable[..., Path]) -> Path:
    """STAR file of a sound RELION 3.1 project."""
    return make_particles()
