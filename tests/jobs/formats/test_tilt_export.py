"""What is written is what was read: selections byte for byte, series made of sets array for array."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_export import write_selection, write_warp_series
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from tests.support.tilt_files import write_series

_SET = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"


def _assert_same(a: TiltParticles, b: TiltParticles, *, but: tuple[str, ...] = ()) -> None:
    """Compare every array of two sets."""
    for field in fields(TiltParticles):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name in but or not isinstance(x, np.ndarray):
            continue
        if x.dtype == object:
            assert x.tolist() == y.tolist(), field.name
        else:
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=2e-5, err_msg=field.name)
    assert (a.box, a.hand) == (b.box, b.hand)
    assert a.pixel_size_a == pytest.approx(b.pixel_size_a)
    assert (a.ctf_premultiplied, a.dose_weighted) == (b.ctf_premultiplied, b.dose_weighted)


@pytest.mark.parametrize("name", ["both_32_sim", "both_32_clean", "classE_32_sim", "both_32_sim_vols"])
def test_that_a_full_selection_keeps_every_byte_of_every_row(shared: Path, tmp_path: Path, name: str) -> None:
    source = shared / "data" / "tomodrgn" / f"10076_{name}.star"
    particles = read_tilt_particles(source)
    once, twice = tmp_path / "once.star", tmp_path / "twice.star"
    write_selection(particles.select(np.arange(particles.n)[::-1]), once)
    write_selection(read_tilt_particles(once, datadir=source.parent), twice)
    assert once.read_bytes() == twice.read_bytes()
    ((block, before),) = read_star_tables(source).items()
    ((written, after),) = read_star_tables(once).items()
    assert (block, before.columns) == (written, after.columns)
    assert b"\n".join(before.rows()) == b"\n".join(after.rows())
    rows = source.read_bytes()
    assert b"\n".join(after.rows()) in rows


def test_that_a_selection_keeps_its_rows_in_the_order_of_the_file(tmp_path: Path) -> None:
    source = write_series(tmp_path)
    particles = read_tilt_particles(source)
    write_selection(particles.select([2, 0]), tmp_path / "some.star", keep_original=True)
    before, after = read_star_tables(source)[""], read_star_tables(tmp_path / "some.star")[""]
    wanted = [r for r in range(9) if before.row(r)["rlnGroupName"] != "TS_0_000001"]
    assert [after.row(i)["wrpUnknown"] for i in range(7)] == [f"kept{r}" for r in wanted]
    again = read_tilt_particles(tmp_path / "some.star")
    assert list(again.particle_name) == ["TS_0_000000", "TS_1_000002"]
    assert again.original.tolist() == [0, 2]
    assert again.select([1]).original.tolist() == [2]


def test_that_optics_survive_a_selection(tmp_path: Path) -> None:
    optics = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["o"],
        "rlnImagePixelSize": [4.0],
        "wrpMore": ["x"],
    }
    source = write_series(
        tmp_path, {"rlnOpticsGroup": np.ones(9, int), "rlnDetectorPixelSize": None}, optics=optics
    )
    write_selection(read_tilt_particles(source).select([1]), tmp_path / "one.star")
    tables = read_star_tables(tmp_path / "one.star")
    assert list(tables) == ["optics", "particles"]
    assert tables["optics"].row(0)["wrpMore"] == "x"
    assert tables["particles"].n_rows == 2


def test_that_a_warp_series_of_an_optimisation_set_reads_as_the_set(shared: Path, tmp_path: Path) -> None:
    particles = read_tilt_particles(shared / "data" / "tomodrgn" / _SET)
    write_warp_series(particles, tmp_path / "series.star")
    again = read_tilt_particles(tmp_path / "series.star")
    assert again.flavour == "warp"
    unlike = ("frame", "row", "stack", "section", "particle_rotation")
    _assert_same(again, particles, but=unlike)
    np.testing.assert_array_equal(
        ImageStacks(again).read(np.arange(200)), ImageStacks(particles).read(np.arange(200))
    )


def test_that_a_warp_series_of_a_series_reads_as_the_series(tmp_path: Path) -> None:
    particles = read_tilt_particles(write_series(tmp_path))
    for folder in (tmp_path / "inside", tmp_path.parent / f"{tmp_path.name}_outside"):
        folder.mkdir()
        write_warp_series(particles, folder / "series.star")
        again = read_tilt_particles(folder / "series.star")
        _assert_same(again, particles, but=("row",))
        assert again.stacks == particles.stacks
        some = particles.select([2, 1])
        write_warp_series(some, folder / "some.star")
        _assert_same(read_tilt_particles(folder / "some.star"), some, but=("row", "original"))
        shutil.rmtree(folder)


def test_that_nothing_is_not_written(tmp_path: Path) -> None:
    particles = read_tilt_particles(write_series(tmp_path)).select([])
    for write in (write_selection, write_warp_series):
        with pytest.raises(UserError, match="no particle is left"):
            write(particles, tmp_path / "none.star")
    assert not (tmp_path / "none.star").exists()
