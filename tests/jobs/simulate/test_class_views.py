"""Simulated particles in few views: images are turned, shifted and mirrored as the truth says."""

import mrcfile
import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from jobs.core.errors import UserError
from jobs.formats.star import read_star_tables
from jobs.maths.ctf import ctf_rfft
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.class_images import class_images, ctf_parameters
from jobs.simulate.class_options import class_specification
from jobs.simulate.class_simulation import simulate_classes
from jobs.simulate.class_specification import R5, ClassSpec
from jobs.simulate.class_truth import spread_views
from jobs.simulate.commands import main
from jobs.simulate.params import SimulateOptions
from tests.support.class_images import planted_classes
from tests.support.shared import shared_dir

FEW = R5.with_changes(n_views=3, n_images=30, box=32, pixel_size_a=4.75, snr=2.0)


def _aligned(image, alpha_deg, shift, mirror):
    """Transform about pixel n // 2, point by point: x' = cos a x + sin a y + sx, ..., then x' -> -x'."""
    a = np.radians(alpha_deg)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    flip = np.diag([-1.0 if mirror else 1.0, 1.0])
    back = np.linalg.inv(flip @ turn)[::-1, ::-1]  # rows first, as scipy has it
    centre = np.array(image.shape) // 2
    offset = centre - back @ (centre + (flip @ shift)[::-1])
    return affine_transform(image, back, offset, order=3)


def test_that_the_stated_alignment_turns_every_image_into_its_view():
    made = planted_classes(n_views=4, n_images=24, box=48, snr=1e8, shift_px=2.0)
    alpha, shift, mirror = made.truth.alignment()
    assert 4 < mirror.sum() < 20
    for row, image in enumerate(made.images):
        turned = _aligned(image, alpha[row], shift[row], mirror[row])
        assert np.corrcoef(turned.ravel(), made.views[made.truth.view[row]].ravel())[0, 1] > 0.995


def test_that_an_image_is_the_projection_along_its_rotation_times_the_ctf():
    spec = FEW.with_changes(snr=1e8, shift_px=0.0, astigmatism_a=500.0)
    plain, truth, _ = class_images(spec.with_changes(has_ctf=False))
    seen = class_images(spec)[0]
    rows = np.flatnonzero(~truth.is_noise)
    ctf = ctf_rfft(ctf_parameters(spec, truth, rows), 32, spec.pixel_size_a)
    expected = rfft_to_image(image_to_rfft(torch.as_tensor(plain[rows])) * ctf, 32).numpy()
    assert np.corrcoef(expected.ravel(), seen[rows].ravel())[0, 1] > 0.9999


def test_that_signal_noise_and_shares_are_as_stated():
    made = planted_classes(n_views=5, n_images=200, snr=0.25, noise_fraction=0.15)
    assert np.bincount(made.truth.view + 1).tolist() == [30, 40, 40, 40, 40, 40]
    noise = made.images[made.truth.is_noise]
    assert float(noise.std()) == pytest.approx(2.0, rel=0.01) == pytest.approx(made.truth.noise_sd, rel=0.01)
    clean = planted_classes(n_views=5, n_images=200, snr=1e8, noise_fraction=0.15)
    assert float(clean.images[~clean.truth.is_noise].std()) == pytest.approx(1.0, abs=0.01)
    assert np.abs(made.truth.shift_px).max() <= 1.0


def test_that_views_are_far_apart_also_from_each_others_backs():
    angles = spread_views(20)
    rot, tilt = np.radians(angles).T
    axes = np.stack((np.sin(tilt) * np.cos(rot), np.sin(tilt) * np.sin(rot), np.cos(tilt)), axis=1)
    apart = np.degrees(np.arccos(np.abs(axes @ axes.T) - np.eye(20)))
    assert apart.min() > 24  # twenty pairs of caps that fill the sphere would be 36 degrees wide
    assert np.array_equal(spread_views(20)[:7], spread_views(7))


