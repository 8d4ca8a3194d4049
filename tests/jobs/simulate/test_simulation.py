"""Simulated data sets: images against an independent rendering, files, seeds, noise, and failures."""

from __future__ import annotations

from dataclasses import replace

import mrcfile
import numpy as np
import pytest
import starfile
import torch
from scipy.spatial.transform import Rotation

from jobs.core.errors import AbortRequested, UserError
from jobs.formats.mrc import read_map, write_map
from jobs.formats.particles import read_particles
from jobs.maths.fsc import fsc
from jobs.simulate.recipes import RECIPES, recipe
from jobs.simulate.simulation import Silent, Simulation, simulate
from jobs.simulate.specification import MotionSpec, RegionSpec, SimulationSpec, StructureSpec
from jobs.simulate.truth import GroundTruth, displacements

SMALL = {"n_images": 40, "box": 44, "pixel_size_a": 3.0}


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> Simulation:
    """Three domains with all that has a sign to get wrong: shifts, astigmatism, phase shift."""
    spec = recipe("three_domains").with_changes(
        n_images=60,
        box=64,
        snr=100.0,
        shift_px=4.0,
        astigmatism_a=4000.0,
        phase_shift_deg=30.0,
        bfactor_a2=50.0,
    )
    return simulate(spec, tmp_path_factory.mktemp("three"), image_prefix="Simulate/job001/")


def _render(truth: GroundTruth, row: int, star: dict[str, float], box: int, pixel: float) -> np.ndarray:
    """One image from the STAR file's numbers with scipy's rotations, full transforms and RELION's formula."""
    points = truth.beads_a + displacements(truth, [row])[0]
    angles = [star["rlnAngleRot"], star["rlnAngleTilt"], star["rlnAnglePsi"]]
    seen = Rotation.from_euler("ZYZ", angles, degrees=True).inv().apply(points) / pixel
    centre = box // 2 - np.array([star["rlnOriginXAngst"], star["rlnOriginYAngst"]]) / pixel
    axis = np.arange(box)
    x = np.exp(-0.5 * ((axis - seen[:, :1] - centre[0]) * pixel / truth.sigma_a) ** 2)
    y = np.exp(-0.5 * ((axis - seen[:, 1:2] - centre[1]) * pixel / truth.sigma_a) ** 2)
    k = np.fft.fftfreq(box, pixel)
    kx, ky = np.meshgrid(k, k)
    u, v = star["rlnDefocusU"], star["rlnDefocusV"]
    wave = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6))
    direction = np.arctan2(ky, kx) - np.radians(star["rlnDefocusAngle"])
    defocus = 0.5 * (u + v) + 0.5 * (u - v) * np.cos(2 * direction)
    s = kx**2 + ky**2
    gamma = np.pi * wave * (0.5 * 2.7e7 * wave**2 * s**2 - defocus * s)
    gamma -= np.arcsin(0.1) + np.radians(star["rlnPhaseShift"])
    ctf = -np.sin(gamma) * np.exp(-star["rlnCtfBfactor"] / 4 * s)
    return np.fft.ifft2(np.fft.fft2(np.einsum("ny,nx->yx", y, x)) * ctf).real


def test_that_images_are_what_the_star_file_says_rendered_independently(three):
    table = starfile.read(three.particles)["particles"]
    images = mrcfile.read(three.stack)
    for row in (0, 7, 59):
        expected = _render(three.truth, row, table.iloc[row].to_dict(), 64, 3.0)
        found = images[row].astype(np.float64)
        scale = (found * expected).sum() / (expected**2).sum()
        residual = found - scale * expected
        # What is left is the noise: standard deviation 1 / sqrt(100) of the stack's.
        assert residual.std() == pytest.approx(0.1, rel=0.06)


