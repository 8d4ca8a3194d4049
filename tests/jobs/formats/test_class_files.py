"""Classes of RELION's Class2D jobs and of ours are read with their particles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.class_files import column_label, column_name, read_class_set
from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

_NUMBERS = [2, 1, 2, 3, 0, 2]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A Class2D job of three classes and six particles, one of no class, as RELION 5 writes it."""
    folder = tmp_path / "Class2D" / "job007"
    folder.mkdir(parents=True)
    images = np.stack([np.full((8, 8), k, np.float32) for k in (1, 2, 3)])
    write_stack(folder / "run_it025_classes.mrcs", images, 3.5)
    name = "Class2D/job007/run_it025"
    write_star_tables(
        folder / "run_it025_optimiser.star",
        [
            StarTable.from_columns(
                "optimiser_general",
                {
                    "rlnModelStarFile": f"{name}_model.star",
                    "rlnExperimentalDataStarFile": f"{name}_data.star",
                },
                is_loop=False,
            )
        ],
    )
    _write_model(folder, [f"00000{k}@{name}_classes.mrcs" for k in (1, 2, 3)])
    particles: dict[str, Any] = {
        "rlnImageName": [f"{i + 1}@Extract/a.mrcs" for i in range(6)],
        "rlnClassNumber": _NUMBERS,
        "rlnOpticsGroup": [1] * 6,
    }
    optics = StarTable.from_columns("optics", {"rlnOpticsGroup": [1], "rlnImagePixelSize": [3.5]})
    write_star_tables(
        folder / "run_it025_data.star", [optics, StarTable.from_columns("particles", particles)]
    )
    return folder


def _write_model(folder: Path, images: list[str], **more: Any) -> None:
    general = {"rlnReferenceDimensionality": 2, "rlnPixelSize": 3.5, **more}
    classes: dict[str, Any] = {
        "rlnReferenceImage": images,
        "rlnClassDistribution": np.arange(1, len(images) + 1) / 6,
        "rlnEstimatedResolution": np.arange(10.0, 10.0 + len(images)),
        "hsPixelErrorPx": np.arange(len(images)) / 10,
        "fooWord": [f"w{i}" for i in range(len(images))],
    }
    write_star_tables(
        folder / "run_it025_model.star",
        [
            StarTable.from_columns("model_general", general, is_loop=False),
            StarTable.from_columns("model_classes", classes),
        ],
    )


@pytest.mark.parametrize("ending", ["optimiser", "model", "data"])
def test_that_classes_are_found_from_any_of_the_three_files(job: Path, ending: str) -> None:
    classes = read_class_set(job / f"run_it025_{ending}.star")
    assert len(classes) == 3 and classes.pixel_size_a == 3.5
    assert [float(classes.read(k).mean()) for k in range(3)] == [1, 2, 3]
    assert classes.columns["size"].tolist() == [1, 3, 1]
    assert classes.members(1).tolist() == [0, 2, 5]
    assert classes.class_of.tolist() == [1, 0, 1, 2, -1, 1]
    assert classes.columns["resolution_a"].tolist() == [10, 11, 12]
    assert classes.columns["pixel_error_px"].tolist() == [0, 0.1, 0.2]
    assert classes.columns["fooWord"].tolist() == ["w0", "w1", "w2"]


def test_that_a_class_is_the_section_its_row_names_whatever_the_order_of_rows(job: Path) -> None:
    name = "Class2D/job007/run_it025_classes.mrcs"
    _write_model(job, [f"3@{name}", f"1@{name}"])
    classes = read_class_set(job / "run_it025_optimiser.star")
    assert [float(classes.read(k).mean()) for k in range(2)] == [3, 1]
    assert [classes.members(k).tolist() for k in range(2)] == [[3], [1]]
    assert classes.class_of.tolist() == [-1, 1, -1, 0, -1, -1]


def test_that_a_moved_job_is_still_read(job: Path, tmp_path: Path) -> None:
    moved = job.rename(tmp_path / "elsewhere")
    assert read_class_set(moved / "run_it025_optimiser.star").columns["size"].tolist() == [1, 3, 1]


def test_that_volumes_and_particles_without_classes_are_refused(job: Path) -> None:
    tables = {"particles": StarTable.from_columns("particles", {"rlnImageName": ["1@a.mrcs"]})}
    write_star_tables(job / "run_it025_data.star", tables)
    with pytest.raises(FormatError, match="rlnClassNumber"):
        read_class_set(job / "run_it025_model.star")
    _write_model(job, ["1@Class2D/job007/run_it025_classes.mrcs"], rlnReferenceDimensionality=3)
    with pytest.raises(FormatError, match="2D classes are expected"):
        read_class_set(job / "run_it025_model.star")
    _write_model(job, ["1@Class2D/job007/gone.mrcs"])
    with pytest.raises(FormatError, match=r"gone\.mrcs do not exist"):
        read_class_set(job / "run_it025_model.star")


def test_that_names_of_columns_are_the_same_both_ways() -> None:
    for name in (
        "pixel_error_px",
        "generation",
        "main",
        "accepted",
        "resolution_a",
        "accuracy_rotations_deg",
    ):
        assert column_name(column_label(name)) == name
    assert column_label("pixel_error_px") == "hsPixelErrorPx"