def test_that_the_seed_decides_and_a_setting_leaves_what_others_draw():
    a, b, other = (planted_classes(seed=seed, n_images=20) for seed in (1, 1, 2))
    assert np.array_equal(a.images, b.images)
    assert not np.array_equal(a.truth.view, other.truth.view)
    wide = planted_classes(n_images=20, shift_px=3.0)
    np.testing.assert_allclose(wide.truth.shift_px, 3 * a.truth.shift_px)
    assert np.array_equal(wide.truth.psi_deg, a.truth.psi_deg)


def test_that_the_files_hold_ctf_but_no_poses_and_the_truth_beside_them(tmp_path):
    truth = simulate_classes(FEW, tmp_path, image_prefix="Simulate/job001/")
    particles = read_star_tables(tmp_path / "particles.star")["particles"]
    assert particles.n_rows == 34 == len(truth.view)
    assert particles.text("rlnImageName")[0] == "000001@Simulate/job001/particles.mrcs"
    assert not {"rlnAnglePsi", "rlnOriginXAngst", "rlnClassNumber"} & set(particles.columns)
    np.testing.assert_allclose(particles.floats("rlnDefocusU"), truth.defocus_u_a, atol=1e-3)
    known = read_star_tables(tmp_path / "truth.star")["particles"]
    angles = np.stack([known.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")], axis=1)
    assert float((euler_to_matrix(torch.as_tensor(angles)) - truth.rotations).abs().max()) < 1e-6
    assert np.array_equal(known.floats("rlnClassNumber") - 1, truth.view)
    images = class_images(FEW)[0]
    assert np.array_equal(mrcfile.read(tmp_path / "particles.mrcs"), images)
    with np.load(tmp_path / "truth.npz") as saved:
        np.testing.assert_allclose(saved["align_alpha_deg"], truth.alignment()[0])


def test_that_the_command_makes_the_recipe_and_its_record_makes_it_again(tmp_path, capsys):
    few = ["--recipe", "R5", "--nr_images", "8", "--nr_views", "2", "--box_size", "16", "--angpix", "9.5"]
    assert main(["--out", str(tmp_path / "a"), *few, "--do_ctf", "No"]) == 0
    assert capsys.readouterr().out.strip().endswith("particles.star")
    record = tmp_path / "a" / "simulation.json"
    spec = ClassSpec.from_json(record.read_text())
    assert spec == R5.with_changes(n_images=8, n_views=2, box=16, pixel_size_a=9.5, has_ctf=False)
    assert main(["--out", str(tmp_path / "b"), "--fn_spec", str(record)]) == 0
    a, b = (mrcfile.read(tmp_path / name / "particles.mrcs") for name in "ab")
    assert np.array_equal(a, b)


def test_that_a_map_is_projected_as_it_is_about_its_centre(tmp_path):
    path = shared_dir() / "data" / "maps" / "ribosome_70S_65px.mrc"
    options = SimulateOptions(recipe="R5", fn_structure=str(path), voxel_size=5.0, nr_views=1, box_size=76)
    spec = class_specification(options, tmp_path)
    assert spec is not None and (spec.box, spec.pixel_size_a) == (76, 5.0)
    view = class_images(spec.with_changes(n_images=2, noise_fraction=0.0))[2][0]
    summed = np.zeros((76, 76))
    summed[6:71, 6:71] = mrcfile.read(path).sum(axis=0)
    # The first of the views is half a degree or so off the pole, about which it may be turned.
    rot = spread_views(1)[0, 0]
    turned = _aligned(summed, rot, np.zeros(2), False)
    assert np.corrcoef(turned.ravel(), view.ravel())[0, 1] > 0.98
    with pytest.raises(UserError, match="have its voxel size, 5 Å"):
        class_specification(options.model_copy(update={"angpix": 3.0}), tmp_path)
    assert main(["--out", str(tmp_path), "--recipe", "R5", "--fn_structure", str(path)]) == 2  # no voxel size
