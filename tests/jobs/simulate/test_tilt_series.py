"""Simulated tilt series: what the images hold is what the maps, the dose and the tilts say."""

import json

import mrcfile
import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map
from jobs.formats.star import read_star_tables
from jobs.maths.backproject import Backprojector
from jobs.maths.ctf import constant_ctf, ctf_rfft
from jobs.maths.fourier import image_to_rfft, radius_rfft
from jobs.maths.fsc import fsc
from jobs.maths.project import project_volume
from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.choices import tilt_specification
from jobs.simulate.commands import main
from jobs.simulate.params import SimulateOptions
from jobs.simulate.tilt_series import attenuation, simulate_tilt_series, tilt_scheme
from jobs.simulate.tilt_specification import R4, TiltSpec

FEW = R4.with_changes(n_particles=8, tilt_low_deg=-9.0, tilt_high_deg=9.0)


def _images(folder):
    return torch.as_tensor(mrcfile.read(folder / "particles.mrcs"))


def test_that_tilts_are_taken_from_the_smallest_angle_to_the_largest():
    assert tilt_scheme(FEW).tolist() == [0, 3, -3, 6, -6, 9, -9]
    assert len(tilt_scheme(R4)) == 41


def test_that_an_image_is_the_projection_of_its_species_with_ctf_dose_and_tilt(tmp_path):
    truth = simulate_tilt_series(FEW.with_changes(snr=1e8, shift_px=0.0), tmp_path)
    seen = _images(tmp_path)
    for row in (0, 9, 27, 55):
        owner = truth.particle[row]
        species = torch.as_tensor(read_map(tmp_path / f"species_{truth.species[owner] + 1}.mrc").data.copy())
        ctf = ctf_rfft(constant_ctf([truth.defocus_a[owner]]), 32, 6.0).float()
        left = attenuation(FEW, truth.dose[[row]], truth.tilt_deg[[row]])
        projection = project_volume(species, truth.image_rotations[[row]].float(), padding=4)
        # Corners of the plane turn to where a cubic map has nothing.
        inside = radius_rfft(32) < 15
        expected = (torch.fft.rfft2(projection) * ctf * left)[0][inside]
        error = torch.linalg.norm(torch.fft.rfft2(seen[row])[inside] - expected) / torch.linalg.norm(expected)
        assert error < 0.03


def test_that_noise_and_signal_are_in_the_stated_ratio(tmp_path):
    spec = R4.with_changes(n_particles=100, tilt_low_deg=0.0, tilt_high_deg=0.0, dose_per_tilt=1e-9)
    simulate_tilt_series(spec.with_changes(snr=1e8), tmp_path / "clean")
    simulate_tilt_series(spec, tmp_path / "noisy")
    clean, noisy = _images(tmp_path / "clean"), _images(tmp_path / "noisy")
    assert float(clean.var()) == pytest.approx(1.0, rel=1e-3)
    assert float(clean.var() / (noisy - clean).var()) == pytest.approx(0.05, rel=0.02)


def test_that_the_reconstruction_of_one_species_is_its_map(tmp_path):
    spec = R4.with_changes(n_particles=200, tilt_low_deg=-30, tilt_high_deg=30, tilt_step_deg=10, snr=10.0)
    truth = simulate_tilt_series(spec, tmp_path)
    chosen = np.flatnonzero(truth.species[truth.particle] == 1)
    ctf = ctf_rfft(constant_ctf(truth.defocus_a[truth.particle[chosen]]), 32, 6.0).float()
    factor = ctf * attenuation(spec, truth.dose[chosen], truth.tilt_deg[chosen])
    insertion = Backprojector(32)
    rotations = truth.image_rotations[torch.as_tensor(chosen)].float()
    insertion.add(image_to_rfft(_images(tmp_path)[chosen]), factor, rotations)
    volume = insertion.reconstruct(0.1)
    maps = [torch.as_tensor(read_map(tmp_path / f"species_{k}.mrc").data.copy()) for k in (1, 2, 3, 4)]
    means = [float(fsc(volume, other)[1:12].mean()) for other in maps]
    assert int(np.argmax(means)) == 1
    assert means[1] > 0.95


def test_that_the_star_file_states_dose_tilt_and_poses_as_warp_does(tmp_path):
    truth = simulate_tilt_series(FEW.with_changes(shift_px=2.0), tmp_path, image_prefix="Simulate/job001/")
    (table,) = read_star_tables(tmp_path / "particles.star").values()
    assert table.n_rows == 8 * 7
    assert table.text("rlnImageName")[0] == "000001@Simulate/job001/particles.mrcs"
    np.testing.assert_allclose(table.floats("rlnCtfBfactor"), -4 * truth.dose)
    np.testing.assert_allclose(
        table.floats("rlnCtfScalefactor"), np.cos(np.radians(truth.tilt_deg)), atol=1e-6
    )
    np.testing.assert_allclose(table.floats("rlnOriginX"), -truth.shifts_px[:, 0], atol=1e-5)
    angles = np.stack([table.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")], axis=1)
    written = euler_to_matrix(torch.as_tensor(angles))
    assert float((written - truth.image_rotations).abs().max()) < 1e-6


def test_that_lost_tilts_leave_particles_with_unequal_numbers_of_images(tmp_path):
    truth = simulate_tilt_series(FEW.with_changes(n_particles=40, tilts_lost=3), tmp_path)
    counts = np.bincount(truth.particle, minlength=40)
    assert set(counts) == {4, 5, 6, 7}
    (table,) = read_star_tables(tmp_path / "particles.star").values()
    assert table.n_rows == counts.sum() == len(_images(tmp_path))


def test_that_the_same_seed_gives_the_same_data_and_dark_particles_their_negative(tmp_path):
    for name, spec in (("a", FEW), ("b", FEW), ("dark", FEW.with_changes(invert=True))):
        simulate_tilt_series(spec, tmp_path / name)
    a, b, dark = (_images(tmp_path / name) for name in ("a", "b", "dark"))
    assert torch.equal(a, b)
    assert torch.equal(a, -dark)


def test_that_the_command_makes_the_recipe_and_its_record_makes_it_again(tmp_path, capsys):
    few = ["--nr_images", "4", "--recipe", "R4", "--snr", "1"]
    assert main(["--out", str(tmp_path / "a"), *few]) == 0
    assert capsys.readouterr().out.strip().endswith("particles.star")
    record = tmp_path / "a" / "simulation.json"
    assert TiltSpec.from_json(record.read_text()) == R4.with_changes(n_particles=4, snr=1.0)
    assert main(["--out", str(tmp_path / "b"), "--fn_spec", str(record)]) == 0
    assert torch.equal(_images(tmp_path / "a"), _images(tmp_path / "b"))


def test_that_an_unknown_chain_is_named(tmp_path):
    with pytest.raises(UserError, match="no chain 'D'"):
        simulate_tilt_series(FEW.with_changes(species=("A", "A+D")), tmp_path)
    (tmp_path / "x.json").write_text(json.dumps({"tilt_series": {}}))
    with pytest.raises(UserError, match="not the record"):
        tilt_specification(SimulateOptions(fn_spec="x.json"), tmp_path)
