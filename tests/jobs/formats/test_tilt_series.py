"""Image series: what the files of Warp, nextPYP and the simulated data say is what the arrays hold."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.pickles import read_pickles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_series import read_tilt_particles
from tests.support.tilt_files import BOX, COUNTS, PIXEL_A, series_columns, write_series

_ROW_OF_IMAGE = [0, 3, 6, 8, 1, 4, 2, 5, 7]


@pytest.fixture
def simulated(shared: Path) -> Path:
    """Folder of the simulated tilt series."""
    return shared / "data" / "tomodrgn"


def test_that_the_simulated_series_has_144_particles_of_8_and_10_images(simulated: Path) -> None:
    began = time.perf_counter()
    particles = read_tilt_particles(simulated / "10076_both_32_sim.star")
    assert time.perf_counter() - began < 2
    assert (particles.n, particles.n_images) == (144, 1296)
    np.testing.assert_array_equal(particles.counts, [8] * 72 + [10] * 72)
    assert particles.flavour == "warp"
    assert (particles.box, particles.pixel_size_a) == (32, 13.1)
    assert list(particles.particle_name[[0, 143]]) == ["000_000000", "001_000071"]
    assert set(particles.tomogram) == {"000", "001"}
    np.testing.assert_allclose(particles.dose[:8], 2.0 * np.arange(1, 9))
    np.testing.assert_allclose(particles.dose[-10:], 3.0 * np.arange(1, 11))
    np.testing.assert_allclose(particles.tilt_deg[:8], [0, 3, 3, 6, 6, 9, 9, 12], atol=1e-4)
    np.testing.assert_array_equal(particles.frame[:10], [0, 1, 2, 3, 4, 5, 6, 7, 0, 1])
    assert particles.ctf_known.all()
    assert (particles.phase_shift_deg == 90).all()
    assert not particles.ctf_premultiplied
    assert np.isnan(particles.particle_rotation).all()
    np.testing.assert_array_equal(particles.original, np.arange(144))
    assert ImageStacks(particles).box == 32


@pytest.mark.parametrize("label", ["D", "E"])
@pytest.mark.parametrize("kind", ["sim", "clean"])
def test_that_poses_are_those_with_which_the_data_were_simulated(
    simulated: Path, label: str, kind: str
) -> None:
    rotations, shifts = read_pickles(simulated / f"pose_class{label}.pkl")[0]
    particles = read_tilt_particles(simulated / f"10076_class{label}_32_{kind}.star")
    # Angles are written with 8 digits, which is 1e-5 degrees or 2e-7 radians.
    assert np.abs(particles.rotation - rotations).max() < 4e-7
    np.testing.assert_allclose(particles.origin_a / 13.1, shifts * 32, atol=1e-5)


@pytest.mark.parametrize("label", ["D", "E"])
def test_that_ctf_parameters_are_those_with_which_the_data_were_simulated(
    simulated: Path, label: str
) -> None:
    ctf = read_pickles(simulated / f"ctf_class{label}.pkl")[0]
    p = read_tilt_particles(simulated / f"10076_class{label}_32_sim.star")
    ours = np.stack(
        [
            np.full(p.n_images, p.box),
            np.full(p.n_images, p.pixel_size_a),
            *(p.defocus_u_a, p.defocus_v_a, p.defocus_angle_deg, p.voltage_kv),
            *(p.spherical_aberration_mm, p.amplitude_contrast, p.phase_shift_deg),
        ],
        axis=1,
    )
    np.testing.assert_allclose(ours, ctf, rtol=1e-6)


def test_that_clean_images_have_neither_ctf_nor_dose(simulated: Path) -> None:
    particles = read_tilt_particles(simulated / "10076_both_32_clean.star")
    assert (particles.n, particles.n_images) == (144, 1296)
    assert not particles.ctf_known.any()
    assert np.isnan(particles.dose).all()
    assert any("dose" in w for w in particles.warnings)
    assert particles.tilt_weight.min() == pytest.approx(np.cos(np.deg2rad(15)), abs=1e-6)


def test_that_coordinates_and_tomograms_are_read_where_they_are(simulated: Path) -> None:
    path = simulated / "10076_both_32_sim_vols.star"
    particles = read_tilt_particles(path)
    table = read_star_tables(path)[""]
    assert set(particles.tomogram) == {"both.tomostar"}
    columns = [table.floats(f"rlnCoordinate{a}") for a in "XYZ"]
    np.testing.assert_allclose(particles.coordinate_a, np.stack(columns, axis=1) * 13.1)


def test_that_rows_of_a_particle_need_not_be_neighbours_and_uneven_counts_lose_nothing(
    tmp_path: Path,
) -> None:
    particles = read_tilt_particles(write_series(tmp_path))
    columns = series_columns()
    assert tuple(particles.counts) == COUNTS
    np.testing.assert_array_equal(particles.row, _ROW_OF_IMAGE)
    np.testing.assert_array_equal(particles.section, np.arange(9))
    np.testing.assert_array_equal(particles.defocus_u_a, columns["rlnDefocusU"][_ROW_OF_IMAGE])
    np.testing.assert_allclose(particles.dose, [3, 6, 9, 12, 3, 6, 3, 6, 9])
    np.testing.assert_allclose(particles.tilt_deg, [0, 3, 6, 9, 0, 3, 0, 3, 6], atol=1e-4)
    assert list(particles.tomogram) == ["TS_0", "TS_0", "TS_1"]
    assert (particles.box, particles.pixel_size_a) == (BOX, PIXEL_A)
    np.testing.assert_allclose(particles.origin_a[1], [3 * 0.25 * PIXEL_A, -3 * 0.5 * PIXEL_A])
    assert particles.one_row_per_image


def test_that_pixel_size_and_dose_can_be_stated_by_hand(tmp_path: Path) -> None:
    path = write_series(tmp_path, {"rlnDetectorPixelSize": None})
    particles = read_tilt_particles(path, apix=2.5, dose_override=1.5)
    assert particles.pixel_size_a == 2.5
    np.testing.assert_allclose(particles.origin_a[1], [3 * 0.25 * 2.5, -3 * 0.5 * 2.5])
    np.testing.assert_allclose(particles.dose, 1.5 * np.array([1, 2, 3, 4, 1, 2, 1, 2, 3]))


def test_that_magnification_makes_a_pixel_size_of_the_detector(tmp_path: Path) -> None:
    path = write_series(
        tmp_path, {"rlnDetectorPixelSize": np.full(9, 5.0), "rlnMagnification": np.full(9, 12500.0)}
    )
    assert read_tilt_particles(path).pixel_size_a == pytest.approx(4.0)


def test_that_nextpyp_names_its_particles_by_number_and_its_shifts_in_angstroms(tmp_path: Path) -> None:
    old = series_columns()
    changes = {
        "rlnGroupName": None,
        "rlnGroupNumber": [int(name[-6:]) + 1 for name in old["rlnGroupName"]],
        "rlnDetectorPixelSize": None,
        "rlnVoltage": None,
        "rlnSphericalAberration": None,
        "rlnAmplitudeContrast": None,
        "rlnOriginX": None,
        "rlnOriginY": None,
        "rlnOriginXAngst": old["rlnOriginX"] * PIXEL_A,
        "rlnOriginYAngst": old["rlnOriginY"] * PIXEL_A,
        "rlnOpticsGroup": np.ones(9, int),
    }
    optics = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7],
        "rlnAmplitudeContrast": [0.07],
        "rlnImagePixelSize": [PIXEL_A],
        "rlnImageSize": [BOX],
        "rlnImageDimensionality": [2],
    }
    warp = read_tilt_particles(write_series(tmp_path))
    pyp = read_tilt_particles(write_series(tmp_path, changes, optics=optics))
    assert (warp.flavour, pyp.flavour) == ("warp", "nextpyp")
    assert list(pyp.particle_name) == ["1", "2", "3"]
    assert pyp.tables["optics"].n_rows == 1
    for name in ("origin_a", "rotation", "dose", "tilt_weight", "voltage_kv", "row", "section", "counts"):
        np.testing.assert_allclose(getattr(pyp, name), getattr(warp, name), rtol=1e-6, err_msg=name)
    changes |= {"rlnGroupNumber": None, "rlnTomoParticleName": old["rlnGroupName"]}
    series = read_tilt_particles(write_series(tmp_path, changes, optics=optics))
    assert series.flavour == "series"
    np.testing.assert_array_equal(series.rotation, warp.rotation)


def test_that_pixel_sizes_of_optics_groups_must_agree(tmp_path: Path) -> None:
    changes = {"rlnDetectorPixelSize": None, "rlnOpticsGroup": [1, 1, 2, 1, 1, 2, 1, 2, 1]}
    optics = {"rlnOpticsGroup": [1, 2], "rlnImagePixelSize": [4.0, 5.0], "rlnImageSize": [BOX, BOX]}
    with pytest.raises(FormatError, match=r"row 3.*pixel size is 5 Å, but 4 Å"):
        read_tilt_particles(write_series(tmp_path, changes, optics=optics))
