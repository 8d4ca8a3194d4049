"""Chosen classes become an input of the next job: their particles with all columns, and their averages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.explore.class_subset import write_subset
from jobs.formats.class_files import read_class_set
from jobs.formats.mrc import write_stack
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable

_NUMBERS = [2, 1, 2, 3, 0, 2]


@pytest.fixture
def class_file(tmp_path: Path) -> Path:
    """Three classes of six particles as RELION's Class2D writes them."""
    folder = tmp_path / "Class2D" / "job007"
    folder.mkdir(parents=True)
    write_stack(folder / "run_it025_classes.mrcs", np.arange(3 * 64, dtype=np.float32).reshape(3, 8, 8), 3.5)
    classes: dict[str, Any] = {
        "rlnReferenceImage": [f"{k}@Class2D/job007/run_it025_classes.mrcs" for k in (1, 2, 3)],
        "rlnEstimatedResolution": [9.0, 8.0, 7.0],
        "rlnSomethingElse": [1, 2, 3],
    }
    general = StarTable.from_columns("model_general", {"rlnPixelSize": 3.5}, is_loop=False)
    path = folder / "run_it025_model.star"
    write_star_tables(path, [general, StarTable.from_columns("model_classes", classes)])
    particles: dict[str, Any] = {
        "rlnImageName": [f"{i + 1}@Extract/a.mrcs" for i in range(6)],
        "rlnClassNumber": _NUMBERS,
        "rlnOpticsGroup": [1] * 6,
        "other": [f"o{i}" for i in range(6)],
    }
    optics = StarTable.from_columns("optics", {"rlnOpticsGroup": [1], "rlnImagePixelSize": [3.5]})
    data = StarTable.from_columns("particles", particles)
    write_star_tables(folder / "run_it025_data.star", [optics, data])
    return path


def test_that_particles_of_chosen_classes_keep_columns_blocks_and_numbers(
    class_file: Path, tmp_path: Path
) -> None:
    written = write_subset(class_file, [2, 1], tmp_path / "Select" / "job001", tmp_path, each=True)
    assert (written.n_particles, written.n_classes) == (4, 2)
    tables = read_star_tables(written.particles)
    assert tables["particles"].text("other").tolist() == ["o0", "o2", "o3", "o5"]
    assert tables["particles"].ints("rlnClassNumber").tolist() == [2, 2, 3, 2]
    assert tables["optics"].n_rows == 1
    each = [read_star_tables(path)["particles"].n_rows for path in written.each]
    assert each == [3, 1] and written.each[1].name == "class003_particles.star"


def test_that_the_subset_is_a_set_of_classes_again(class_file: Path, tmp_path: Path) -> None:
    before = read_class_set(class_file, tmp_path)
    written = write_subset(class_file, [1, 2], tmp_path / "Select" / "job001", tmp_path)
    (class_file.parent / "run_it025_classes.mrcs").unlink()
    after = read_class_set(written.averages, tmp_path)
    assert after.numbers.tolist() == [2, 3] and after.columns["size"].tolist() == [3, 1]
    assert after.columns["resolution_a"].tolist() == [8, 7]
    assert after.columns["rlnSomethingElse"].tolist() == [2, 3]
    assert after.pixel_size_a == before.pixel_size_a == 3.5
    assert after.read(0)[0, 0] == 64
    again = write_subset(written.averages, [1], tmp_path / "Select" / "job002", tmp_path)
    assert read_star_tables(again.particles)["particles"].text("other").tolist() == ["o3"]


def test_that_nothing_chosen_is_refused(class_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no classes are chosen"):
        write_subset(class_file, [], tmp_path / "a")
    with pytest.raises(UserError, match="there is no class 4"):
        write_subset(class_file, [3], tmp_path / "a")
    assert not (tmp_path / "a").exists()
