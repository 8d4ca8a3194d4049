"""STAR files of every kind are filtered by identity; what is left is untouched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.pickles import write_pickles
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_series import read_tilt_particles
from jobs.formats.tilt_star_filter import StarFilter, filter_star
from tests.support.tilt_files import write_series

_SET = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"


def _kept(path: Path) -> list[str]:
    """What the unknown column of the rows left says: their rows in the original."""
    return [str(v) for v in read_star_tables(path)[""].text("wrpUnknown")]


def _rows(*rows: int) -> list[str]:
    return [f"kept{r}" for r in rows]


@pytest.mark.parametrize(
    ("kind", "indices", "kept"),
    [
        ("particle", [2, 0], (0, 2, 3, 5, 6, 7, 8)),
        ("image", [8, 1], (1, 8)),
        ("tilt", [2, 3], (6, 7, 8)),
    ],
)
def test_that_indices_count_particles_images_or_tilts(
    tmp_path: Path, kind: str, indices: list[int], kept: tuple[int, ...]
) -> None:
    source, out = write_series(tmp_path), tmp_path / "out.star"
    write_pickles(tmp_path / "ind.pkl", np.array(indices))
    (written,) = filter_star(source, out, StarFilter(tmp_path / "ind.pkl", kind))
    assert _kept(out) == _rows(*kept)
    assert written.n_images == len(kept)
    filter_star(source, out, StarFilter(tmp_path / "ind.pkl", kind, drop=True))
    assert _kept(out) == _rows(*(r for r in range(9) if r not in kept))


def test_that_labels_choose_particles(tmp_path: Path) -> None:
    source, out = write_series(tmp_path), tmp_path / "out.star"
    write_pickles(tmp_path / "labels.pkl", np.array([3.0, 5.0, 3.0]))
    wanted = StarFilter(labels=tmp_path / "labels.pkl", labels_sel=("5",))
    assert filter_star(source, out, wanted)[0].n_particles == 1
    assert _kept(out) == _rows(1, 4)


def test_that_tomograms_are_chosen_by_name_and_split(tmp_path: Path) -> None:
    source, out = write_series(tmp_path), tmp_path / "out.star"
    filter_star(source, out, StarFilter(tomogram="TS_1"))
    assert _kept(out) == _rows(2, 5, 7)
    filter_star(source, out, StarFilter(tomogram="TS_1", drop=True))
    assert _kept(out) == _rows(0, 1, 3, 4, 6, 8)
    written = filter_star(source, out, StarFilter(tomogram="all"))
    assert [w.path.name for w in written] == ["out.star", "out_TS_0.star", "out_TS_1.star"]
    assert [w.n_images for w in written] == [9, 6, 3]
    assert _kept(out) == _rows(*range(9))
    assert _kept(tmp_path / "out_TS_1.star") == _rows(2, 5, 7)
    besides = filter_star(source, out, StarFilter(tomogram="TS_1", tomogram_besides=True))
    assert [w.n_images for w in besides] == [9, 3]
    with pytest.raises(UserError, match=r"no tomogram is called X \(there are TS_0, TS_1\)"):
        filter_star(source, out, StarFilter(tomogram="X"))


def test_that_a_whole_name_goes_before_a_part_of_one(tmp_path: Path) -> None:
    names = [f"TS_{1 if p == 1 else 10}.tomostar" for p in (0, 1, 2, 0, 1, 2, 0, 2, 0)]
    source, out = write_series(tmp_path, {"rlnMicrographName": names}), tmp_path / "out.star"
    filter_star(source, out, StarFilter(tomogram="TS_1"))
    assert _kept(out) == _rows(1, 4)
    filter_star(source, out, StarFilter(tomogram="TS_", tomogram_column="_rlnMicrographName"))
    assert len(_kept(out)) == 9
    with pytest.raises(FormatError, match="rlnMicrographNam "):
        filter_star(source, out, StarFilter(tomogram="TS_1", tomogram_column="rlnMicrographNam"))


def test_that_a_selection_of_the_simulated_data_holds_the_particles_of_its_indices(
    shared: Path, tmp_path: Path
) -> None:
    folder = shared / "data" / "tomodrgn"
    source, out = folder / "10076_both_32_sim.star", tmp_path / "out.star"
    (written,) = filter_star(source, out, StarFilter(folder / "ind_ptcl_first10last10.pkl"))
    assert (written.n_particles, written.n_images) == (20, 180)
    some = read_tilt_particles(out, datadir=folder)
    whole = read_tilt_particles(source)
    assert list(some.particle_name) == [*whole.particle_name[:10], *whole.particle_name[-10:]]
    same = whole.select(whole.indices_of(some.particle_name))
    np.testing.assert_array_equal(some.rotation, same.rotation)
    wanted = StarFilter(labels=folder / "ptcl_labels_D0_E1.pkl", labels_sel=("1",))
    assert filter_star(source, out, wanted)[0].n_images == 720
    assert read_star_tables(out)[""].rows() == whole.select(range(72, 144)).table.rows()
    with pytest.raises(FormatError, match="entry 72 is 144"):
        filter_star(source, out, StarFilter(folder / "ptcl_ind_classE.pkl"))


def test_that_images_are_named_so_that_they_are_found_from_the_project(shared: Path, tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    source = write_series(project / "import")
    source.write_text(source.read_text().replace("@data/", "@old/place/"))
    (job := project / "TomoDRGN" / "job001").mkdir(parents=True)
    elsewhere.mkdir()
    data = source.parent / "data"
    for folder, wanted in ((job, "import/data/stack.mrcs"), (elsewhere, str(data / "stack.mrcs"))):
        out = folder / "out.star"
        root = project if folder is job else elsewhere
        filter_star(source, out, StarFilter(), project, datadir=data, name_from=root)
        table = read_star_tables(out)[""]
        assert str(table.text("rlnImageName")[0]) == f"000001@{wanted}"
        assert _kept(out) == _rows(*range(9))
        again = read_tilt_particles(out)
        assert again.stacks == [data / "stack.mrcs"]
        write_selection(read_tilt_particles(source, datadir=data), out, name_from=root)
        assert read_star_tables(out)[""].rows() == table.rows()
    filter_star(source, out, StarFilter(), project, name_from=project)  # not found: every name stays
    assert "@old/place/stack.mrcs" in out.read_text()


def test_that_a_volume_series_is_one_row_per_particle(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    source, out = folder / "10076_both_32_sim_vols.star", tmp_path / "out.star"
    wanted = StarFilter(folder / "ind_ptcl_first10last10.pkl", kind="volumeseries", tomogram="all", drop=True)
    written = filter_star(source, out, wanted)
    assert [(w.path.name, w.n_images) for w in written] == [
        ("out.star", 124),
        ("out_both.tomostar.star", 124),
    ]
    before = read_star_tables(source)[""]
    assert read_star_tables(out)[""].rows() == before.select(range(10, 134)).rows()


def test_that_an_optimisation_set_is_filtered_whole(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    out = tmp_path / "out_optimisation_set.star"
    wanted = StarFilter(folder / "warptools_test_ind_last2tomos.pkl", tomogram="all")
    written = filter_star(folder / _SET, out, wanted)
    whole = read_tilt_particles(folder / _SET)
    with pytest.raises(FormatError, match=r"\.mrcs does not exist"):
        read_tilt_particles(out)
    filter_star(folder / _SET, out, wanted, name_from=tmp_path)
    again = read_tilt_particles(out)
    assert list(again.particle_name) == list(whole.particle_name[20:])
    np.testing.assert_array_equal(again.rotation, whole.select(range(20, 40)).rotation)
    assert [w.n_particles for w in written] == [20, 10, 10]
    assert all("_optimisation_set" in w.path.name for w in written)
    with pytest.raises(UserError, match="must hold _optimisation_set"):
        filter_star(folder / _SET, tmp_path / "out.star", wanted)


def test_that_contradictions_are_refused(tmp_path: Path) -> None:
    source, out = write_series(tmp_path), tmp_path / "out.star"
    write_pickles(tmp_path / "i.pkl", [0, 1, 2])
    for wanted, said in (
        (StarFilter(tmp_path / "i.pkl", labels=tmp_path / "i.pkl", labels_sel=("0",)), "not both"),
        (StarFilter(labels=tmp_path / "i.pkl"), "both a file"),
        (StarFilter(tmp_path / "i.pkl", "subtomogram"), "not one of"),
        (StarFilter(tmp_path / "i.pkl", drop=True), "no particle is left"),
        (StarFilter(kind="optimisation_set"), "is no optimisation set"),
    ):
        with pytest.raises(UserError, match=said):
            filter_star(source, out, wanted)
    assert not out.exists()
