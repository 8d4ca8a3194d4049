from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.mrc import write_stack
from jobs.formats.particles import read_particles
from jobs.formats.star import read_star_tables, write_star_tables
from tests.support.shared import shared_dir

MakeParticles = Callable[..., Path]


def refusal(path: Path, **options: Any) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read_particles(path, **options)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def with_value(start: np.ndarray | list[Any], row: int, value: Any) -> list[Any]:
    values = list(start)
    values[row] = value
    return values


NUMBERS = 10000.0 + np.arange(12)


@pytest.mark.parametrize("column", ["rlnAngleTilt", "rlnOriginXAngst", "rlnDefocusV", "rlnPhaseShift"])
@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["nan", "inf"])
def test_that_a_pose_or_defocus_that_is_no_finite_number_is_refused_at_its_cell(
    make_particles: MakeParticles, column: str, value: float
) -> None:
    error = refusal(make_particles({column: with_value(NUMBERS, 4, value)}))
    assert (error.row, error.column) == (5, column)
    assert f"{column} is '{value}'" in str(error)


def test_that_the_number_of_bad_rows_is_told(make_particles: MakeParticles) -> None:
    error = refusal(make_particles({"rlnAnglePsi": np.full(12, np.nan)}))
    assert error.row == 1
    assert "12 rows are so" in str(error)


def test_that_a_cell_with_letters_is_refused_at_its_cell(make_particles: MakeParticles) -> None:
    error = refusal(make_particles({"rlnAngleRot": with_value(NUMBERS.astype(str), 2, "12,5")}))
    assert (error.row, error.column) == (3, "rlnAngleRot")


REFUSED: list[tuple[str, Mapping[str, Any], Mapping[str, Any], str, int | None]] = [
    ("undefined-group", {"rlnOpticsGroup": [1] * 11 + [2]}, {}, "optics table defines only 1", 12),
    ("group-twice", {}, {"rlnOpticsGroup": [1, 1]}, "defined only once", 2),
    ("odd-box", {}, {"rlnImageSize": [7]}, "an even box is expected", 1),
    ("box-zero", {}, {"rlnImageSize": [0]}, "an even box is expected", 1),
    ("other-box", {}, {"rlnImageSize": [16]}, "8 pixels wide, but 16 are expected", 1),
    ("three-dimensional", {}, {"rlnImageDimensionality": [3]}, "two-dimensional particle images", 1),
    ("pixel-zero", {}, {"rlnImagePixelSize": [0.0]}, "more than 0 Å", 1),
    ("volts", {}, {"rlnVoltage": [300000.0]}, "kV, as 300, is expected", 1),
    ("amplitude-percent", {}, {"rlnAmplitudeContrast": [10.0]}, "a fraction, as 0.1, is expected", 1),
    ("half-three", {"rlnRandomSubset": [1, 2, 3] + [1] * 9}, {}, "1 or 2 (or 0) is expected", 3),
    ("zernike", {}, {"rlnOddZernike": ["0.1"]}, "numbers in brackets", 1),
    (
        "number-zero",
        {"rlnImageName": with_value(["1@Extract/job002/a.mrcs"] * 12, 1, "0@Extract/job002/a.mrcs")},
        {},
        "an image number from 1 is expected",
        2,
    ),
    (
        "no-path",
        {"rlnImageName": with_value(["1@Extract/job002/a.mrcs"] * 12, 1, "1@")},
        {},
        "the path of an image stack is expected",
        2,
    ),
    (
        "beyond-the-stack",
        {"rlnImageName": with_value(["1@Extract/job002/a.mrcs"] * 12, 9, "8@Extract/job002/a.mrcs")},
        {},
        "which holds only 7",
        10,
    ),
    (
        "second-stack-missing",
        {"rlnImageName": with_value(["1@Extract/job002/a.mrcs"] * 12, 9, "8@Extract/job002/c.mrcs")},
        {},
        "does not exist (1 of 2 stacks are missing)",
        10,
    ),
    (
        "whole-stack",
        {"rlnImageName": with_value(["1@Extract/job002/b.mrcs"] * 12, 3, "Extract/job002/b.mrcs")},
        {},
        "holds 5 images, but the name does not say which",
        4,
    ),
]


