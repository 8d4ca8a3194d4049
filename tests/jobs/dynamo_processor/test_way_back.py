"""RELION 5 and Warp to Dynamo and back: places, orientations, halves and every other column survive."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.commands import main
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.setup import set_up
from jobs.formats.dynamo_table import DynamoTable, read_table, write_table
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.conventions3d import angle_between, relion_to_matrix

N, PIXEL, BINNING = 12, 2.5, 4
SIZE = (400, 440, 200)
AXES = ("X", "Y", "Z")


class Silent:
    """Listens to nothing."""

    def say(self, text: str) -> None:
        """Keep nothing."""

    def check_abort(self) -> None:
        """Go on."""

    def progress(self, phase: str, step: int, of: int) -> None:
        """Keep nothing."""


def _angles(rng: np.random.Generator, prefix: str) -> dict[str, np.ndarray]:
    high = {"Rot": 180.0, "Tilt": 179.0, "Psi": 180.0}
    return {f"rln{prefix}{a}": rng.uniform(1 if a == "Tilt" else -h, h, N) for a, h in high.items()}


def _relion5(folder: Path, rng: np.random.Generator, halves: bool) -> None:
    """Two tomograms at binning 4, particles with subtomogram angles and origins."""
    names = np.array(["TS_1", "TS_2"] * (N // 2), object)
    columns = {
        "rlnTomoName": names,
        "rlnTomoParticleName": np.array([f"{n}/{k}" for k, n in enumerate(names)], object),
        **{
            f"rlnCenteredCoordinate{a}Angst": rng.uniform(-0.3, 0.3, N) * SIZE[k] * PIXEL
            for k, a in enumerate(AXES)
        },
        **_angles(rng, "TomoSubtomogram"),
        **_angles(rng, "Angle"),
        **{f"rlnOrigin{a}Angst": rng.uniform(-9, 9, N) for a in AXES},
        "rlnOpticsGroup": np.ones(N, int),
        "rlnManyColumnsMore": np.array(["a b", "c"] * (N // 2), object),
    }
    if halves:
        columns["rlnRandomSubset"] = np.array([2, 2, 1] * (N // 3))
    optics = {"rlnOpticsGroup": [1], "rlnOpticsGroupName": ["og"], "rlnTomoTiltSeriesPixelSize": [PIXEL]}
    write_star_tables(
        folder / "particles.star",
        [StarTable.from_columns("optics", optics), StarTable.from_columns("particles", columns)],
    )
    series, volumes = [], []
    for name in ("TS_1", "TS_2"):
        tilts = np.arange(-45.0, 46, 3)
        tilt = {
            "rlnMicrographName": np.array([f"{k}@x.mrcs" for k in range(len(tilts))], object),
            "rlnTomoXTilt": np.zeros(len(tilts)),
            "rlnTomoYTilt": tilts,
            "rlnTomoZRot": np.full(len(tilts), 85.0),
            "rlnTomoXShiftAngst": np.zeros(len(tilts)),
            "rlnTomoYShiftAngst": np.zeros(len(tilts)),
            "rlnMicrographPreExposure": np.arange(len(tilts)) * 3.0,
        }
        write_star_tables(folder / f"{name}.star", [StarTable.from_columns(name, tilt)])
        series.append(f"{name}.star")
        with mrcfile.new_mmap(folder / f"{name}.mrc", tuple(s // BINNING for s in SIZE[::-1]), 2) as file:
            file.voxel_size = PIXEL * BINNING
        volumes.append(f"{name}.mrc")
    tomograms = {
        "rlnTomoName": np.array(["TS_1", "TS_2"], object),
        "rlnTomoTiltSeriesPixelSize": [PIXEL] * 2,
        "rlnTomoTiltSeriesStarFile": np.array(series, object),
        "rlnTomoReconstructedTomogram": np.array(volumes, object),
        "rlnTomoHand": [-1, -1],
        **{f"rlnTomoSize{a}": [SIZE[k]] * 2 for k, a in enumerate(AXES)},
    }
    write_star_tables(folder / "tomograms.star", [StarTable.from_columns("global", tomograms)])


def _columns(table: StarTable, pattern: str, words: tuple[str, ...]) -> np.ndarray:
    return np.stack([table.floats(pattern.format(word)) for word in words], axis=1)


def _total(table: StarTable) -> tuple[np.ndarray, np.ndarray]:
    """Places in unbinned pixels from the centre, and matrices reference to tomogram, as RELION has them."""
    angles = ("Rot", "Tilt", "Psi")
    turn = np.swapaxes(relion_to_matrix(_columns(table, "rlnTomoSubtomogram{}", angles)), 1, 2)
    within = np.swapaxes(relion_to_matrix(_columns(table, "rlnAngle{}", angles)), 1, 2)
    origin = np.einsum("pij,pj->pi", turn, _columns(table, "rlnOrigin{}Angst", AXES))
    return (_columns(table, "rlnCenteredCoordinate{}Angst", AXES) - origin) / PIXEL, turn @ within


@pytest.mark.parametrize("halves", [True, False], ids=["halves of RELION", "no halves"])
def test_that_relion_5_particles_come_back_as_they_were(tmp_path: Path, halves: bool) -> None:
    _relion5(tmp_path, np.random.default_rng(3), halves)
    options = DynamoOptions(
        source_type="relion5",
        fn_particles="particles.star",
        fn_tomograms="tomograms.star",
        box_size=8,
        dim_r1=8,
        lim_r1="2",
        low_r1=4.0,
        crop_with="dynamo",
        out_of_bounds="keep",
    )
    made = set_up(options, tmp_path, tmp_path / "job", Silent())
    assert made.written == N
    table = read_table(tmp_path / "job" / "input.tbl")
    assert table["ymintilt"].tolist() == [-45] * N
    if halves:
        # Dynamo's split by tag keeps the halves, and the script tells them by tag
        assert "mod(used_table(:, 1), 2) == 1" in (tmp_path / "job" / "dynamo_process.m").read_text()
    # the two halves come back as two tables, in another order
    odd = table["tag"] % 2 == 1
    write_table(tmp_path / "odd.tbl", table.select(np.flatnonzero(odd)[::-1]))
    write_table(tmp_path / "even.tbl", table.select(~odd))
    words = [
        "to-relion",
        str(tmp_path / "odd.tbl"),
        str(tmp_path / "even.tbl"),
        "--out",
        str(tmp_path / "back.star"),
    ]
    assert main([*words, "--map", str(tmp_path / "job" / "particles_map.star")]) == 0
    before = read_star_tables(tmp_path / "particles.star")["particles"]
    back = read_star_tables(tmp_path / "back.star")
    assert list(back) == ["optics", "particles"]
    after = back["particles"]
    row = {name: k for k, name in enumerate(after.text("rlnTomoParticleName"))}
    after = after.select([row[name] for name in before.text("rlnTomoParticleName")])
    (place, turn), (place_back, turn_back) = _total(before), _total(after)
    assert np.abs(place - place_back).max() < 1e-3
    assert angle_between(turn, turn_back).max() < 1e-4
    assert not _columns(after, "rlnOrigin{}Angst", AXES).any()
    assert after.text("rlnManyColumnsMore").tolist() == before.text("rlnManyColumnsMore").tolist()
    if halves:
        assert after.ints("rlnRandomSubset").tolist() == before.ints("rlnRandomSubset").tolist()
    else:
        assert set(after.ints("rlnRandomSubset")) == {1, 2}


def test_that_shifts_and_turns_of_dynamo_arrive_and_left_out_particles_do_not(tmp_path: Path) -> None:
    _relion5(tmp_path, np.random.default_rng(4), True)
    options = DynamoOptions(
        source_type="relion5", fn_particles="particles.star", fn_tomograms="tomograms.star", box_size=8,
        dim_r1=8, lim_r1="2", low_r1=4.0, crop_with="dynamo", out_of_bounds="keep",
    )  # fmt: skip
    set_up(options, tmp_path, tmp_path / "job", Silent())
    table = read_table(tmp_path / "job" / "input.tbl")
    values = table.values.copy()
    values[:, 3:6] += (1.0, -2.0, 0.5)
    values[0, 2] = 0
    write_table(tmp_path / "job" / "refined.tbl", DynamoTable(values, table.daxis_imaginary))
    out = tmp_path / "back.star"
    assert (
        main(["to-relion", str(tmp_path / "job" / "refined.tbl"), "--only-averaged", "--out", str(out)]) == 0
    )
    after = read_star_tables(out)["particles"]
    assert after.n_rows == N - 1
    before = read_star_tables(tmp_path / "particles.star")["particles"]
    row = {name: k for k, name in enumerate(before.text("rlnTomoParticleName"))}
    before = before.select([row[name] for name in after.text("rlnTomoParticleName")])
    moved = _total(after)[0] - _total(before)[0]
    np.testing.assert_allclose(moved, np.tile([4.0, -8.0, 2.0], (N - 1, 1)), atol=1e-3)


def test_that_one_particle_of_warp_comes_back(tmp_path: Path) -> None:
    with mrcfile.new_mmap(tmp_path / "TS_1_10.00Apx.mrc", (40, 50, 60), 2) as file:
        file.voxel_size = 10.0
    particles = {
        "rlnMicrographName": np.array(["TS_1.tomostar"], object),
        **{
            f"rlnCoordinate{a}": np.array([value]) for a, value in zip(AXES, (101.3, 88.8, 60.2), strict=True)
        },
        **{
            f"rlnAngle{a}": np.array([value])
            for a, value in zip(("Rot", "Tilt", "Psi"), (10.0, 70.0, -33.0), strict=True)
        },
        "rlnPixelSize": np.array([2.5]),
    }
    write_star_tables(tmp_path / "warp.star", [StarTable.from_columns("particles", particles)])
    (tmp_path / "TS_1.tlt").write_text("".join(f"{t}\n" for t in range(-60, 61, 3)))
    options = DynamoOptions(
        source_type="warp", fn_particles="warp.star", volumes_dir=".", box_size=8, dim_r1=8, lim_r1="2",
        low_r1=4.0, do_average=False,
    )  # fmt: skip
    set_up(options, tmp_path, tmp_path / "job", Silent())
    out = tmp_path / "back.star"
    assert main(["to-warp", str(tmp_path / "job" / "particles" / "crop.tbl"), "--out", str(out)]) == 0
    after = read_star_tables(out)["particles"]
    np.testing.assert_allclose(_columns(after, "rlnCoordinate{}", AXES)[0], (101.3, 88.8, 60.2), atol=1e-3)
    angles = _columns(after, "rlnAngle{}", ("Rot", "Tilt", "Psi"))
    assert angle_between(relion_to_matrix(angles), relion_to_matrix([[10.0, 70.0, -33.0]])).max() < 1e-4
    assert after.text("rlnMicrographName").tolist() == ["TS_1.tomostar"]


def test_that_a_table_of_another_project_is_refused(tmp_path: Path) -> None:
    from jobs.dynamo_processor.way_back import find_sidecar, merged

    write_table(tmp_path / "a.tbl", DynamoTable(np.tile(np.arange(1.0, 4)[:, None], (1, 42)), np.zeros(3)))
    with pytest.raises(UserError, match=r"no particles_map\.star is near"):
        find_sidecar(tmp_path / "deep" / "a.tbl")
    with pytest.raises(FormatError, match="stands in two tables"):
        merged([tmp_path / "a.tbl", tmp_path / "a.tbl"])
