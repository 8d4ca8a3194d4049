"""How long a million particles take: reading tables, typed columns, and the head of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.formats.particles import read_particles
from jobs.formats.star import read_star_head, read_star_tables

N_ROWS = 1_000_000
_NUMBERS = (
    *("rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit", "rlnAnglePsi", "rlnAngleRot"),
    *("rlnAngleTilt", "rlnOriginXAngst", "rlnOriginYAngst", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"),
    *("rlnPhaseShift", "rlnCtfBfactor", "rlnCtfScalefactor", "rlnCtfMaxResolution", "rlnCtfFigureOfMerit"),
    *("rlnNormCorrection", "rlnLogLikeliContribution", "rlnMaxValueProbDistribution"),
)
_GROUPS = {
    "rlnOpticsGroup": "1",
    "rlnOpticsGroupName": "opticsGroup1",
    "rlnVoltage": "300.0",
    "rlnSphericalAberration": "2.7",
    "rlnAmplitudeContrast": "0.1",
    "rlnImagePixelSize": "1.06",
    "rlnImageSize": "256",
    "rlnImageDimensionality": "2",
}


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RELION 5 file of a million particles and 25 columns (0.4 GB) in 5000 stacks."""
    path = tmp_path_factory.mktemp("star") / "million.star"
    rng = np.random.default_rng(1)
    numbers = [" ".join(f"{v:12.6f}" for v in row) for row in rng.normal(size=(1999, len(_NUMBERS))) * 100]
    columns = [
        *_NUMBERS,
        *("rlnImageName", "rlnMicrographName", "rlnOpticsGroup", "rlnGroupNumber", "rlnClassNumber"),
        "rlnRandomSubset",
    ]
    assert len(columns) == 25
    with path.open("w") as file:
        for name, labels in (("optics", list(_GROUPS)), ("particles", columns)):
            file.write(f"\n# version 50001\n\ndata_{name}\n\nloop_ \n")
            file.writelines(f"_{label} #{i + 1} \n" for i, label in enumerate(labels))
            if name == "optics":
                file.write(" ".join(_GROUPS.values()) + "\n \n")
        for i in range(N_ROWS):
            mic = i // 200
            file.write(
                f"{numbers[i % 1999]} {i % 200 + 1:06d}@Extract/job012/Movies/mic_{mic:05d}.mrcs "
                f"MotionCorr/job002/Movies/mic_{mic:05d}.mrc 1 {mic + 1:12d} 1 {i % 2 + 1:12d} \n"
            )
        file.write(" \n")
    return path


def test_that_a_million_rows_of_25_columns_are_read(benchmark: Any, million: Path) -> None:
    tables = benchmark.pedantic(read_star_tables, args=(million,), rounds=1)
    assert tables["particles"].n_rows == N_ROWS


def test_that_a_million_particles_are_read_and_checked(benchmark: Any, million: Path) -> None:
    particles = benchmark.pedantic(
        read_particles, args=(million,), kwargs={"require_images": False}, rounds=1
    )
    assert particles.n == N_ROWS


def test_that_every_column_of_a_million_rows_becomes_an_array(benchmark: Any, million: Path) -> None:
    table = read_star_tables(million)["particles"]

    def convert() -> int:
        text = {"rlnImageName", "rlnMicrographName"}
        return sum(len(table.text(c) if c in text else table.floats(c)) for c in table.columns)

    assert benchmark.pedantic(convert, rounds=1) == 25 * N_ROWS


def test_that_the_head_of_a_million_rows_is_read(benchmark: Any, million: Path) -> None:
    head = benchmark(read_star_head, million)
    assert abs(head.n_rows["particles"] - N_ROWS) < N_ROWS // 100
