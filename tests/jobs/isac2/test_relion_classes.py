"""Classes are written as RELION writes them, and its columns alone say how each average was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from jobs.formats.class_files import read_class_set
from jobs.formats.particles import read_particles
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2.particle_file import ParticleFile
from jobs.isac2.relion_classes import (
    ClassMembers,
    write_class_files,
    write_unaccounted,
)
from jobs.maths.rotations import euler_to_matrix
from jobs.maths.transforms2d import Planar

_BOX, _PIXEL, _COUNT = 48, 2.5, 12


def _density(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """A smooth shape without symmetry or mirror symmetry; another for each class."""
    places = ((0, 0, 5, 1.0), (8, 2 + 2 * k, 3, 1.0), (-4, 9, 2, 0.8), (-6, -7 - k, 2.5, -0.6))
    terms = [h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * w * w)) for a, b, w, h in places]
    return np.sum(terms, axis=0)


@pytest.fixture
def members(rng: np.random.Generator) -> ClassMembers:
    rows = np.array([5, 2, 9, 1, 0, 7, 11])
    return ClassMembers(
        rows=rows,
        class_of=np.array([0, 1, 0, 1, 0, 0, 1]),
        planar=Planar(
            torch.from_numpy(rng.uniform(0, 360, len(rows))),
            torch.from_numpy(rng.uniform(-3, 3, (len(rows), 2))),
            torch.tensor([False, True, True, False, False, True, True]),
        ),
        pixel_error_px=np.arange(len(rows)) / 10,
    )


@pytest.fixture
def averages() -> np.ndarray:
    y, x = np.mgrid[:_BOX, :_BOX] - _BOX // 2
    return np.stack([_density(x, y, k) for k in range(2)]).astype(np.float32)


def _tables(**more: Any) -> dict[str, StarTable]:
    optics: dict[str, Any] = {"rlnOpticsGroup": [1], "rlnImagePixelSize": [_PIXEL], "rlnImageSize": [_BOX]}
    microscope = {"rlnVoltage": [300.0], "rlnSphericalAberration": [2.7], "rlnAmplitudeContrast": [0.1]}
    particles: dict[str, Any] = {
        "rlnImageName": [f"{i + 1:06d}@Extract/a.mrcs" for i in range(_COUNT)],
        "rlnOpticsGroup": [1] * _COUNT,
        "rlnDefocusU": np.linspace(10000, 20000, _COUNT),
        "rlnDefocusV": np.linspace(10000, 20000, _COUNT),
        "rlnDefocusAngle": np.zeros(_COUNT),
        "rlnClassNumber": [77] * _COUNT,
        "myOwn": [f"word{i}" for i in range(_COUNT)],
        **more,
    }
    return {
        "optics": StarTable.from_columns("optics", {**optics, **microscope}),
        "particles": StarTable.from_columns("particles", particles),
    }


def _write(folder: Path, averages: np.ndarray, members: ClassMembers, tables: dict[str, StarTable]) -> Path:
    columns = {
        "pixel_error_px": np.array([0.2, 0.4]),
        "resolution_a": np.array([9.0, np.nan]),
        "generation": np.array([1, 2]),
    }
    return write_class_files(
        folder,
        "run",
        averages,
        5.0,
        columns,
        members,
        ParticleFile(tables, "particles", _PIXEL),
        project_dir=folder.parents[1],
        target_radius=20,
    )


def test_that_written_classes_are_read_with_members_and_columns(
    project_dir: Path, averages: np.ndarray, members: ClassMembers
) -> None:
    path = _write(project_dir / "ISAC2" / "job003", averages, members, _tables())
    classes = read_class_set(path, project_dir)
    assert np.array_equal(classes.read(1), averages[1]) and classes.pixel_size_a == 5.0
    assert classes.columns["size"].tolist() == [4, 3]
    assert classes.columns["generation"].tolist() == [1, 2]
    assert classes.columns["pixel_error_px"].tolist() == [0.2, 0.4]
    assert classes.columns["resolution_a"].tolist() == [9.0, np.inf]
    table = read_star_tables(project_dir / "ISAC2/job003/run_data.star")["particles"]
    assert table.text("myOwn")[classes.members(1)].tolist() == ["word1", "word2", "word11"]
    assert classes.pixel_errors is not None
    assert classes.pixel_errors[classes.members(1)].tolist() == [0.3, 0.1, 0.6]
    model = read_star_tables(project_dir / "ISAC2/job003/run_model.star")["model_classes"]
    assert model.text("rlnReferenceImage")[1] == "000002@ISAC2/job003/run_classes.mrcs"
    assert np.allclose(
        model.floats("rlnAccuracyRotations"), np.rad2deg(np.sqrt(2) * np.array([0.2, 0.4]) / 20)
    )


def test_that_columns_of_the_file_alone_rebuild_the_averages(
    project_dir: Path, averages: np.ndarray, members: ClassMembers
) -> None:
    folder = project_dir / "ISAC2" / "job003"
    _write(folder, averages, members, _tables())
    written = read_particles(folder / "run_data.star", project_dir, require_images=False)
    number = written.table.ints("rlnClassNumber")
    of_row = {int(row): i for i, row in enumerate(members.rows)}
    y, x = np.mgrid[:_BOX, :_BOX] - _BOX // 2
    sums = np.zeros((2, _BOX, _BOX))
    matrices = euler_to_matrix(torch.from_numpy(written.euler_deg)).numpy()
    for particle in range(written.n):
        i = of_row[int(written.section[particle])]
        alpha, sx, sy, mirror = members.planar.to_table()[i].tolist()
        a = np.deg2rad(alpha)
        turned = np.cos(a) * x + np.sin(a) * y + sx, -np.sin(a) * x + np.cos(a) * y + sy
        image = _density(-turned[0] if mirror else turned[0], turned[1], members.class_of[i])
        # RELION: an image shows the reference at A^-1 of the place, its centre moved by minus the origin.
        place = np.einsum("ij,jyx->iyx", matrices[particle][:2, :2], np.stack((x, y)))
        place -= written.origin_a[particle][:, None, None] / _PIXEL
        sums[number[particle] - 1] += map_coordinates(image, (place[1] + _BOX // 2, place[0] + _BOX // 2))
    inside = x**2 + y**2 < 18**2
    for k in range(2):
        assert np.corrcoef(sums[k][inside], averages[k][inside])[0, 1] > 0.999


def test_that_files_of_relion_3_0_keep_origins_in_pixels(
    project_dir: Path, averages: np.ndarray, members: ClassMembers
) -> None:
    images = StarTable.from_columns(
        "images",
        {"rlnImageName": _tables()["particles"].text("rlnImageName"), "rlnOriginX": np.ones(_COUNT)},
        version=None,
    )
    folder = project_dir / "ISAC2" / "job003"
    write_class_files(
        folder,
        "run",
        averages,
        5.0,
        {},
        members,
        ParticleFile({"images": images}, "images", _PIXEL),
        project_dir=project_dir,
    )
    table = read_star_tables(folder / "run_data.star")["images"]
    assert table.version is None and "rlnOriginXAngst" not in table
    order = np.argsort(members.rows)
    origin = members.planar.to_relion(1.0)[1].numpy()
    assert np.allclose(table.floats("rlnOriginX"), origin[order, 0])
    assert read_class_set(folder / "run_optimiser.star").columns["size"].tolist() == [4, 3]


def test_that_particles_without_a_class_keep_their_columns_and_say_why(tmp_path: Path) -> None:
    particles = ParticleFile(_tables(), "particles", _PIXEL)
    path = tmp_path / "run_unaccounted_data.star"
    assert write_unaccounted(path, np.array([3, 10]), ["unstable", "untried"], particles)
    found = read_star_tables(path)
    assert found["particles"].text("hsFate").tolist() == ["unstable", "untried"]
    assert found["particles"].text("myOwn").tolist() == ["word3", "word10"]
    assert "rlnClassNumber" not in found["particles"] and found["optics"].n_rows == 1
    assert not write_unaccounted(path, np.array([], np.int64), [], particles)
    assert not path.exists()


def test_that_no_classes_are_not_written(tmp_path: Path, averages: np.ndarray, members: ClassMembers) -> None:
    none = replace(members, rows=members.rows[:0])
    with pytest.raises(ValueError, match="no classes"):
        _write(tmp_path / "a" / "b", averages, none, _tables())
