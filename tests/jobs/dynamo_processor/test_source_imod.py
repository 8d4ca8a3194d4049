"""IMOD projects: every tomogram is found, and its particles stand where and how they were put."""

from dataclasses import replace

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.dynamo_processor import sources
from jobs.dynamo_processor.contract import SourceSettings, concatenate
from jobs.maths.conventions3d import angle_between, dynamo_to_matrix, matrix_to_dynamo
from tests.support import tomography_projects as projects
from tests.support.imod_files import model_bytes, write_tilt_angles


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imod project")
    placed = projects.imod_project(folder)
    settings = SourceSettings(
        imod_dir=folder,
        dir_contains="TS_",
        rec_contains="_rec",
        mod_contains="particles",
        tlt_contains="*.tlt",
    )
    return settings, placed


@pytest.fixture
def one(tmp_path):
    """A project of one tomogram whose files a test may damage."""
    inside = tmp_path / "TS_1"
    inside.mkdir()
    projects.write_reconstruction(inside / "a.rec", np.zeros(projects.SIZE[::-1], np.float32))
    write_tilt_angles(inside / "a.tlt", [-60, 0, 60])
    (inside / "a.mod").write_bytes(model_bytes([], slicer=[(1, 2, 3)], centers=[(10.5, 12.5, 14)]))
    return inside, SourceSettings(imod_dir=tmp_path)


def _messages(entry, severity="error"):
    return " ".join(p.message for p in entry.problems if p.severity == severity)


def test_that_all_tomograms_are_found_in_natural_order_with_their_facts(project):
    settings, placed = project
    entries = sources.find(settings)
    assert [e.name for e in entries] == [p.name for p in placed] == ["TS_1", "TS_2", "TS_10"]
    assert [e.number for e in entries] == [1, 2, 3] and all(e.usable for e in entries)
    assert [e.n_particles for e in entries] == [5, 5, 5]
    assert {e.size for e in entries} == {projects.SIZE} and {e.voxel_size_a for e in entries} == {10.0}
    assert [(e.tilt_min_deg, e.tilt_max_deg) for e in entries] == [(-54, 54), (-40, 60), (-54, 54)]
    assert not entries[0].problems and not entries[1].problems
    assert "multiplied by 0.5" in _messages(entries[2], "warning")


def test_that_particles_stand_where_and_how_they_were_put(project):
    settings, placed = project
    for entry, truth in zip(sources.find(settings), placed, strict=True):
        table = sources.particles(entry)
        np.testing.assert_allclose(table.position, truth.position, atol=1e-4)
        assert angle_between(table.rotation, truth.rotation).max() < 1e-3
        assert set(table.tomogram) == {entry.number} and (table.section == -1).all()
        assert not table.outside(projects.BOX).any() and table.outside(60).all()
    assert len(set(table.source)) == len(table)


def test_that_the_average_is_the_map_and_wrong_conventions_are_not(project):
    settings, _ = project
    entries = sources.find(settings)
    table = concatenate([sources.particles(e) for e in entries])
    loaded = {e.number: mrcfile.read(e.volume) for e in entries}
    volumes = [loaded[n] for n in table.tomogram]
    expected = projects.reference()

    def score(rotation, position=table.position):
        return projects.correlation(projects.averaged(volumes, position, rotation, table.shift), expected)

    angles = matrix_to_dynamo(table.rotation)
    assert score(table.rotation) > 0.99
    assert score(np.swapaxes(table.rotation, 1, 2)) < 0.8
    assert score(dynamo_to_matrix(angles[:, ::-1])) < 0.8
    assert score(table.rotation, table.position + 1.5) < 0.9


def test_that_names_are_matched_by_text_and_by_pattern(project):
    settings, _ = project
    for pattern in ("TS_1*", "TS_1"):
        assert [e.name for e in sources.find(replace(settings, dir_contains=pattern))] == ["TS_1", "TS_10"]
    with pytest.raises(UserError, match="calibration, TS_1") as caught:
        sources.find(replace(settings, dir_contains="TS_7"))
    assert caught.value.column == "dir_contains"


def test_that_missing_and_ambiguous_files_are_listed_and_the_others_go_on(project):
    settings, _ = project
    entries = sources.find(replace(settings, mod_contains="", tlt_contains="TS_2"))
    assert [e.usable for e in entries] == [False] * 3
    assert "2 files may be the model" in _messages(entries[0])
    assert "tilt angles was not found" in _messages(entries[0])
    assert "tilt angles" not in _messages(entries[1])
    with pytest.raises(UserError, match="cannot be used"):
        sources.particles(entries[0])


def test_that_the_project_folder_is_asked_for(tmp_path):
    for folder in (None, tmp_path / "nowhere"):
        with pytest.raises(UserError) as caught:
            sources.find(SourceSettings(imod_dir=folder))
        assert caught.value.column == "imod_dir"
    with pytest.raises(UserError, match="one of eman2, imod"):
        sources.find(SourceSettings(source_type="i3"))


