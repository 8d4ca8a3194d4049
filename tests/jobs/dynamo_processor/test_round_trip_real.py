"""Files of WarpTools and RELION 5 go to Dynamo and come back; empty reconstructions stand in for theirs."""

from __future__ import annotations

import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.dynamo_processor.commands import main
from jobs.formats.dynamo_table import read_table
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.conventions3d import angle_between, relion_to_matrix
from tests.support.shared import shared_dir

AXES, ANGLES = ("X", "Y", "Z"), ("Rot", "Tilt", "Psi")
FORM = ["--box_size", "8", "--dim_r1", "8", "--lim_r1", "2", "--low_r1", "4", "--crop_with", "dynamo"]


def _empty(path: Path, size: tuple[int, int, int], voxel_a: float) -> None:
    """Write a reconstruction of zeros that takes no room."""
    with mrcfile.new_mmap(path, size[::-1], mrc_mode=0) as file:
        file.voxel_size = voxel_a


def _numbers(table: StarTable, pattern: str, words: tuple[str, ...]) -> np.ndarray:
    labels = [pattern.format(word) for word in words]
    return np.stack([table.floats(n) if n in table else np.zeros(table.n_rows) for n in labels], axis=1)


def _there_and_back(star: Path, volumes: Path, out: Path, *more: str) -> tuple[StarTable, StarTable]:
    """Set a project up from a STAR file and bring its table back; the particles of both, in one order."""
    words = ["--source_type", "relion5", "--fn_particles", str(star), "--volumes_dir", str(volumes), *more]
    assert main([*words, *FORM, "--out_of_bounds", "keep", "--out", str(out)]) == 0
    back = out / "particles.star"
    assert main(["to-relion", str(out / "input.tbl"), "--out", str(back)]) == 0
    named = read_star_tables(star).get("")
    particles = star.parent / named.text("rlnTomoParticlesFile")[0] if named is not None else star
    before, after = read_star_tables(particles)["particles"], read_star_tables(back)["particles"]
    assert after.n_rows == before.n_rows
    order = [np.lexsort((t.floats("key"), t.text("rlnTomoName"))) for t in map(_keyed, (before, after))]
    return before.select(order[0]), after.select(order[1])


def _keyed(table: StarTable) -> StarTable:
    """A column that is neither a place nor an orientation, and tells the particles of a tomogram apart."""
    return table.with_columns({"key": table.floats("rlnTomoParticleId")})


def test_that_a_set_of_warptools_comes_back_to_a_thousandth_of_a_pixel(tmp_path: Path) -> None:
    data = shared_dir() / "data" / "tomodrgn"
    star = data / "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"
    for name in ("Unt_050", "Unt_076", "Unt_083", "Unt_088"):
        _empty(tmp_path / f"{name}_13.33Apx.mrc", (550, 750, 175), 1.667 * 8)
    before, after = _there_and_back(star, tmp_path, tmp_path / "job")
    # WarpTools counts in pixels of the images it extracted, 12 Å; the particles fill their tomograms
    size_a = np.array([4400, 6000, 1400]) * 1.667
    place_a = _numbers(before, "rlnCoordinate{}", AXES) * 12.0
    assert (place_a.max(axis=0) > 0.85 * size_a).all() and (place_a < size_a).all()
    centred = _numbers(after, "rlnCenteredCoordinate{}Angst", AXES) + size_a / 2
    assert np.abs(centred - place_a).max() < 1e-3 * 1.667
    table = read_table(tmp_path / "job" / "input.tbl")
    in_table = np.sort((table.position - 1) * table["apix"][:, None], axis=0)
    np.testing.assert_allclose(in_table, np.sort(place_a, axis=0), rtol=3e-4)
    warp = tmp_path / "warp.star"
    assert main(["to-warp", str(tmp_path / "job" / "input.tbl"), "--out", str(warp)]) == 0
    again = read_star_tables(warp)["particles"]
    row = {name: k for k, name in enumerate(again.text("rlnImageName").tolist())}
    again = again.select([row[name] for name in before.text("rlnImageName").tolist()])
    np.testing.assert_allclose(
        _numbers(again, "rlnCoordinate{}", AXES), _numbers(before, "rlnCoordinate{}", AXES), atol=1e-4
    )
    turns = [relion_to_matrix(_numbers(t, "rlnAngle{}", ANGLES)) for t in (before, after)]
    assert angle_between(*turns).max() < 1e-4
    kept = [name for name in before.columns if name in after and "Angle" not in name and "Origin" not in name]
    assert {"rlnOpticsGroup", "rlnTomoVisibleFrames", "rlnImageName"} <= set(kept)
    for name in kept:
        if name != "rlnRandomSubset":
            assert after.text(name).tolist() == before.text(name).tolist(), name


def test_that_particles_in_tomograms_of_a_relion_5_project_come_back(tmp_path: Path) -> None:
    """The project is real as far as tomograms and tilt series go; its particles are placed here."""
    data = shared_dir() / "data" / "relion5_tomo_project"
    project = tmp_path / "project"
    shutil.copytree(data, project)
    series = project / "tilt_series_metadata" / "tilt_series.star"
    names = read_star_tables(series)["global"].text("rlnTomoName").tolist()
    volumes = project / "ReconstructTomograms" / "job007" / "tomograms"
    volumes.mkdir(parents=True)
    for name in names:
        _empty(volumes / f"rec_{name}.mrc", (500, 500, 375), 10.8)
    rng, each = np.random.default_rng(6), 3
    count = each * len(names)
    columns = {
        "rlnTomoName": np.repeat(np.array(names, object), each),
        "rlnTomoParticleId": np.arange(count),
        **{f"rlnCenteredCoordinate{a}Angst": rng.uniform(-1800, 1800, count) for a in AXES},
        **{f"rlnAngle{a}": rng.uniform(1, 179, count) for a in ANGLES},
        "rlnRandomSubset": np.arange(count) % 2 + 1,
    }
    star = project / "particles.star"
    write_star_tables(star, [StarTable.from_columns("particles", columns)])
    before, after = _there_and_back(star, volumes, tmp_path / "job", "--fn_tomograms", str(series))
    places = [_numbers(t, "rlnCenteredCoordinate{}Angst", AXES) / 1.35 for t in (before, after)]
    assert np.abs(places[0] - places[1]).max() < 1e-3
    turns = [relion_to_matrix(_numbers(t, "rlnAngle{}", ANGLES)) for t in (before, after)]
    assert angle_between(*turns).max() < 1e-4
    assert after.ints("rlnRandomSubset").tolist() == before.ints("rlnRandomSubset").tolist()
    table = read_table(tmp_path / "job" / "input.tbl")
    assert table["apix"] == pytest.approx(10.8)
    for number, name in enumerate(sorted(names), 1):
        tilts = next(iter(read_star_tables(series.parent / "tilt_series" / f"{name}.star").values()))
        ends = tilts.floats("rlnTomoYTilt").min(), tilts.floats("rlnTomoYTilt").max()
        rows = table["tomo"] == number
        assert (table["ymintilt"][rows] == np.round(ends[0])).all()
        assert (table["ymaxtilt"][rows] == np.round(ends[1])).all()
