"""Simulated projects: places and orientations of the simulation are those in the reconstructions."""

from dataclasses import replace

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.dynamo_processor import sources
from jobs.dynamo_processor.contract import SourceSettings, concatenate
from jobs.formats.eman_hdf import EmanStack
from jobs.maths.conventions3d import about, angle_between
from tests.support import simulated_projects as simulated
from tests.support import tomography_projects as projects


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("simulated")
    placed = simulated.simulated_project(root)
    return SourceSettings(real_data_mode=False, root=root, name="sim"), placed


@pytest.fixture
def own(tmp_path):
    """A project that a test may change; its series are named after its folder."""
    root = tmp_path / "sim"
    root.mkdir()
    simulated.simulated_project(root, each=2)
    return root, SourceSettings(real_data_mode=False, root=root)


def _messages(entry, severity="error"):
    return " ".join(p.message for p in entry.problems if p.severity == severity)


def test_that_particles_of_reconstructions_stand_where_the_simulation_put_them(project):
    settings, placed = project
    entries = sources.find(settings)
    assert [e.name for e in entries] == ["sim_0", "sim_1"] and not any(e.problems for e in entries)
    assert [(e.tilt_min_deg, e.voxel_size_a, e.binning) for e in entries] == [(-60, 10, 2), (-59, 10, 2)]
    for entry, truth in zip(entries, placed, strict=True):
        table = sources.particles(entry)
        np.testing.assert_allclose(table.position, truth.position, atol=1e-6)
        assert angle_between(table.rotation, truth.rotation).max() < 1e-3


def test_that_slicer_angles_and_metadata_say_the_same(own):
    root, settings = own
    before = sources.particles(sources.find(settings)[0])
    for file in root.rglob("*_slicerAngles.csv"):
        file.unlink()
    (entry, _) = sources.find(settings)
    assert "no slicer angles" in _messages(entry, "warning")
    assert angle_between(sources.particles(entry).rotation, before.rotation).max() < 1e-4


@pytest.mark.parametrize("source", ["imod", "eman2"])
def test_that_the_average_is_the_map(project, source):
    settings, _ = project
    entries = sources.find(replace(settings, source_type=source))
    table = concatenate([sources.particles(e) for e in entries])
    volumes = []
    for path, section in zip(table.volume, table.section, strict=True):
        if section < 0:
            volumes.append(mrcfile.read(path))
        else:
            with EmanStack(path) as stack:
                volumes.append(stack.image(section))
    average = projects.averaged(volumes, table.position, table.rotation, table.shift)
    wrong = projects.averaged(volumes, table.position, np.swapaxes(table.rotation, 1, 2), table.shift)
    assert projects.correlation(average, projects.reference()) > 0.99
    assert projects.correlation(wrong, projects.reference()) < 0.8


@pytest.mark.parametrize("source", ["imod", "eman2"])
def test_that_rotx_turns_the_reference(project, source):
    settings = replace(project[0], source_type=source)
    plain = sources.particles(sources.find(settings)[0])
    turned = sources.particles(sources.find(replace(settings, rotx=True))[0])
    np.testing.assert_allclose(turned.rotation, about("x", 90.0) @ plain.rotation)
    np.testing.assert_array_equal(turned.position, plain.position)


@pytest.mark.parametrize(
    ("method", "binning", "convention", "ending"),
    [
        ("imod-sirt", None, "new", "_full_rec.mrc"),
        ("imod-wbp", None, "old", "_full.rec"),
        ("imod-wbp", 4, "old", "_full_bin4.mrc"),
        ("tomo3d", None, "new", "_SIRT.mrc"),
        ("tomo3d", 2, "new", "_SIRT_bin2.mrc"),
    ],
)
def test_that_reconstructions_have_the_names_of_their_method(own, method, binning, convention, ending):
    root, settings = own
    simulated.write_imod_info(root, method, binning, convention)
    (entry, _) = sources.find(settings)
    assert entry.volume.name == f"sim_0{ending}" and not entry.usable
    assert entry.binning == (binning or 1)


def test_that_faults_are_listed_and_the_others_go_on(own):
    root, settings = own
    folder = root / "processed_data" / "IMOD" / "sim_0"
    (folder / "sim_slicerAngles.csv").write_text("1,2,3\n")
    (folder / "sim_0.tlt").unlink()
    first, second = sources.find(settings)
    assert "1 rows for 2 particles" in _messages(first) and "sim_0.tlt" in _messages(first)
    assert second.usable and len(sources.particles(second)) == 2
    (root / "processed_data" / "EMAN2" / "info" / "sim_1_info.json").write_text("{}")
    first, second = sources.find(replace(settings, source_type="eman2"))
    assert first.usable and "no tilt angles" in _messages(second)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sim_metadata.json", "[", "not JSON"),
        ("sim_metadata.json", "{}", "list of tilt series"),
        ("sim_metadata.json", '[{"global_stack_no": 0}]', "positions"),
        ("processed_data/imod_info.json", "{}", "args"),
    ],
)
def test_that_damaged_metadata_are_named(own, name, content, message):
    root, settings = own
    (root / name).write_text(content)
    with pytest.raises(UserError, match=message):
        sources.find(settings)
    with pytest.raises(UserError, match="not given"):
        sources.find(replace(settings, root=None))