def test_that_relion_31_files_are_written_and_read_by_ourselves_and_others(three):
    tables = starfile.read(three.particles)
    assert float(tables["optics"]["rlnImagePixelSize"].iloc[0]) == 3.0
    assert tables["particles"]["rlnImageName"].iloc[1] == "000002@Simulate/job001/particles.mrcs"
    assert "# version 30001" in three.particles.read_text()
    flat = three.particles.with_name("flat.star")
    flat.write_text(three.particles.read_text().replace("@Simulate/job001/", "@"))
    particles = read_particles(flat, three.folder)
    assert particles.n == 60
    np.testing.assert_allclose(particles.euler_deg, three.truth.euler_deg, atol=1e-5)
    np.testing.assert_allclose(particles.origin_a, three.truth.origin_a, atol=1e-5)
    assert 8 < np.abs(particles.origin_a).max() <= 12
    assert sorted(np.bincount(particles.half).tolist()) == [0, 30, 30]
    assert three.truth.half.tolist() == particles.half.tolist()


def test_that_every_file_of_the_data_set_is_there_and_nothing_else(three):
    names = {path.name for path in three.folder.iterdir()} - {"flat.star"}
    assert names == {
        "particles.star", "particles.mrcs", "consensus.mrc", "half1.mrc", "half2.mrc", "mask.mrc",
        "ground_truth.npz", "beads.csv", "beads.star", "simulation.json",
    }  # fmt: skip


def test_that_the_ground_truth_survives_the_file(three):
    loaded = GroundTruth.load(three.folder / "ground_truth.npz")
    assert loaded.motions == three.truth.motions
    np.testing.assert_array_equal(displacements(loaded, [3, 5]), displacements(three.truth, [3, 5]))
    assert loaded.image_name.tolist() == three.truth.image_name.tolist()
    assert SimulationSpec.from_json(loaded.spec) == SimulationSpec.from_json(three.truth.spec)


def test_that_both_motions_are_independent_and_of_the_promised_size(three):
    truth = three.truth
    assert np.bincount(truth.domain).tolist() == [300, 200, 100]
    assert [m.kind for m in truth.motions] == ["twist", "slide"]
    assert np.abs(truth.theta[:, 0]).max() <= 25
    slide = displacements(truth, motion=1)[:, truth.domain == 2]
    np.testing.assert_allclose(
        np.linalg.norm(slide, axis=2), np.abs(truth.theta[:, 1:]).repeat(100, 1), atol=1e-4
    )
    assert not displacements(truth)[:, truth.domain == 0].any()


def test_that_displacements_of_other_points_are_those_of_the_nearest_bead(three):
    truth = three.truth
    points = truth.beads_a[[10, 320, 580]]
    np.testing.assert_allclose(
        displacements(truth, points_a=points), displacements(truth)[:, [10, 320, 580]], atol=1e-5
    )


@pytest.fixture(scope="module")
def rigid(tmp_path_factory) -> Simulation:
    spec = recipe("R2").with_changes(n_images=500, box=48, pixel_size_a=4.0, snr=1.0, shift_px=3.0)
    return simulate(spec, tmp_path_factory.mktemp("rigid"))


