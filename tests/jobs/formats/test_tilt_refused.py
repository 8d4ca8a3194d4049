"""Bad image series end in one sentence that names file, row and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.mrc import write_stack
from jobs.formats.tilt_checks import check_images
from jobs.formats.tilt_series import read_tilt_particles
from tests.support.tilt_files import BOX, series_columns, write_series


def _with(column: str, row: int, value: Any) -> dict[str, Any]:
    values = np.array(series_columns()[column], object)
    values[row] = value
    return {column: [str(v) for v in values]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rlnGroupName": None}, "lacks the column rlnGroupName"),
        ({"rlnGroupName": None, "rlnGroupNam": ["a"] * 9}, r"rlnGroupName \(there is rlnGroupNam\)"),
        ({"rlnImageName": None}, "lacks the column rlnImageName"),
        ({"rlnAnglePsi": None, "rlnDefocusV": None}, "rlnDefocusV.*rlnAnglePsi"),
        ({"rlnDetectorPixelSize": None}, "pixel size"),
        (_with("rlnAngleTilt", 4, "nan"), "row 5.*rlnAngleTilt is 'nan'.*finite"),
        (_with("rlnDefocusU", 4, "many"), "row 5.*rlnDefocusU is 'many'.*a number"),
        (_with("rlnCtfScalefactor", 2, 1.5), "row 3.*rlnCtfScalefactor is '1.5'.*cosine"),
        (_with("rlnCtfBfactor", 2, "inf"), "row 3.*rlnCtfBfactor is 'inf'"),
        (_with("rlnImageName", 3, "000000@data/stack.mrcs"), "row 4.*from 1"),
        (_with("rlnImageName", 3, "12@data/stack.mrcs"), "row 4.*image 12 is wanted.*only 9"),
        (_with("rlnImageName", 3, "000001@data/stack.mrcs"), "row 4.*TS_0_000000 has this image already"),
        (_with("rlnImageName", 3, "1@data/other.mrcs"), "data/other.mrcs does not exist"),
        (_with("rlnDetectorPixelSize", 3, 8.0), "row 4.*pixel size is 8 Å, but 4 Å"),
    ],
)
def test_that_the_fault_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        read_tilt_particles(write_series(tmp_path, changes))
    assert str(tmp_path / "series.star") in str(caught.value)


def test_that_mixed_boxes_are_refused_and_mixed_voltages_are_not(tmp_path: Path) -> None:
    path = write_series(tmp_path, _with("rlnImageName", 8, "1@data/large.mrcs"))
    write_stack(tmp_path / "data" / "large.mrcs", np.ones((1, 2 * BOX, 2 * BOX), np.float32), 4.0)
    with pytest.raises(FormatError, match=r"row 9.*16 pixels wide, but 8"):
        read_tilt_particles(path)
    voltages = read_tilt_particles(write_series(tmp_path, _with("rlnVoltage", 8, 200.0))).voltage_kv
    assert sorted(voltages.tolist()) == [200.0] + [300.0] * 8


def test_that_an_image_of_two_particles_is_a_warning(tmp_path: Path) -> None:
    particles = read_tilt_particles(write_series(tmp_path, _with("rlnImageName", 1, "1@data/stack.mrcs")))
    assert any("1 of 9 images belong to two particles" in w and "row 2" in w for w in particles.warnings)


def test_that_truncated_and_foreign_stacks_are_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path)
    stack = tmp_path / "data" / "stack.mrcs"
    content = stack.read_bytes()
    stack.write_bytes(content[:-10])
    with pytest.raises(FormatError, match="truncated"):
        read_tilt_particles(path)
    stack.write_bytes(b"no stack at all")
    with pytest.raises(FormatError, match=r"row 1.*stack\.mrcs"):
        read_tilt_particles(path)


@pytest.mark.parametrize("option", [{"apix": 0.0}, {"apix": float("nan")}, {"dose_override": -1.0}])
def test_that_impossible_options_are_refused(tmp_path: Path, option: dict[str, float]) -> None:
    with pytest.raises(UserError, match="is expected"):
        read_tilt_particles(write_series(tmp_path), **option)  # type: ignore[arg-type]


def test_that_unusable_doses_are_unknown_and_said(tmp_path: Path) -> None:
    for values, said in ((np.zeros(9), "0 everywhere"), (np.full(9, 50.0), "positive in 9 of 9")):
        particles = read_tilt_particles(write_series(tmp_path, {"rlnCtfBfactor": values}))
        assert np.isnan(particles.dose).all()
        assert any(said in w for w in particles.warnings)


def test_that_empty_stacks_and_images_are_found(tmp_path: Path, rng: np.random.Generator) -> None:
    images = rng.normal(size=(9, BOX, BOX)).astype(np.float32)
    images[[2, 6]] = 0
    particles = read_tilt_particles(write_series(tmp_path, images=images))
    report = check_images(particles, sample=None)
    assert report.empty.tolist() == [2, 6]
    assert report.n_checked == 9
    assert "2 of 9 images" in report.warnings[0]
    assert "image 3 of" in report.warnings[0]
    assert "row 7 of" in report.warnings[0]
    images[:] = 0
    empty = read_tilt_particles(write_series(tmp_path, images=images))
    with pytest.raises(FormatError, match=r"row 1.*all images of .*stack\.mrcs are empty"):
        check_images(empty, sample=1)
    images[5] = 1.0 + rng.normal(size=(BOX, BOX))
    one = read_tilt_particles(write_series(tmp_path, images=images))
    assert check_images(one, sample=1).n_checked == 9  # the suspicious stack is looked through


def test_that_images_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path)
    stack = tmp_path / "data" / "stack.mrcs"
    content = bytearray(stack.read_bytes())
    at = len(content) - 5 * BOX * BOX * 4 + 40  # in the fifth of nine images
    content[at : at + 4] = np.float32(np.nan).tobytes()
    stack.write_bytes(content)
    with pytest.raises(FormatError, match=r"row 2.*image 5 of .*not finite"):
        check_images(read_tilt_particles(path), sample=None)


def test_that_the_data_of_others_are_sound(shared: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    for name in ("10076_both_32_sim.star", "10076_both_32_clean.star"):
        report = check_images(read_tilt_particles(folder / name), sample=200)
        assert report.n_checked == 200
        assert not len(report.empty)


def test_that_images_are_found_where_the_user_says(tmp_path: Path) -> None:
    path = write_series(tmp_path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "data" / "stack.mrcs").rename(moved / "stack.mrcs")
    with pytest.raises(FormatError, match=r"does not exist.*--datadir"):
        read_tilt_particles(path)
    assert read_tilt_particles(path, datadir=moved).stacks == [moved / "stack.mrcs"]
    assert read_tilt_particles(path, require_images=False).n_images == 9