@pytest.mark.parametrize(
    ("particles", "optics", "message", "row"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_that_bad_input_is_refused_in_one_sentence_with_its_row(
    make_particles: MakeParticles,
    particles: Mapping[str, Any],
    optics: Mapping[str, Any],
    message: str,
    row: int,
) -> None:
    if "rlnOpticsGroup" in optics:
        optics = {
            "rlnOpticsGroup": [1, 1],
            "rlnOpticsGroupName": ["a", "b"],
            "rlnVoltage": [300.0] * 2,
            "rlnSphericalAberration": [2.7] * 2,
            "rlnAmplitudeContrast": [0.1] * 2,
            "rlnImagePixelSize": [1.5] * 2,
            "rlnImageSize": [8] * 2,
            "rlnImageDimensionality": [2] * 2,
        }
    error = refusal(make_particles(particles, optics))
    assert message in str(error)
    assert error.row == row
    assert error.column


def test_that_all_missing_columns_of_both_tables_are_listed_together(make_particles: MakeParticles) -> None:
    star = make_particles(
        {"rlnAngleTilt": None, "rlnDefocusV": None, "rlnAngleRot": None, "rlnAngleRott": np.zeros(12)},
        {"rlnImagePixelSize": None},
    )
    sentence = str(refusal(star))
    for name in ("rlnImagePixelSize", "rlnDefocusV", "rlnAngleTilt", "rlnAngleRot (there is rlnAngleRott)"):
        assert name in sentence


def test_that_sets_never_refined_read_only_when_poses_are_not_needed(make_particles: MakeParticles) -> None:
    star = make_particles({"rlnAngleTilt": None, "rlnAngleRot": None, "rlnAnglePsi": None})
    assert "rlnAngleRot, rlnAngleTilt, rlnAnglePsi" in str(refusal(star))
    assert (read_particles(star, require_poses=False).euler_deg == 0).all()


def test_that_a_missing_amplitude_contrast_is_assumed_only_on_request(make_particles: MakeParticles) -> None:
    star = make_particles(None, {"rlnAmplitudeContrast": None})
    assert "0.1 is usual" in str(refusal(star))
    p = read_particles(star, permissive=True)
    assert (p.amplitude_contrast == 0.1).all()
    assert p.ctf_known.all()
    assert "0.1 is assumed" in p.warnings[0]


def test_that_a_file_without_particles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.star"
    path.write_text("data_optics\n\nloop_\n_rlnOpticsGroup\n1\n\ndata_particles\n\nloop_\n_rlnImageName\n\n")
    assert "the file holds no particles" in str(refusal(path))
    path.write_text("data_optics\n\nloop_\n_rlnOpticsGroup\n1\n")
    assert "no particle table (found data_optics)" in str(refusal(path))
    path.write_text("data_particles\n\nloop_\n_rlnImagename\n1\n")
    assert "rlnImageName (there is rlnImagename)" in str(refusal(path))


@pytest.mark.reference
def test_that_tomography_particles_are_refused_in_words() -> None:
    path = shared_dir() / "data" / "tomodrgn" / "warptools_test_4-tomos_10-ptcls_box-32_angpix-12.star"
    assert "these are tomography particles" in str(refusal(path))


def test_that_the_places_looked_at_for_missing_images_are_named(
    make_particles: MakeParticles, tmp_path: Path
) -> None:
    star = make_particles(stacks=False)
    error = refusal(star, project_dir=tmp_path / "elsewhere")
    assert "Extract/job002/a.mrcs does not exist" in str(error)
    assert str(tmp_path / "elsewhere") in str(error)
    assert str(star.parent) in str(error)
    assert (error.row, error.column) == (1, "rlnImageName")
    assert read_particles(star, require_images=False).n == 12


def test_that_a_stack_one_byte_short_is_refused_with_both_sizes(star_path: Path, tmp_path: Path) -> None:
    stack = tmp_path / "Extract" / "job002" / "b.mrcs"
    content = stack.read_bytes()
    stack.write_bytes(content[:-1])
    error = refusal(star_path)
    assert error.row == 8
    assert f"b.mrcs is truncated: {len(content):,} bytes are expected" in str(error)
    assert f"{len(content) - 1:,} are there" in str(error)
    stack.write_bytes(content[:500])
    assert "the whole file has 500" in str(refusal(star_path))
    stack.write_bytes(b"")
    assert "the whole file has 0" in str(refusal(star_path))


def test_that_odd_rectangular_and_mixed_images_are_refused(
    make_particles: MakeParticles, tmp_path: Path
) -> None:
    star = make_particles(None, {"rlnImageSize": None})
    stack = tmp_path / "Extract" / "job002" / "b.mrcs"
    write_stack(stack, np.zeros((5, 9, 9), np.float32), 1.5)
    assert "an odd box of 9 pixels" in str(refusal(star))
    write_stack(stack, np.zeros((5, 8, 10), np.float32), 1.5)
    assert "10 × 8 pixels, not square" in str(refusal(star))
    write_stack(stack, np.zeros((5, 10, 10), np.float32), 1.5)
    error = refusal(star)
    assert "10 pixels wide, but 8 are expected" in str(error)
    assert error.row == 8


def test_that_a_stack_that_is_no_image_file_is_refused_by_name(star_path: Path, tmp_path: Path) -> None:
    (tmp_path / "Extract" / "job002" / "a.mrcs").write_text("not an image\n" * 200)
    error = refusal(star_path)
    assert "a.mrcs: the mode is" in str(error)
    assert error.row == 1


def test_that_particles_without_their_optics_table_are_refused(star_path: Path, tmp_path: Path) -> None:
    write_star_tables(tmp_path / "half.star", [read_star_tables(star_path)["particles"]])
    assert "no optics table (data_optics)" in str(refusal(tmp_path / "half.star"))


def test_that_absurd_image_numbers_are_refused(make_particles: MakeParticles) -> None:
    names = with_value(["1@Extract/job002/a.mrcs"] * 12, 6, f"{10**20}@Extract/job002/a.mrcs")
    error = refusal(make_particles({"rlnImageName": names}))
    assert (error.row, error.column) == (7, "rlnImageName")