def _true_volume(truth: GroundTruth) -> torch.Tensor:
    axis = (torch.arange(truth.box) - truth.box // 2) * truth.pixel_size_a
    beads = torch.as_tensor(truth.beads_a, dtype=torch.float32)
    along = [torch.exp(-0.5 * ((axis[None] - beads[:, i, None]) / truth.sigma_a) ** 2) for i in range(3)]
    return torch.einsum("nz,ny,nx->zyx", along[2], along[1], along[0])


def test_that_consensus_and_half_maps_are_the_molecule(rigid):
    volume = _true_volume(rigid.truth)
    mask = torch.as_tensor(read_map(rigid.mask).data)
    consensus = read_map(rigid.consensus)
    assert consensus.voxel_size_a == pytest.approx(4.0)
    assert fsc(torch.as_tensor(consensus.data), volume, mask)[:16].min() > 0.9
    halves = [torch.as_tensor(read_map(rigid.folder / f"half{i}.mrc").data) for i in (1, 2)]
    assert fsc(halves[0], halves[1], mask)[:12].min() > 0.8


def test_that_the_mask_holds_every_bead_and_little_else(rigid, three):
    for made in (rigid, three):
        truth, mask = made.truth, read_map(made.mask).data
        where = np.rint(truth.beads_a / truth.pixel_size_a).astype(int) + truth.box // 2
        assert mask[where[:, 2], where[:, 1], where[:, 0]].min() == 1
        assert 0.01 < mask.mean() < 0.15


def test_that_bead_files_are_in_the_frame_in_which_chimerax_shows_the_map(rigid):
    table = np.loadtxt(rigid.folder / "beads.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[:, :3], rigid.truth.beads_a + 24 * 4.0, atol=1e-3)
    star = starfile.read(rigid.folder / "beads.star")
    np.testing.assert_allclose(star[["x", "y", "z"]].to_numpy(), table[:, :3], atol=1e-3)
    density = _true_volume(rigid.truth)
    where = np.rint(table[:, :3] / 4.0).astype(int)
    found = torch.as_tensor(read_map(rigid.consensus).data)
    inside = found[where[:, 2], where[:, 1], where[:, 0]].mean()
    assert inside > 10 * found.abs().mean()
    assert density[where[:, 2], where[:, 1], where[:, 0]].min() > 0.9


def test_that_rigid_controls_have_no_motion_and_noise_has_no_particle(rigid, tmp_path):
    assert rigid.truth.theta.shape == (500, 0)
    assert not displacements(rigid.truth).any()
    noise = simulate(recipe("noise").with_changes(**SMALL), tmp_path)
    images = mrcfile.read(noise.stack)
    assert images.std() == pytest.approx(10**0.5, rel=0.01)
    assert abs(np.corrcoef(images.mean(0).ravel(), images[0].ravel())[0, 1]) < 0.2
    consensus = torch.as_tensor(read_map(noise.consensus).data)
    assert fsc(consensus, _true_volume(noise.truth))[1:12].abs().mean() < 0.25


def _stack(tmp_path, name: str, **changes) -> tuple[np.ndarray, Simulation]:
    made = simulate(recipe("R1").with_changes(**SMALL, **changes), tmp_path / name)
    return mrcfile.read(made.stack), made


def test_that_signal_and_noise_have_the_promised_ratio(tmp_path):
    clean, _ = _stack(tmp_path, "clean", snr=1e8)
    noisy, made = _stack(tmp_path, "noisy", snr=0.1)
    assert clean.std() == pytest.approx(1, abs=1e-3)
    assert (noisy - clean).std() == pytest.approx(10**0.5, rel=0.01)
    assert made.truth.noise_sd == pytest.approx(10**0.5)
    unit, made = _stack(tmp_path, "unit", snr=0.1, unit_noise=True)
    np.testing.assert_allclose(unit * 10**0.5, noisy, atol=1e-4)
    assert made.truth.noise_sd == pytest.approx(1)


def test_that_the_same_seed_gives_the_same_data_and_another_gives_other(tmp_path):
    first, one = _stack(tmp_path, "a")
    again, two = _stack(tmp_path, "b")
    other, three_ = _stack(tmp_path, "c", seed=2)
    assert np.array_equal(first, again)
    assert one.particles.read_bytes() == two.particles.read_bytes()
    assert not np.allclose(one.truth.theta, three_.truth.theta)
    assert not np.array_equal(first, other)


def test_that_one_setting_does_not_change_what_is_drawn_for_the_others(tmp_path):
    _, one = _stack(tmp_path, "a")
    _, two = _stack(tmp_path, "b", snr=5.0, shift_px=3.0, astigmatism_a=500.0, pose_error_deg=2.0)
    np.testing.assert_array_equal(one.truth.theta, two.truth.theta)
    np.testing.assert_array_equal(one.truth.euler_deg, two.truth.euler_deg)


def test_that_pose_errors_are_in_the_star_file_and_not_in_the_truth(tmp_path):
    spec = recipe("R2").with_changes(
        n_images=400, box=32, pixel_size_a=6.0, pose_error_deg=3.0, pose_error_px=0.5
    )
    made = simulate(spec, tmp_path)
    table = starfile.read(made.particles)["particles"]
    written = table[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    true = Rotation.from_euler("ZYZ", made.truth.euler_deg, degrees=True)
    angle = np.degrees((Rotation.from_euler("ZYZ", written, degrees=True) * true.inv()).magnitude())
    assert np.sqrt(np.mean(np.square(angle))) == pytest.approx(3.0, rel=0.1)
    origin = table[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy() - made.truth.origin_a
    assert origin.std() == pytest.approx(0.5 * 6.0, rel=0.1)


def test_that_absent_regions_are_missing_from_the_images(tmp_path):
    clean, made = _stack(tmp_path, "a", snr=1e8, absent_fraction=0.5, amplitude_contrast=0.9)
    present = made.truth.present
    assert 0.3 < present.mean() < 0.7
    total = clean.sum((1, 2))
    # With strong amplitude contrast the sum of an image counts its beads: 400 of 650 without B.
    assert total[~present].mean() / total[present].mean() == pytest.approx(400 / 650, rel=0.02)


def test_that_maps_are_simulated_with_soft_hinges_and_discrete_states(tmp_path):
    axis = np.arange(24) - 12.0
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    write_map(tmp_path / "m.mrc", np.exp(-(x**2 + y**2 + (z / 2) ** 2) / 12).astype(np.float32), 4.0)
    region = RegionSpec("plane", softness_a=10.0)
    spec = SimulationSpec(
        StructureSpec(path=str(tmp_path / "m.mrc")),
        (MotionSpec("hinge", -20, 20, region, states=(-20.0, 20.0)),),
        n_images=40, box=24, pixel_size_a=4.0, snr=10.0,
    )  # fmt: skip
    made = simulate(spec, tmp_path / "out")
    assert set(made.truth.theta[:, 0]) == {-20.0, 20.0}
    assert ((made.truth.membership > 0) & (made.truth.membership < 1)).any()
    assert np.isfinite(mrcfile.read(made.stack)).all()


class _Impatient(Silent):
    """Asks to stop once noise is being added."""

    def __init__(self) -> None:
        self.phase = ""

    def progress(self, phase: str, step: int, of: int) -> None:
        self.phase = phase

    def check_abort(self) -> None:
        if self.phase == "noise and reconstruction":
            raise AbortRequested


def test_that_an_aborted_simulation_leaves_earlier_files_and_nothing_new(tmp_path):
    (tmp_path / "particles.star").write_text("earlier")
    with pytest.raises(AbortRequested):
        simulate(recipe("R1").with_changes(**{**SMALL, "n_images": 300}), tmp_path, reporter=_Impatient())
    assert [path.name for path in tmp_path.iterdir()] == ["particles.star"]
    assert (tmp_path / "particles.star").read_text() == "earlier"


def test_that_progress_is_told_up_to_the_last_image(tmp_path):
    class Listener(Silent):
        steps: list[tuple[str, int, int]] = []

        def progress(self, phase: str, step: int, of: int) -> None:
            self.steps.append((phase, step, of))

    simulate(recipe("R1").with_changes(**SMALL), tmp_path, reporter=Listener())
    assert ("images", 40, 40) in Listener.steps
    assert Listener.steps[-1] == ("noise and reconstruction", 40, 40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"box": 33}, "the box must be even and at least 8, not 33"),
        ({"n_images": 1}, "at least 2 images are needed, not 1"),
        ({"snr": 0.0}, "signal-to-noise ratio must be positive"),
        ({"defocus_low_a": 3e4}, "lowest defocus is above the highest"),
        ({"motions": (), "absent_fraction": 0.5}, "a region can be absent only where a motion names it"),
    ],
)
def test_that_impossible_settings_are_refused_in_words(change, message):
    with pytest.raises(UserError, match=message):
        replace(recipe("R1"), **change)


def test_that_recipes_are_the_published_ones():
    assert sorted(RECIPES) == ["R1", "R2", "noise", "three_domains"]
    r1 = recipe("R1")
    assert (r1.n_images, r1.box, r1.pixel_size_a, r1.snr) == (2000, 64, 3.0, 0.1)
    assert (r1.defocus_low_a, r1.defocus_high_a, r1.astigmatism_a, r1.shift_px) == (8000, 25000, 0, 0)
    assert recipe("R2").structure == r1.structure
    with pytest.raises(UserError, match="there is no recipe 'R9'"):
        recipe("R9")
