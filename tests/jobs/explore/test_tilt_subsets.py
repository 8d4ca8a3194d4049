"""Selections of tilt series: found by identity, written as they came, read back by the readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.explore.exports import Exporter
from jobs.explore.tilt_subsets import are_of_tilt_series
from jobs.formats.index_files import read_indices
from jobs.formats.tilt_series import read_tilt_particles
from tests.support.tilt_files import write_series

WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"


def test_that_a_selection_of_an_image_series_holds_all_images_of_its_particles(tmp_path: Path) -> None:
    star = write_series(tmp_path)
    whole = read_tilt_particles(star, tmp_path)
    names = [str(whole.particle_name[2]), str(whole.particle_name[0])]
    exporter = Exporter(tmp_path, tmp_path / "TomoDRGN" / "job001", 0, None)
    written = exporter.save_subset(star, names)
    assert written == tmp_path / "TomoDRGN" / "job001" / "subsets" / "subset_1_half0.star"
    again = read_tilt_particles(written, tmp_path)
    np.testing.assert_array_equal(again.particle_name, whole.particle_name[[0, 2]])
    np.testing.assert_array_equal(again.counts, whole.counts[[0, 2]])
    np.testing.assert_array_equal(again.dose, whole.select([0, 2]).dose)
    assert set(again.table.columns) == set(whole.table.columns)
    assert again.table.text("wrpUnknown").tolist() == whole.select([0, 2]).table.text("wrpUnknown").tolist()
    rows = read_indices(exporter.save_indices(star, names).with_suffix(".npy"), whole.n)
    assert rows.tolist() == [0, 2]


def test_that_a_selection_of_an_optimisation_set_is_one_again(tmp_path: Path, shared: Path) -> None:
    star = shared / "data" / "tomodrgn" / WARPTOOLS
    whole = read_tilt_particles(star, star.parent)
    names = whole.particle_name[[1, 12, 39]].tolist()
    job = tmp_path / "TomoDRGN" / "job001"
    written = Exporter(tmp_path, job, 0, None).save_subset(star, names)
    assert written.parent.name == "subset_1_half0" and written.name.endswith("_optimisation_set.star")
    assert [path.name for path in (job / "subsets").iterdir()] == ["subset_1_half0"], "nothing else is left"
    again = read_tilt_particles(written, tmp_path)
    assert again.particle_name.tolist() == names
    np.testing.assert_array_equal(again.counts, whole.counts[[1, 12, 39]])
    np.testing.assert_allclose(again.rotation, whole.select([1, 12, 39]).rotation, atol=1e-6)


def test_that_particles_unknown_to_the_file_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    star = write_series(tmp_path)
    job = tmp_path / "TomoDRGN" / "job001"
    with pytest.raises(UserError, match=r"1 of 1 chosen particles are not in the file \(TS_9"):
        Exporter(tmp_path, job, 0, None).save_subset(star, ["TS_9_000009"])
    assert not job.exists()


def test_that_single_images_are_told_from_particles_of_many(tmp_path: Path) -> None:
    star = write_series(tmp_path)
    names = read_tilt_particles(star, tmp_path).particle_name.tolist()
    assert are_of_tilt_series(star, names)
    assert not are_of_tilt_series(star, ["000003@data/stack.mrcs"])
