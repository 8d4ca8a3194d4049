"""Reconstruction from tilt images: against the true maps, with half-sets of particles that share nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map, write_stack
from jobs.formats.pickles import read_pickles
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.dose import dose_filter
from jobs.maths.fourier import image_to_rfft, radius_rfft, rfft_to_image
from jobs.maths.fsc import fsc, resolution_at
from jobs.maths.masks import mask_from_threshold
from jobs.tomodrgn.backproject import BackprojectOptions, backproject_voxel
from jobs.tomodrgn.contrast import contrast_of
from jobs.tomodrgn.half_maps import compare_halves, limit
from jobs.tomodrgn.reconstruction import half_sets, reconstruct
from jobs.tomodrgn.tilt_transforms import ctf_of, tilt_transforms
from tests.support.shared import shared_dir

_WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set"


def _read(name: str) -> TiltParticles:
    folder = shared_dir() / "data" / "tomodrgn"
    return read_tilt_particles(folder / f"{name}.star", datadir=folder)


def _map(name: str) -> Tensor:
    return torch.from_numpy(read_map(shared_dir() / "data" / "tomodrgn" / name, permissive=True).data)


def _cc(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack((a.flatten(), b.flatten())))[0, 1])


def _soft(volume: Tensor) -> Tensor:
    return mask_from_threshold(volume, float(volume.quantile(0.99)), 2.0, 2.0)


@pytest.mark.parametrize(("name", "raw", "filtered"), [("E", 0.46, 0.76), ("D", 0.41, 0.70)])
def test_that_simulated_classes_come_out_better_than_the_originals(
    name: str, raw: float, filtered: float
) -> None:
    particles, truth = _read(f"10076_class{name}_32_sim"), _map(f"10076_class{name}_32.mrc")
    result = reconstruct(particles, BackprojectOptions(recon_dose_weight=True, recon_tilt_weight=True))
    soft = _soft(truth)
    assert _cc(result.full, truth) > raw + 0.1
    assert _cc(result.filtered, truth) > filtered + 0.05
    assert _cc(result.filtered * soft, truth * soft) > 0.84
    assert _cc(result.full.flip(0).roll(1, 0), truth) < _cc(result.full, truth) - 0.1
    assert resolution_at(fsc(result.full, truth), particles.pixel_size_a, 0.5) < 47
    assert result.contrast.sign == -1


def test_that_the_warptools_set_shows_the_reference_in_its_mirror_image() -> None:
    reference = _map("warptools_test_box-32_angpix-12_reconstruct.mrc")
    soft = _soft(reference)
    particles = _read(_WARPTOOLS)
    flipped = reconstruct(particles, BackprojectOptions(flip=True)).full
    plain = reconstruct(particles).full
    assert _cc(flipped, reference) > 0.8
    assert _cc(flipped * soft, reference * soft) > 0.85
    assert _cc(flipped, reference) > _cc(plain, reference) + 0.15


def _noiseless(
    particles: TiltParticles, folder: Path, *, premultiplied: bool, weighted: bool
) -> TiltParticles:
    """Clean images with CTF, dose and tilt, treated as a program would."""
    n = particles.n_images
    known = replace(_read("10076_classE_32_sim"), dose=particles.dose * 0 + 40.0)
    rows = np.arange(n)
    ctf = ctf_of(known, rows)
    frequency = radius_rfft(32) / (32 * known.pixel_size_a)
    frequency[0, 0] = 1e-9
    q = dose_filter(torch.from_numpy(known.dose).float()[:, None, None], frequency, 300.0)
    tilt = torch.from_numpy(known.tilt_weight).float()[:, None, None]
    transform = image_to_rfft(torch.from_numpy(ImageStacks(particles).read(rows))) * ctf * q * tilt
    if premultiplied:
        transform = transform * ctf
    if weighted:
        transform = transform * q
    write_stack(folder / "made.mrcs", rfft_to_image(transform, 32).numpy(), known.pixel_size_a)
    return replace(
        known,
        stacks=[folder / "made.mrcs"],
        stack=np.zeros(n, np.int64),
        section=rows,
        ctf_premultiplied=premultiplied,
        dose_weighted=weighted,
    )


@pytest.mark.parametrize("premultiplied", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_that_images_treated_in_any_way_give_the_same_transforms(
    tmp_path: Path, premultiplied: bool, weighted: bool
) -> None:
    clean = _read("10076_classE_32_clean")
    clean = replace(clean, dose=_read("10076_classE_32_sim").dose)
    made = _noiseless(clean, tmp_path, premultiplied=premultiplied, weighted=weighted)
    rows = np.arange(40)
    (portion,) = tilt_transforms(made, ImageStacks(made), rows, dose=True, tilt=True)
    wanted = image_to_rfft(torch.from_numpy(ImageStacks(clean).read(rows))) * portion.transfer
    # beyond Nyquist (the corners) CTF zeros and float32 leave nothing to compare
    inside = (radius_rfft(32) < 15) & (portion.transfer.abs() > 0.02)
    error = ((portion.transforms - wanted).abs() * inside).max()
    assert float(error) < 2e-3 * float(wanted.abs().max())


def test_that_half_sets_are_those_of_the_file_or_equal_and_drawn_by_particle() -> None:
    particles = _read(_WARPTOOLS)
    half, sentence = half_sets(particles, seed=3)
    assert np.bincount(half).tolist() == [0, 20, 20]
    assert "seed 3" in sentence
    for name in np.unique(particles.tomogram.astype(str)):
        assert np.bincount(half[particles.tomogram == name]).tolist() == [0, 5, 5]
    assert (half_sets(particles, seed=3)[0] == half).all()
    stated = replace(particles, half=np.where(np.arange(40) < 30, 1, 2))
    assert (half_sets(stated)[0] == stated.half).all()


def test_that_half_maps_hold_the_images_of_their_particles_alone() -> None:
    particles = _read("10076_classE_32_sim").select(np.arange(12))
    options = BackprojectOptions(contrast=contrast_of(particles, "dark"))
    result = reconstruct(particles, options)
    members = np.flatnonzero(result.half == 1)
    alone = particles.select(members)
    other = replace(alone, half=np.arange(alone.n) % 2 + 1)
    assert torch.allclose(reconstruct(other, options).full, result.halves[0], atol=1e-5)


def test_that_noise_has_no_resolution_also_within_a_mask() -> None:
    generator = torch.Generator().manual_seed(2)
    first, second = (torch.randn(32, 32, 32, generator=generator) for _ in range(2))
    curves = compare_halves(first, second, 10.0)
    assert curves.unmasked[4:].abs().mean() < 0.1
    assert curves.corrected[6:].abs().mean() < 0.15


def test_that_phase_randomisation_takes_away_what_a_mask_adds() -> None:
    generator = torch.Generator().manual_seed(5)
    axis = torch.arange(48) - 24.0
    square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    density = torch.exp(-square / (2 * 5.0**2))
    first, second = (density + 0.1 * torch.randn(48, 48, 48, generator=generator) for _ in range(2))
    tight = (square < 36).float()
    curves = compare_halves(first, second, 5.0, tight)
    beyond = slice(curves.random_from + 4, 22)
    assert curves.masked[beyond].mean() > 0.1
    assert curves.corrected[beyond].mean().abs() < 0.6 * curves.masked[beyond].mean()


def test_that_a_low_pass_leaves_what_lies_below_it_and_nothing_above() -> None:
    volume = torch.randn(32, 32, 32, generator=torch.Generator().manual_seed(1))
    filtered = limit(volume, 10.0, 40.0)
    curve = fsc(volume, filtered)
    assert (curve[1:8] > 0.999).all()
    power = (filtered - volume).square().mean()
    assert power > 0.5 * volume.square().mean()


def test_that_all_files_are_written_as_users_know_them(tmp_path: Path) -> None:
    particles = _read("10076_classE_32_sim").select(np.arange(20))
    seen: list[tuple[int, int]] = []
    files = backproject_voxel(
        particles,
        tmp_path / "out" / "X.mrc",
        BackprojectOptions(lowpass_a=60.0),
        each=lambda *a: seen.append(a),
    )
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [
        "10076_classE_32_sim_tomodrgn_preprocessed.star",
        *("X.mrc", "X_FSC.pkl", "X_FSC.png", "X_filt.mrc", "X_half1.mrc", "X_half2.mrc"),
    ]
    assert seen[-1] == (200, 200)
    full = read_map(files.full)
    assert full.data.shape == (32, 32, 32) and full.voxel_size_a == pytest.approx(13.1)
    ((frequency, curve),) = read_pickles(files.curve)
    np.testing.assert_allclose(frequency, np.arange(17) / 32)
    assert len(curve) == 17 and curve[1] > 0.9
    assert imageio.imread(files.picture).shape == (440, 720, 3)
    again = read_tilt_particles(files.star, datadir=shared_dir() / "data" / "tomodrgn")
    assert list(again.particle_name) == list(particles.particle_name)
    before = files.star.read_bytes()
    same = backproject_voxel(again.select(np.arange(5)), tmp_path / "out" / "X.mrc")
    assert same.star == files.star and files.star.read_bytes() == before
    assert any("left as it is" in s for s in same.sentences)
    assert any("Half-sets" in s for s in files.sentences) and any("dark" in s for s in files.sentences)


def test_that_lazy_reading_and_batches_change_nothing() -> None:
    particles = _read("10076_classD_32_sim").select(np.arange(10))
    one = reconstruct(particles, BackprojectOptions(contrast=contrast_of(particles, "dark")))
    other = reconstruct(
        particles, BackprojectOptions(contrast=contrast_of(particles, "dark"), lazy=True, batch=7)
    )
    assert torch.allclose(one.full, other.full, atol=1e-4 * float(one.full.abs().max()))


def test_that_empty_images_and_single_particles_are_refused(tmp_path: Path) -> None:
    particles = _read("10076_classD_32_sim")
    with pytest.raises(UserError, match="two particles"):
        reconstruct(particles.select([0]))
    write_stack(tmp_path / "zero.mrcs", np.zeros((1, 32, 32), np.float32), 13.1)
    n = particles.n_images
    zero = np.zeros(n, np.int64)
    empty = replace(particles, stacks=[tmp_path / "zero.mrcs"], stack=zero, section=zero)
    with pytest.raises(UserError, match="empty"):
        reconstruct(empty)
