"""Optimisation sets give every visible image its pose, defocus, dose and tilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jobs.core.errors import FormatError
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.formats.tilt_geometry import (
    euler_angles,
    euler_matrices,
    tilt_angles,
    tilt_projections,
    tilt_rotations,
)
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.formats.tilt_sets import read_optimisation_set
from tests.support.shared import shared_dir
from tests.support.tilt_sets import BINNED_A, FLAGS, NAMES, PIXEL_A, SIZE_PX, write_relion5_project

_WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12"


@pytest.fixture
def warptools() -> Path:
    """The set of others, its files beside it."""
    return shared_dir() / "data" / "tomodrgn" / f"{_WARPTOOLS}_optimisation_set.star"


def _scipy(rot: float, tilt: float, psi: float) -> np.ndarray:
    return Rotation.from_euler("ZYZ", [rot, tilt, psi], degrees=True).inv().as_matrix()


def test_that_relions_own_projection_matrices_come_out_of_angles_and_shifts() -> None:
    folder = shared_dir() / "data" / "relion5_tomo_project" / "tilt_series_metadata"
    for path in sorted((folder / "tilt_series").glob("*.star")):
        (table,) = read_star_tables(path).values()
        matrix = np.stack([np.stack(table.vectors(f"rlnTomoProj{a}")) for a in "XYZW"], axis=1)
        rotation = tilt_rotations(*(table.floats(f"rlnTomo{a}") for a in ("XTilt", "YTilt", "ZRot")))
        shift = np.stack([table.floats(f"rlnTomo{a}ShiftAngst") for a in "XY"], axis=1)
        ours = tilt_projections(rotation, shift, 1.35, (4000, 4000, 3000), (3710, 3838))
        assert np.abs(ours[:, :, :3] - matrix[:, :, :3]).max() < 1e-6
        assert np.abs(ours[:, :, 3] - matrix[:, :, 3]).max() < 2e-3
        np.testing.assert_allclose(tilt_rotations(*tilt_angles(rotation).T), rotation, atol=1e-12)


def test_that_euler_angles_are_relions_and_come_back(rng: np.random.Generator) -> None:
    angles = rng.uniform((-180, 0, -180), (180, 180, 180), (20, 3))
    matrices = euler_matrices(angles)
    for angle, matrix in zip(angles, matrices, strict=True):
        np.testing.assert_allclose(matrix, _scipy(*angle), atol=1e-12)
    np.testing.assert_allclose(euler_angles(matrices), angles, atol=1e-9)


def test_that_the_warptools_set_holds_the_images_upstream_counts(warptools: Path) -> None:
    particles = read_optimisation_set(warptools)
    assert particles.flavour == "warptools"
    assert (particles.n, particles.n_images, particles.box, particles.pixel_size_a) == (40, 1430, 32, 12.0)
    assert len(set(particles.tomogram)) == 4
    assert particles.ctf_premultiplied and particles.dose_weighted
    assert (particles.counts.min(), particles.counts.max()) == (34, 37)
    assert particles.warnings == ()
    images = ImageStacks(particles)
    assert images.dtype == np.float16 and images.read([0, 1429]).std() > 0


def test_that_an_image_of_warptools_has_the_pose_defocus_and_dose_of_its_own_tilt(warptools: Path) -> None:
    particles = read_optimisation_set(warptools)
    # particle 1, frame 3 of Unt_083, the third visible one, by hand from the rows of the files
    rotation = np.array(
        [
            [0.11075017, -0.9938481, -0.00065177627],
            [0.8372596, 0.092947245, 0.53884804],
            [-0.53547245, -0.060223214, 0.84240276],
        ]
    )
    image = 2
    assert (particles.frame[image], particles.section[image]) == (3, 3)
    np.testing.assert_allclose(
        particles.rotation[image], rotation @ _scipy(53.913, 104.840, -78.580), atol=1e-6
    )
    away = np.array([494.521, 564.065, 28.146]) * 12 - np.array([4400, 6000, 1400]) * 1.667 / 2
    assert particles.defocus_u_a[image] == pytest.approx(28143.5 + rotation[2] @ away, abs=0.01)
    assert particles.defocus_v_a[image] == pytest.approx(28063.3 + rotation[2] @ away, abs=0.01)
    assert (particles.dose[image], particles.tilt_weight[image]) == (79.238, 0.777)


def test_that_a_bare_particle_file_finds_the_set_it_belongs_to(warptools: Path) -> None:
    particles = read_optimisation_set(warptools.with_name(f"{_WARPTOOLS}.star"))
    assert (particles.n, particles.n_images) == (40, 1430)
    assert "optimisation_set" in particles.further


def _image(particles: TiltParticles, name: str, frame: int) -> int:
    p = particles.indices_of([name])[0]
    images = np.arange(particles.first[p], particles.first[p + 1])
    return int(images[particles.frame[images] == frame][0])


@pytest.mark.parametrize("all_frames", [False, True])
def test_that_native_relion_5_sets_compose_tilt_subtomogram_and_particle(
    tmp_path: Path, all_frames: bool
) -> None:
    particles = read_optimisation_set(write_relion5_project(tmp_path, all_frames=all_frames))
    assert particles.flavour == "relion5"
    assert list(particles.particle_name) == list(NAMES)
    assert particles.counts.tolist() == [sum(f) for f in FLAGS]
    assert particles.half.tolist() == [1, 2, 2, 1]
    table = particles.table
    row, frame = 2, 3
    image = _image(particles, NAMES[row], frame)
    assert particles.section[image] == (3 if all_frames else 2)
    cell = {c: float(table.floats(c)[row]) for c in table.columns if c[3:9] in ("Angle" + c[8], "Center")}
    within = _scipy(*(float(table.floats(f"rlnAngle{a}")[row]) for a in ("Rot", "Tilt", "Psi")))
    turned = _scipy(*(float(table.floats(f"rlnTomoSubtomogram{a}")[row]) for a in ("Rot", "Tilt", "Psi")))
    tilt = Rotation.from_euler("xyz", [1.0, 14.0, 88.0], degrees=True).as_matrix()
    np.testing.assert_allclose(particles.rotation[image], tilt @ turned @ within, atol=1e-6)
    np.testing.assert_allclose(particles.particle_rotation[row], turned @ within, atol=1e-6)
    origin = turned @ np.array([table.floats(f"rlnOrigin{a}Angst")[row] for a in "XYZ"])
    np.testing.assert_allclose(particles.origin_a[image], (tilt @ origin)[:2], atol=1e-9)
    centred = np.array([cell.get(c, table.floats(c)[row]) for c in _centred()])
    np.testing.assert_allclose(particles.coordinate_a[row], centred + np.array(SIZE_PX) * PIXEL_A / 2)
    depth = (tilt @ (centred - origin))[2]
    assert particles.defocus_u_a[image] == pytest.approx(30300 + depth, abs=1e-6)
    other = _image(particles, "TS_02/1", 3)
    assert particles.tilt_weight[other] == pytest.approx(np.cos(np.radians(14)))
    assert particles.tilt_deg[other] == 15.0
    assert particles.dose[image] == 6.0
    assert particles.pixel_size_a == BINNED_A


def _centred() -> list[str]:
    return [f"rlnCenteredCoordinate{a}Angst" for a in "XYZ"]


def test_that_the_hand_turns_the_sign_of_depth(tmp_path: Path) -> None:
    at = {f"rlnCenteredCoordinate{a}Angst": [0.0] * 4 for a in "XY"}
    at |= {"rlnCenteredCoordinateZAngst": [100.0] * 4}
    at |= {f"rlnOrigin{a}Angst": [0.0] * 4 for a in "XYZ"}
    particles = read_optimisation_set(write_relion5_project(tmp_path, at))
    lift = 100 * tilt_rotations([1.0, -2.0], [-16.0] * 2, [86.0] * 2)[:, 2, 2]
    assert particles.defocus_u_a[_image(particles, "TS_01/1", 1)] == pytest.approx(30100 + lift[0])
    assert particles.defocus_u_a[_image(particles, "TS_02/1", 1)] == pytest.approx(30100 - lift[1])


def test_that_trajectories_move_the_images_and_change_the_depth(tmp_path: Path) -> None:
    still = read_optimisation_set(write_relion5_project(tmp_path))
    moving = np.arange(15.0).reshape(5, 3)
    particles = read_optimisation_set(write_relion5_project(tmp_path, trajectories={"TS_01/2": moving}))
    image = _image(particles, "TS_01/2", 3)
    tilt = Rotation.from_euler("xyz", [1.0, 14.0, 88.0], degrees=True).as_matrix()
    change = particles.origin_a[image] - still.origin_a[image]
    np.testing.assert_allclose(change, -(tilt @ moving[3])[:2], atol=1e-9)
    deeper = particles.defocus_u_a[image] - still.defocus_u_a[image]
    assert deeper == pytest.approx((tilt @ moving[3])[2])
    assert any("3 of 4 particles have no trajectory" in w for w in particles.warnings)


def test_that_particles_without_visible_frames_are_left_out_and_named(tmp_path: Path) -> None:
    flags = ["[1,1,0,1,1]", "[0,0,0,0,0]", "[0,1,1,1,0]", "[1,0,0,0,0]"]
    particles = read_optimisation_set(write_relion5_project(tmp_path, {"rlnTomoVisibleFrames": flags}))
    assert particles.original.tolist() == [0, 2, 3]
    assert particles.table.n_rows == 3
    assert "row 2" in particles.warnings[-1]


def test_that_a_microscope_that_is_stated_nowhere_is_assumed_and_said(tmp_path: Path) -> None:
    stated = write_relion5_project(tmp_path / "a")
    assert not any("assumed" in w for w in read_optimisation_set(stated).warnings)
    # the voltage is that of the tomograms
    less: dict[str, Any] = dict.fromkeys(("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"))
    particles = read_optimisation_set(write_relion5_project(tmp_path / "b", optics=less))
    assert set(particles.amplitude_contrast) == {0.1}
    assert (set(particles.voltage_kv), set(particles.spherical_aberration_mm)) == ({300.0}, {2.7})
    said = (
        "Neither particles nor tomograms state rlnSphericalAberration (2.7 mm is assumed), "
        "rlnAmplitudeContrast (0.1 is assumed)."
    )
    assert said in particles.warnings


def test_that_tilts_without_defocus_are_read_without_ctf_and_said(tmp_path: Path) -> None:
    without: dict[str, Any] = dict.fromkeys(("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"))
    particles = read_optimisation_set(write_relion5_project(tmp_path, tilts=without))
    assert not particles.ctf_known.any()
    said = "The tilts of the tomograms state no defocus: their images are taken as free of CTF effects."
    assert said in particles.warnings


def test_that_a_set_without_pixel_size_takes_the_one_that_is_given(tmp_path: Path) -> None:
    path = write_relion5_project(
        tmp_path, optics={"rlnImagePixelSize": None, "rlnTomoTiltSeriesPixelSize": None}
    )
    with pytest.raises(FormatError, match="rlnImagePixelSize"):
        read_optimisation_set(path)
    assert read_tilt_particles(path, apix=5.0).pixel_size_a == 5.0


def test_that_without_visible_frames_all_tilts_count_or_the_missing_column_is_named(tmp_path: Path) -> None:
    lost: dict[str, Any] = {"rlnTomoVisibleFrames": None}
    particles = read_optimisation_set(write_relion5_project(tmp_path / "a", lost, all_frames=True))
    assert set(particles.counts) == {5}
    assert "The particles have no rlnTomoVisibleFrames: all tilts count as visible." in particles.warnings
    path = write_relion5_project(tmp_path / "b", lost)
    for error in (_refused(path), _refused(path.with_name("particles.star"))):
        assert error.column == "rlnTomoVisibleFrames"
        assert "lacks the column rlnTomoVisibleFrames" in str(error)


def _refused(path: Path) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read_optimisation_set(path)
    return caught.value


def test_that_flags_of_another_length_name_row_and_both_numbers(tmp_path: Path) -> None:
    flags = ["[1,1,0,1,1]", "[1,1,1,1]", "[0,1,1,1,0]", "[1,0,0,0,0]"]
    error = _refused(write_relion5_project(tmp_path, {"rlnTomoVisibleFrames": flags}))
    assert (error.row, error.column) == (2, "rlnTomoVisibleFrames")
    assert "4 flags" in str(error) and "5 tilts" in str(error)


def test_that_a_stack_that_fits_neither_layout_names_particle_stack_and_counts(tmp_path: Path) -> None:
    flags = ["[1,1,0,1,1]", "[1,1,1,1,1]", "[0,1,1,1,0]", "[1,1,1,0,0]"]
    error = _refused(write_relion5_project(tmp_path, {"rlnTomoVisibleFrames": flags}))
    for part in ("TS_02/2", "3_stack2d.mrcs", "1 images", "3 (visible", "5 (all"):
        assert part in str(error)


def test_that_an_unknown_tomogram_is_named_with_its_neighbour(tmp_path: Path) -> None:
    error = _refused(write_relion5_project(tmp_path, {"rlnTomoName": ["TS_01", "TS_02", "TS_1", "TS_02"]}))
    assert (error.row, error.column) == (3, "rlnTomoName")
    assert "TS_1" in str(error) and "There is TS_01" in str(error)


def test_that_negative_coordinates_from_the_corner_are_refused(tmp_path: Path) -> None:
    columns: dict[str, object] = dict.fromkeys(_centred())
    columns |= {"rlnCoordinateX": [1.0] * 4, "rlnCoordinateY": [2.0, 3.0, -4.0, 1.0]}
    columns |= {"rlnCoordinateZ": [1.0] * 4}
    error = _refused(write_relion5_project(tmp_path, columns))
    assert (error.row, error.column) == (3, "rlnCoordinateY")


def test_that_3d_subtomograms_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write_relion5_project(tmp_path)
    star = tmp_path / "Extract" / "job012" / "particles.star"
    text = star.read_text().splitlines()
    text = [line[:-1] + "0" if line.startswith("_rlnTomoSubTomosAre2D") else line for line in text]
    star.write_text("\n".join(text) + "\n")
    error = _refused(path)
    assert "3D subtomograms" in str(error) and "2D stacks" in str(error)


def test_that_missing_files_are_named_with_who_names_them(tmp_path: Path) -> None:
    path = write_relion5_project(tmp_path)
    (tmp_path / "TS_02.star").unlink()
    assert "rlnTomoTiltSeriesStarFile" in str(_refused(path))
    (tmp_path / "Extract" / "job012" / "tomograms.star").unlink()
    assert "tomograms.star does not exist" in str(_refused(path))


def test_that_a_missing_stack_names_its_row(tmp_path: Path) -> None:
    path = write_relion5_project(tmp_path)
    (tmp_path / "Extract" / "job012" / "1_stack2d.mrcs").unlink()
    error = _refused(path)
    assert (error.row, error.column) == (2, "rlnImageName")
