"""Reading and writing particle tables, compared in one run with the starfile package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import starfile

from jobs.formats.star import read_star_tables, write_star_tables
from tests.benchmarks.figures import Figures

N_ROWS = 100_000


@pytest.fixture(scope="module")
def large_star(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A particle file as RELION 3.1 and later write it."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 360, (N_ROWS, 6))
    columns = (
        "ImageName",
        "OpticsGroup",
        "AngleRot",
        "AngleTilt",
        "AnglePsi",
        "DefocusU",
        "DefocusV",
        "DefocusAngle",
    )
    lines = [
        f"{i % 500 + 1:06d}@Extract/job005/Movies/m{i // 500:04d}.mrcs 1 "
        + " ".join(f"{value:12.6f}" for value in row)
        for i, row in enumerate(values)
    ]
    header = "\n".join(f"_rln{name} #{i}" for i, name in enumerate(columns, start=1))
    optics = (
        "# version 50001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n"
        "_rlnVoltage #3\n1 opticsGroup1 300.000000\n"
    )
    path = tmp_path_factory.mktemp("star") / "particles.star"
    rows = "\n".join(lines)
    path.write_text(f"\n{optics}\n\n# version 50001\n\ndata_particles\n\nloop_\n{header}\n{rows}\n")
    return path


def read_with_numbers(path: Path) -> int:
    """Read a file and turn every column into an array, as starfile always does."""
    table = read_star_tables(path)["particles"]
    return sum(len(table.text(c) if c == "rlnImageName" else table.floats(c)) for c in table.columns)


def test_that_a_large_particle_file_is_read_into_arrays_and_compared_with_starfile(
    large_star: Path, figures: Figures, best: Callable[..., float]
) -> None:
    unread = best(lambda: read_star_tables(large_star))
    ours = best(lambda: read_with_numbers(large_star))
    theirs = best(lambda: starfile.read(large_star), repeats=2)
    figures.add("STAR", f"read {N_ROWS:,} rows, cells as they stand", unread, "s")
    figures.add("STAR", f"read {N_ROWS:,} rows of 8 columns into arrays", ours, "s")
    figures.add("STAR", "time of starfile / ours, into arrays", theirs / ours)


def test_that_a_large_particle_file_is_written_as_it_was(
    large_star: Path, tmp_path: Path, figures: Figures, best: Callable[..., float]
) -> None:
    tables = read_star_tables(large_star)
    copy = tmp_path / "copy.star"
    figures.add("STAR", f"write {N_ROWS:,} rows", best(lambda: write_star_tables(copy, tables)), "s")
    again = read_star_tables(copy)
    assert list(again) == list(tables)
