"""EMAN2 projects: every form of its files gives the same particles, and their average is the map."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor import sources
from jobs.dynamo_processor.contract import SourceSettings, concatenate
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.eman_project import base_name, read_info, read_list, read_orientations
from jobs.maths.conventions3d import angle_between
from tests.support import eman_projects as eman
from tests.support import tomography_projects as projects

_PARAMETERS = Path("spt_00/particle_parms_01.json")
_LIST = "sets/ribo.lst"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eman2 project")
    placed = eman.eman2_project(folder)
    return SourceSettings(source_type="eman2", eman2_dir=folder, params_json=folder / _PARAMETERS), placed


@pytest.fixture
def own(tmp_path):
    """A project that a test may change."""
    eman.eman2_project(tmp_path, each=2)
    return tmp_path, SourceSettings(source_type="eman2", eman2_dir=tmp_path, params_json=_PARAMETERS)


def _table(settings):
    return concatenate([sources.particles(e) for e in sources.find(settings)])


def _entries(folder):
    return json.loads((folder / _PARAMETERS).read_text())


def _messages(entry, severity="error"):
    return " ".join(p.message for p in entry.problems if p.severity == severity)


def test_that_stacks_are_found_with_their_facts(project):
    settings, _ = project
    first, second = sources.find(settings)
    assert (first.name, second.name) == ("tomo1__ribo", "tomo2__ribo")
    assert (first.number, first.n_particles, first.size, first.voxel_size_a) == (1, 4, (20, 20, 20), 8.0)
    assert (second.n_particles, second.tilt_min_deg, second.tilt_max_deg) == (3, -51.0, 48.0)
    assert first.stack and not first.problems and not second.problems


def test_that_particles_have_orientations_shifts_and_sections(project):
    settings, placed = project
    for entry, truth in zip(sources.find(settings), placed, strict=True):
        table = sources.particles(entry)
        np.testing.assert_array_equal(table.position, truth.position)
        np.testing.assert_allclose(table.shift, truth.shift, atol=1e-6)
        assert angle_between(table.rotation, truth.rotation).max() < 1e-5
    assert table.section.tolist() == [3, 2, 1] and table.index.tolist() == [4, 5, 6]
    assert table.source.tolist() == ["sets/ribo.lst#4", "sets/ribo.lst#5", "sets/ribo.lst#6"]
    np.testing.assert_allclose(table.score, [0.28, 0.27, 0.26])
    assert not table.outside(20).any() and table.outside(22).all()


def test_that_the_average_is_the_map_and_without_shifts_it_is_not(project):
    settings, _ = project
    table = _table(settings)
    volumes = []
    for path, section in zip(table.volume, table.section, strict=True):
        with EmanStack(path) as stack:
            volumes.append(stack.image(section))

    def score(rotation, shift):
        average = projects.averaged(volumes, table.position, rotation, shift)
        return projects.correlation(average, projects.reference())

    assert score(table.rotation, table.shift) > 0.99
    assert score(table.rotation, 0 * table.shift) < 0.8
    assert score(np.swapaxes(table.rotation, 1, 2), table.shift) < 0.8
    assert score(table.rotation, -table.shift) < 0.8


def _as_text(entries):
    for value in entries.values():
        value["xform.align3d"] = eman.transform_value(value["xform.align3d"]["matrix"], as_text=True)
    return entries


def _n_best(entries):
    worse = {"xform.align3d": eman.transform_value(np.eye(3, 4)), "score": 1.0}
    return {key: [value, worse] for key, value in entries.items()}


def _python2(entries):
    return {key.replace("('", "(u'"): value for key, value in entries.items()}


@pytest.mark.parametrize("change", [_as_text, _n_best, _python2])
def test_that_all_forms_of_parameters_give_the_same_table(own, change):
    folder, settings = own
    before = _table(settings)
    eman.write_parameters(folder / _PARAMETERS, change(_entries(folder)))
    after = _table(settings)
    np.testing.assert_allclose(after.rotation, before.rotation, atol=1e-9)
    np.testing.assert_allclose(after.shift, before.shift, atol=1e-9)
    np.testing.assert_array_equal(after.section, before.section)
    assert after.source.tolist() == before.source.tolist()


def test_that_keys_may_name_stacks_themselves(own):
    folder, settings = own
    before, rows = _table(settings), read_list(folder / _LIST)
    entries = _entries(folder)
    renamed = {f"('{row.path}', {row.index})": entries[f"('{_LIST}', {i})"] for i, row in enumerate(rows)}
    eman.write_parameters(folder / _PARAMETERS, renamed)
    after = _table(settings)
    order = np.argsort(before.section + 10 * before.tomogram)
    np.testing.assert_allclose(after.rotation, before.rotation[order])
    np.testing.assert_array_equal(after.section, before.section[order])


@pytest.mark.parametrize("old", [False, True])
def test_that_the_list_of_a_new_refinement_gives_the_same_table(own, old):
    folder, settings = own
    before, rows, entries = _table(settings), read_list(folder / _LIST), _entries(folder)
    notes = [json.dumps(entries[f"('{_LIST}', {i})"]) for i in range(len(rows))]
    path = folder / "spt_01" / "aliptcls3d_02.lst"
    eman.write_list(path, [(r.index, r.path) for r in rows], notes, old=old)
    after = _table(replace(settings, params_json=path))
    np.testing.assert_allclose(after.rotation, before.rotation, atol=1e-9)
    np.testing.assert_allclose(after.shift, before.shift, atol=1e-9)
    np.testing.assert_array_equal(after.section, before.section)


def test_that_even_and_odd_lists_are_kept_apart(own):
    folder, settings = own
    rows, entries = read_list(folder / _LIST), _entries(folder)
    halves = {}
    for name, members in (("even", [0, 2]), ("odd", [1])):
        eman.write_list(folder / f"sets/ribo__{name}.lst", [(rows[i].index, rows[i].path) for i in members])
        for new, i in enumerate(members):
            halves[f"('sets/ribo__{name}.lst', {new})"] = entries[f"('{_LIST}', {i})"]
    eman.write_parameters(folder / _PARAMETERS, halves)
    table = _table(settings)
    assert table.source.tolist() == ["sets/ribo__even.lst#0", "sets/ribo__odd.lst#0", "sets/ribo__even.lst#1"]
    assert table.half.tolist() == [2, 1, 2]


def test_that_compressed_stacks_hold_the_same_within_a_step(tmp_path):
    volume = projects.reference(12) - 0.2
    eman.write_stack(tmp_path / "a.hdf", [volume])
    for bits in (8, 12):
        eman.write_stack(tmp_path / f"{bits}.hdf", [volume], bits=bits)
        with EmanStack(tmp_path / f"{bits}.hdf") as stack:
            assert np.abs(stack.image(0) - volume).max() < np.ptp(volume) / (2**bits - 1)


def test_that_facts_of_tomograms_are_read(own):
    folder, _ = own
    info = read_info(folder / "info" / "tomo1_info.json")
    assert info.classes == {0: ("ribo", 20), 1: ("other", 32)} and info.unbinned_pixel_a == 4
    assert info.boxes.tolist() == [[10, -20, 5], [1, 2, 3]] and info.box_class.tolist() == [0, 1]
    for name in ("particles3d/a1__ribo.hdf", "info/a1_info.json", "a1__bin4.hdf", "particles/a1_ptcls.hdf"):
        assert base_name(name) == "a1"


def test_that_faults_are_listed_and_the_other_stack_goes_on(own):
    folder, settings = own
    (folder / "info" / "tomo1_info.json").unlink()
    (folder / "particles3d" / "tomo2__ribo.hdf").write_bytes(b"not HDF")
    first, second = sources.find(replace(settings, box_size=64))
    assert "tomo1_info.json" in _messages(first) and "do not fit" in _messages(first, "warning")
    assert "HDF5" in _messages(second) and second.n_particles == 0
    with pytest.raises(UserError, match="cannot be used"):
        sources.particles(second)


def test_that_particles_missing_in_a_stack_are_left_out(own):
    folder, settings = own
    eman.write_stack(folder / "particles3d" / "tomo1__ribo.hdf", [projects.reference(20)])
    first, _ = sources.find(settings)
    assert first.n_particles == len(sources.particles(first)) == 1
    assert "1 of 2 particles are not in" in _messages(first, "warning")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "object is expected"),
        ("{}", "no orientations"),
        ('{"ribo 3": {}}', "is not of the form"),
        ('{"(\'a.lst\', 0)": {"score": 1}}', "twelve numbers"),
        ('{"(\'a.lst\', 0)": {"xform.align3d": {"matrix": [1,0,0,0,0,2,0,0,0,0,1,0]}}}', "no rotation"),
    ],
)
def test_that_other_parameters_are_refused(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(FormatError, match=message):
        read_orientations(tmp_path / "a.json")


@pytest.mark.parametrize(
    "text", ["0\ta.hdf\n", "#LSX\n# c\n# 20\n", "#LSX\n# c\n# 9\n0 a.hdf\n", "#LST\n0\ta\t{b\n"]
)
def test_that_other_lists_are_refused(tmp_path, text):
    (tmp_path / "a.lst").write_text(text)
    with pytest.raises(FormatError):
        read_list(tmp_path / "a.lst")


def test_that_a_project_without_its_parts_is_asked_for(own):
    folder, settings = own
    for wrong, column in (
        (replace(settings, eman2_dir=None), "eman2_dir"),
        (replace(settings, eman2_dir=folder / "no"), "eman2_dir"),
        (replace(settings, params_json=None), "params_json"),
    ):
        with pytest.raises(UserError) as caught:
            sources.find(wrong)
        assert caught.value.column == column
    eman.write_list(folder / _LIST, [(0, "particles3d/tomo1__ribo.hdf")])
    with pytest.raises(UserError, match="has 1 particles"):
        sources.find(settings)