def test_that_relative_paths_are_those_of_the_project(one):
    inside, _ = one
    settings = SourceSettings(
        imod_dir=inside.parent.relative_to(inside.parents[1]), base_dir=inside.parents[1]
    )
    assert [e.name for e in sources.find(settings)] == ["TS_1"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mod", b"IMODV1.2", "ends at byte 8"),
        ("a.mod", model_bytes([]), "is empty"),
        ("a.tlt", b"\n", "no tilt angles"),
        ("a.tlt", b"-60\nabc\n", "row 2"),
        ("a.rec", b"short", "MRC header"),
    ],
)
def test_that_damaged_files_are_named(one, name, content, message):
    inside, settings = one
    (inside / name).write_bytes(content)
    (entry,) = sources.find(settings)
    assert not entry.usable and message in _messages(entry) and name in _messages(entry)


def test_that_contour_points_are_taken_where_there_are_no_slicer_angles(one):
    inside, settings = one
    points = [[(10.5, 12.5, 14), (20.5, 22.5, 24)], [(30.5, 32.5, 34)]]
    (inside / "a.mod").write_bytes(model_bytes(points))
    (entry,) = sources.find(settings)
    table = sources.particles(entry)
    np.testing.assert_allclose(table.position, [(10, 12, 14), (20, 22, 24), (30, 32, 34)], atol=1e-5)
    assert table.object_id.tolist() == [1, 1, 2] and "no orientation" in _messages(entry, "warning")
    np.testing.assert_array_equal(table.rotation, np.tile(np.eye(3), (3, 1, 1)))
    (entry,) = sources.find(replace(settings, objects=(2,), point_source="contours"))
    assert len(sources.particles(entry)) == entry.n_particles == 1
    (entry,) = sources.find(replace(settings, point_source="slicer"))
    assert "only 3 points" in _messages(entry)


def test_that_points_take_the_orientation_of_the_nearest_slicer_angle(one):
    inside, settings = one
    angles, centers = [(0, 0, 0), (10, 20, 30)], [(10, 10, 10), (40, 50, 30)]
    (inside / "a.mod").write_bytes(model_bytes([[(39, 48, 31), (9, 9, 9)]], slicer=angles, centers=centers))
    (entry,) = sources.find(replace(settings, point_source="nearest", symmetry_axis="z"))
    table = sources.particles(entry)
    np.testing.assert_allclose(table.rotation[1], np.eye(3), atol=1e-9)
    assert angle_between(table.rotation[0], np.eye(3)) > 30


def test_that_models_of_a_part_of_the_volume_are_moved_to_the_whole(one):
    inside, settings = one
    part = model_bytes(
        [], slicer=[(0, 0, 0)], centers=[(5.5, 6.5, 7)], size=(20, 20, 20), origin=(-100.0, -200.0, -50.0)
    )
    (inside / "a.mod").write_bytes(part)
    (entry,) = sources.find(settings)
    np.testing.assert_allclose(sources.particles(entry).position, [(15, 26, 12)], atol=1e-4)
    assert "moved by 10, 20, 5 px" in _messages(entry, "warning")


@pytest.mark.parametrize("standard", [False, True], ids=["sign of IMOD", "sign of the standard"])
def test_that_models_of_a_part_written_as_a_file_are_moved_by_the_origin_of_the_volume(one, standard):
    inside, settings = one
    part = model_bytes(
        [], slicer=[(0, 0, 0)], centers=[(5.5, 6.5, 7)], size=(20, 20, 20),
        origin=(-70.0, -170.0, -20.0), old_origin=(-70.0, -170.0, -20.0),
    )  # fmt: skip
    (inside / "a.mod").write_bytes(part)
    with mrcfile.open(inside / "a.rec", "r+") as file:
        file.header.nversion = 20140 if standard else 0
        file.header.origin = (-30, -30, -30) if standard else (30, 30, 30)
    (entry,) = sources.find(settings)
    np.testing.assert_allclose(sources.particles(entry).position, [(15, 26, 12)], atol=1e-4)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [(1 << 16, (5, 9, 7)), ((1 << 16) + (1 << 17), (5, 50, 7))],
    ids=["exchanged", "turned about x"],
)
def test_that_models_drawn_on_a_flipped_image_are_turned_back(one, flags, expected):
    inside, settings = one
    nx, ny, nz = projects.SIZE
    (inside / "a.mod").write_bytes(
        model_bytes([], slicer=[(0, 0, 0)], centers=[(5.5, 7.5, 9)], size=(nx, nz, ny), flags=flags)
    )
    (entry,) = sources.find(settings)
    np.testing.assert_allclose(sources.particles(entry).position, [expected], atol=1e-4)
    assert "exchanged" in _messages(entry, "warning")


def test_that_a_model_of_another_tomogram_is_doubted(one):
    inside, settings = one
    (inside / "a.mod").write_bytes(
        model_bytes([], slicer=[(0, 0, 0)], centers=[(500, 7, 9)], size=(700, 300, 200))
    )
    (entry,) = sources.find(settings)
    assert entry.usable and "700 × 300 × 200" in _messages(entry, "warning")
    assert "1 of 1 particles lie outside" in _messages(entry, "warning")


def test_that_the_same_project_gives_the_same_table(project):
    settings, _ = project
    first, second = (concatenate([sources.particles(e) for e in sources.find(settings)]) for _ in range(2))
    np.testing.assert_array_equal(first.position, second.position)
    np.testing.assert_array_equal(first.rotation, second.rotation)
    assert first.source.tolist() == second.source.tolist()
