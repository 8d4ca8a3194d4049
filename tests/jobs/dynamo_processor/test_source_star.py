"""RELION and Warp projects: particles stand where they were put, whatever frame the file counts in."""

from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.dynamo_processor import sources
from jobs.dynamo_processor.contract import SourceSettings, concatenate
from jobs.dynamo_processor.star_particles import plain_name, stated_pixel
from jobs.formats.placed_particles import read_places
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.maths.conventions3d import angle_between
from tests.support import relion_projects as relion
from tests.support import tomography_projects as projects
from tests.support.shared import shared_dir

_JOB = Path("Refine3D/job010")
_RECONSTRUCTIONS = Path("Tomograms/job003/tomograms")


@pytest.fixture(scope="module", params=["relion5", "relion4", "warp"])
def project(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("star project")
    if request.param == "warp":
        placed = relion.warp_project(folder)
        settings = SourceSettings(
            source_type="warp",
            base_dir=folder,
            particles_star=Path("particles.star"),
            volumes_dir=_RECONSTRUCTIONS,
        )
    else:
        placed = relion.relion5_project(folder, relion4=request.param == "relion4")
        settings = SourceSettings(
            source_type="relion5", base_dir=folder, particles_star=_JOB / "optimisation_set.star"
        )
    return settings, placed


@pytest.fixture
def own(tmp_path):
    """A RELION project that a test may change."""
    relion.relion5_project(tmp_path, each=2)
    return tmp_path, SourceSettings(
        source_type="relion5", base_dir=tmp_path, particles_star=_JOB / "optimisation_set.star"
    )


def _messages(entry, severity="error"):
    return " ".join(p.message for p in entry.problems if p.severity == severity)


def _changed(path, columns=None, without=()):
    tables = read_star_tables(path)
    name = next(n for n in ("particles", "global", "") if n in tables)
    tables[name] = tables[name].with_columns(columns or {}).without_columns(without)
    write_star_tables(path, tables)


def test_that_tomograms_are_found_with_their_facts(project):
    settings, placed = project
    entries = sources.find(settings)
    assert [e.name for e in entries] == [p.name for p in placed] == ["TS_1", "TS_2", "TS_10"]
    for k, entry in enumerate(entries):
        assert not entry.problems and entry.n_particles == 4
        assert (entry.size, entry.voxel_size_a, entry.binning) == (projects.SIZE, 10.0, 2.0)
        assert entry.full_size == (100, 120, 80) and entry.full_pixel_a == 5
        tilts = np.arange(-40 - k, 61, 2) if settings.source_type == "warp" else np.arange(-50 - k, 51, 3)
        assert (entry.tilt_min_deg, entry.tilt_max_deg) == (tilts[0], tilts[-1])


def test_that_particles_stand_where_and_how_they_were_put(project):
    settings, placed = project
    for entry, truth in zip(sources.find(settings), placed, strict=True):
        table = sources.particles(entry)
        np.testing.assert_allclose(table.position, truth.position, atol=1e-3)
        assert angle_between(table.rotation, truth.rotation).max() < 1e-4
        assert set(table.half) == {1, 2} and not table.shift.any()


def test_that_the_average_is_the_map(project):
    settings, _ = project
    entries = sources.find(settings)
    table = concatenate([sources.particles(e) for e in entries])
    loaded = {e.number: mrcfile.read(e.volume) for e in entries}
    average = projects.averaged(
        [loaded[n] for n in table.tomogram], table.position, table.rotation, table.shift
    )
    assert projects.correlation(average, projects.reference()) > 0.99


def test_that_what_a_particle_is_survives_for_the_way_back(own):
    _, settings = own
    table = sources.particles(sources.find(settings)[1])
    assert table.source.tolist() == ["TS_2/1", "TS_2/2"] and table.index.tolist() == [2, 3]
    assert table.object_id.tolist() == [2, 2] and table.class_id.tolist() == [1, 1]
    assert table.half.tolist() == [2, 1] and table.extra["rlnOpticsGroup"].tolist() == ["1", "1"]
    assert not any("Angle" in label or "Coordinate" in label or "Origin" in label for label in table.extra)


def test_that_particles_with_their_tomograms_are_a_set_too(own):
    _, settings = own
    before = sources.particles(sources.find(settings)[0])
    plain = replace(settings, particles_star=_JOB / "particles.star", tomograms_star=_JOB / "tomograms.star")
    after = sources.particles(sources.find(plain)[0])
    np.testing.assert_array_equal(after.position, before.position)


def test_that_reconstructions_are_looked_for_by_name_where_none_is_stated(own):
    folder, settings = own
    _changed(folder / _JOB / "tomograms.star", without=["rlnTomoReconstructedTomogram"])
    assert "is not named" in _messages(sources.find(settings)[0])
    named = replace(settings, volumes_dir=_RECONSTRUCTIONS)
    entries = sources.find(named)
    assert [e.volume.name for e in entries] == ["rec_TS_1.mrc", "rec_TS_2.mrc", "rec_TS_10.mrc"]
    (folder / _RECONSTRUCTIONS / "rec_TS_1_denoised.mrc").write_bytes(entries[0].volume.read_bytes())
    entries[2].volume.unlink()
    first, second, third = sources.find(named)
    assert "2 files may be" in _messages(first) and second.usable and "no reconstruction" in _messages(third)
    assert sources.find(replace(named, volume_contains="denoised"))[0].usable


def test_that_faults_are_listed_and_the_others_go_on(own):
    folder, settings = own
    (folder / "tilt_series" / "TS_1.star").unlink()
    (folder / _RECONSTRUCTIONS / "rec_TS_2.mrc").unlink()
    names = ["TS_1"] * 2 + ["TS_2"] * 2 + ["TS_11"] * 2
    _changed(folder / _JOB / "particles.star", {"rlnTomoName": names})
    first, second, third = sources.find(settings)
    assert "does not exist" in _messages(first) and "rec_TS_2.mrc does not exist" in _messages(second)
    assert "knows no tomogram TS_11" in _messages(third)
    with pytest.raises(UserError, match="cannot be used"):
        sources.particles(third)


def test_that_a_reconstruction_of_another_size_is_doubted(own):
    folder, settings = own
    _changed(folder / _JOB / "tomograms.star", {"rlnTomoSizeX": [400, 400, 400]})
    assert "50 × 60 × 40 voxels of 2 px" in _messages(sources.find(settings)[0], "warning")


def test_that_particles_without_coordinates_are_refused(own):
    folder, settings = own
    _changed(folder / _JOB / "particles.star", without=["rlnCenteredCoordinateXAngst"])
    with pytest.raises(UserError, match="neither"):
        sources.particles(sources.find(settings)[0])
    with pytest.raises(UserError) as caught:
        sources.find(replace(settings, particles_star=None))
    assert caught.value.column == "particles_star"


def test_that_a_table_of_one_particle_works(own):
    folder, settings = own
    tables = read_star_tables(folder / _JOB / "particles.star")
    tables["particles"] = tables["particles"].select([3])
    write_star_tables(folder / _JOB / "particles.star", tables)
    (entry,) = sources.find(settings)
    table = sources.particles(entry)
    assert table.rotation.shape == (1, 3, 3) and table.source.tolist() == ["TS_2/2"]


def test_that_warp_coordinates_follow_the_pixel_size_given(tmp_path):
    (truth, *_) = relion.warp_project(tmp_path, each=2)
    settings = SourceSettings(
        source_type="warp",
        base_dir=tmp_path,
        particles_star=Path("particles.star"),
        volumes_dir=_RECONSTRUCTIONS,
    )
    doubled = sources.particles(sources.find(replace(settings, coordinates_pixel_a=10.0))[0])
    np.testing.assert_allclose(doubled.position, truth.position * 2, atol=1e-4)
    assert "lie outside" in _messages(sources.find(replace(settings, coordinates_pixel_a=50.0))[0], "warning")
    for file in (tmp_path / "tomostar").iterdir():
        file.unlink()
    entry = sources.find(settings)[0]
    assert entry.usable and np.isnan(entry.tilt_min_deg) and "tilt range" in _messages(entry, "warning")
    assert "no wedge were missing" in _messages(entry, "warning")
    # the file that Warp keeps of every series has them; those of tilts that it does not use do not count
    own = (tmp_path / "tomostar" / f"{entry.name}.xml").write_text
    own("<TiltSeries><Angles>-57\n0\n60</Angles><UseTilt>True\nTrue\nFalse</UseTilt></TiltSeries>")
    assert (sources.find(settings)[0].tilt_min_deg, sources.find(settings)[0].tilt_max_deg) == (-57, 0)
    own("<Other><Angles>many</Angles></Other>")
    assert np.isnan(sources.find(settings)[0].tilt_min_deg)


def test_that_a_set_of_warptools_agrees_with_the_other_reader(tmp_path):
    """Reconstructions are not part of the data: empty ones of the right size stand in."""
    data = shared_dir() / "data" / "tomodrgn"
    star = data / "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set.star"
    for name in ("Unt_050", "Unt_076", "Unt_083", "Unt_088"):
        with mrcfile.new_mmap(tmp_path / f"{name}_13.33Apx.mrc", (175, 750, 550), mrc_mode=0) as file:
            file.voxel_size = 1.667 * 8
    settings = SourceSettings(
        source_type="relion5", base_dir=data, particles_star=star, volumes_dir=tmp_path, coordinates_pixel_a=0
    )
    entries = sources.find(settings)
    assert [e.name for e in entries] == [f"Unt_{n}.tomostar" for n in ("050", "076", "083", "088")]
    assert all(e.usable and e.binning == 8 and 40 < e.tilt_max_deg < 65 for e in entries)
    places = read_places(star, data)
    row = {str(n): i for i, n in enumerate(places.name)}
    for entry in entries:
        table = sources.particles(entry)
        at = [row[name] for name in table.source]
        assert angle_between(np.swapaxes(table.rotation, 1, 2), places.rotation[at]).max() < 1e-3
        np.testing.assert_allclose(table.position * 8 * 1.667, places.centre_a[at], atol=0.01)


def test_that_names_of_warp_are_understood():
    assert plain_name("a/tomo_ts01.mrc_15.00Apx.mrc") == "tomo_ts01"
    assert plain_name("TS_1.tomostar") == "TS_1" and plain_name("TS_1_10.00Apx.mrc") == "TS_1"
    assert stated_pixel("tomo_ts01.mrc_15.00Apx.mrc") == 15 and stated_pixel("TS_1.mrc") == 0
