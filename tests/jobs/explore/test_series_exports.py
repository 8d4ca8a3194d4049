"""Selections for other programs, read back: the same particles in every form, whatever the input was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.core.exploring import ExportOrder
from jobs.explore.selection_files import read_selection
from jobs.explore.series_exports import export_selection
from jobs.formats.pickles import read_pickles
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from tests.support.explored import BlobModel
from tests.support.exploring import write_particles
from tests.support.tilt_files import write_series
from tests.support.tilt_sets import write_relion5_project

WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"


def ordered(kind: str, whole: TiltParticles, rows: list[int], **more: Any) -> ExportOrder:
    latent = np.array(rows, np.float32)[:, None] + np.array([0.0, 0.5], np.float32)
    return ExportOrder(kind, tuple(whole.particle_name[rows].tolist()), latent, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["warp", "relion5", "same"])
def test_that_a_set_of_warptools_comes_back_from_every_form(tmp_path: Path, shared: Path, kind: str) -> None:
    star = shared / "data" / "tomodrgn" / WARPTOOLS
    whole = read_tilt_particles(star, star.parent)
    rows = [31, 2, 12]
    job = tmp_path / "TomoDRGN" / "job001"
    written, notes = export_selection(star.parent, job, 0, star, ordered(kind, whole, rows))
    assert written.is_file() and not notes and written.parent.name == "subset_1_half0"
    again = read_tilt_particles(written, star.parent)
    assert again.particle_name.tolist() == whole.particle_name[sorted(rows)].tolist()
    expected = whole.select(sorted(rows))
    assert set(expected.particle_name) <= set(read_selection(written, star.parent, lambda: star))
    np.testing.assert_array_equal(again.counts, expected.counts)
    np.testing.assert_allclose(again.rotation, expected.rotation, atol=1e-5)
    np.testing.assert_allclose(again.dose, expected.dose, atol=1e-3)
    assert b".writing" not in b"".join(path.read_bytes() for path in written.parent.rglob("*.star"))


@pytest.mark.parametrize("kind", ["warp", "relion5", "same"])
def test_that_each_tomogram_gets_a_file_of_its_own(tmp_path: Path, kind: str) -> None:
    star = write_relion5_project(tmp_path)
    whole = read_tilt_particles(star, tmp_path)
    rows = [0, 1, 2]
    job = tmp_path / "TomoDRGN" / "job001"
    order = ordered(kind, whole, rows, by_tomogram=True)
    folder, notes = export_selection(tmp_path, job, 0, star, order)
    assert folder.is_dir() and "3 particles in 2 files" in notes[0]
    ending = {"warp": "{}.star", "relion5": "{}/optimisation_set.star", "same": "{}/{}_optimisation_set.star"}
    for tomogram in ("TS_01", "TS_02"):
        again = read_tilt_particles(folder / ending[kind].format(tomogram, tomogram), tmp_path)
        members = [k for k in rows if whole.tomogram[k] == tomogram]
        assert again.particle_name.tolist() == whole.particle_name[members].tolist()
        np.testing.assert_array_equal(again.counts, whole.counts[members])


def test_that_index_files_say_what_to_keep_in_the_numbering_before_any_filter(tmp_path: Path) -> None:
    star = write_series(tmp_path)
    whole = read_tilt_particles(star, tmp_path)
    assert whole.n >= 3
    # a file from which the first particle had been left out before
    filtered = tmp_path / "filtered.star"
    write_selection(whole.select(range(1, whole.n)), filtered, keep_original=True)
    part = read_tilt_particles(filtered, tmp_path)
    job = tmp_path / "TomoDRGN" / "job001"
    order = ordered("index_files", part, [1, 0], by_tomogram=True)
    folder, notes = export_selection(tmp_path, job, 0, filtered, order)
    assert read_pickles(folder / "ind_keep.2_particles.pkl")[0].tolist() == [1, 2]
    bad = read_pickles(folder / f"ind_bad.{whole.n - 3}_particles.pkl")[0]
    assert bad.tolist() == list(range(3, whole.n))
    # the latents stand in the order of the indices
    assert read_pickles(folder / "z_keep.2.pkl")[0].tolist() == [[0.0, 0.5], [1.0, 1.5]]
    assert "before any filter" in notes[0]
    names = [path.name for path in folder.iterdir()]
    apart = [name for name in names if name.startswith("ind_keep") and name.count(".") > 2]
    together = np.concatenate([read_pickles(folder / name)[0] for name in apart])
    assert sorted(together.tolist()) == [1, 2]
    back = read_selection(folder / "ind_keep.2_particles.pkl", tmp_path, lambda: filtered)
    assert list(back) == whole.particle_name[[1, 2]].tolist()


def test_that_index_files_of_single_particles_hold_rows_of_the_star_file(tmp_path: Path) -> None:
    model = BlobModel(30)
    star = tmp_path / "particles.star"
    write_particles(star, model)
    names = tuple(model.metadata["image_name"][[7, 3]].tolist())
    order = ExportOrder("index_files", names, np.array([[7.0], [3.0]]))
    folder, _ = export_selection(tmp_path, tmp_path / "DynaMight" / "job001", 1, star, order)
    # every second row belongs to the other half-set
    assert read_pickles(folder / "ind_keep.2_particles.pkl")[0].tolist() == [6, 14]
    assert len(read_pickles(folder / "ind_bad.58_particles.pkl")[0]) == 58
    assert read_pickles(folder / "z_keep.2.pkl")[0].tolist() == [[3.0], [7.0]]
    back = read_selection(folder / "ind_keep.2_particles.pkl", tmp_path, lambda: star)
    assert set(back) == set(names)


def test_that_single_particles_are_no_tilt_series_and_nothing_is_left(tmp_path: Path) -> None:
    model = BlobModel(30)
    star = tmp_path / "particles.star"
    write_particles(star, model)
    job = tmp_path / "DynaMight" / "job001"
    order = ExportOrder("warp", tuple(model.metadata["image_name"][:2].tolist()), np.zeros((2, 1)))
    with pytest.raises(UserError, match="single particles"):
        export_selection(tmp_path, job, 1, star, order)
    with pytest.raises(UserError, match="no particles are selected"):
        export_selection(tmp_path, job, 1, star, ExportOrder("warp", (), np.zeros((0, 1))))
    assert not job.exists()
