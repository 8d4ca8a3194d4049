from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.tomodrgn.bank import ImageBank, split_images
from jobs.tomodrgn.bank_cache import shuffled_groups
from jobs.tomodrgn.batches import pair_plane
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.samples import SampleOptions, soft_window
from tests.support.noisy_tilts import noisy_set


def test_that_each_pair_of_conjugates_is_counted_once_and_the_zero_frequency_never() -> None:
    plane = pair_plane(32)
    spectrum = torch.zeros(32 * 17, dtype=torch.complex64)
    spectrum[plane.index] = 1
    full = torch.fft.fft2(torch.fft.irfft2(spectrum.view(32, 17), s=(32, 32)))
    radius = torch.fft.fftfreq(32, 1 / 32).square()
    inside = radius[:, None] + radius < 256
    assert 2 * len(plane.index) == int(inside.sum()) - 1
    # Column 0 holds one member of each pair, which an inverse transform shares between both.
    assert int((full.abs() > 0.4).sum()) == 2 * len(plane.index)
    assert float(full[0, 0].abs()) < 1e-6


def test_that_samples_are_the_windowed_centred_image_in_units_of_its_noise(tmp_path: Path) -> None:
    particles = noisy_set(tmp_path, counts=(3, 5, 4), box=16, seed=1)
    bank = ImageBank(particles, SampleOptions(sign=-1))
    batch = bank.batch(torch.tensor([2, 0]))
    assert batch.owner.tolist() == [0] * 4 + [1] * 3
    assert batch.first.tolist() == [0, 4, 7]
    image = np.fromfile(particles.stacks[0], np.float32, offset=1024).reshape(-1, 16, 16)[8]
    windowed = -torch.from_numpy(image.copy()) * soft_window(16, 0.85, 0.99)
    y, x = np.meshgrid(np.arange(16) - 8, np.arange(16) - 8, indexing="ij")
    shift = particles.origin_a[8] / particles.pixel_size_a
    k = bank.plane.xy[5].numpy() / 16
    # The sample is the sum over the image of values times waves about the particle's centre.
    wave = np.exp(-2j * np.pi * (k[0] * (x + shift[0]) + k[1] * (y + shift[1])))
    expected = (windowed.numpy() * wave).sum() / 16 / bank.norm
    found = complex(*batch.coefficients[0, 5].tolist())
    assert abs(found - expected) < 3e-3


def test_that_the_noise_scale_is_that_of_the_noise_and_not_of_the_particle(tmp_path: Path) -> None:
    particles = noisy_set(tmp_path, counts=(20,) * 10, box=32, seed=2, signal=30.0)
    bank = ImageBank(particles, SampleOptions(window=False))
    assert bank.norm == pytest.approx(1 / np.sqrt(2), rel=0.05)


def test_that_the_cache_file_serves_the_same_epochs_as_memory(tmp_path: Path) -> None:
    particles = noisy_set(tmp_path, counts=(3, 5, 4, 6, 1, 2, 7), box=16, seed=3)
    inside = ImageBank(particles)
    outside = ImageBank(particles, cache=tmp_path / "cache", lazy=True)
    assert outside.cached
    assert not inside.cached
    images = split_images(inside.first, 0.5, 1)
    for chosen in (None, images):
        first = [*inside.epoch(2, torch.Generator().manual_seed(4), chosen)]
        second = [*outside.epoch(2, torch.Generator().manual_seed(4), chosen)]
        for a, b in zip(first, second, strict=True):
            assert torch.equal(a.whole, b.whole)
            assert torch.equal(a.batch.coefficients, b.batch.coefficients)
            assert torch.equal(a.batch.ctf, b.batch.ctf)
            assert torch.equal(a.batch.first, b.batch.first)
    assert sorted(torch.cat([p.whole for p in first]).tolist()) == list(range(7))


def test_that_a_cache_file_is_used_again_and_made_anew_when_what_it_depends_on_changes(
    tmp_path: Path,
) -> None:
    particles = noisy_set(tmp_path, counts=(3, 5), box=16, seed=3)
    ImageBank(particles, cache=tmp_path / "cache", lazy=True)
    (file,) = (tmp_path / "cache").iterdir()
    before = file.stat().st_mtime_ns
    ImageBank(particles, cache=tmp_path / "cache", lazy=True)
    assert file.stat().st_mtime_ns == before
    ImageBank(particles, SampleOptions(window_in=0.7), cache=tmp_path / "cache", lazy=True)
    assert len([*(tmp_path / "cache").iterdir()]) == 2


def test_that_an_epoch_of_many_blocks_visits_every_particle_once() -> None:
    first = torch.arange(0, 4001, 4)
    groups = shuffled_groups(first, 1 << 20, torch.Generator().manual_seed(0))
    assert len(groups) > 10
    assert torch.equal(torch.cat(groups).sort().values, torch.arange(1000))


def test_that_premultiplied_images_are_weighted_as_the_raw_ones_they_came_from(tmp_path: Path) -> None:
    raw = ImageBank(noisy_set(tmp_path, counts=(4,), box=16, seed=5))
    multiplied = ImageBank(noisy_set(tmp_path, counts=(4,), box=16, seed=5, premultiplied=True))
    a, b = raw.batch(torch.tensor([0])), multiplied.batch(torch.tensor([0]))
    assert b.weight is not None
    assert torch.allclose(b.ctf, a.ctf.square())
    clear = a.ctf.abs() > 0.5
    assert torch.allclose((b.ctf.square() * b.weight)[clear], a.ctf.square()[clear], rtol=0.05)


def test_that_dose_and_tilt_attenuate_slices_only_when_asked_for(tmp_path: Path) -> None:
    particles = noisy_set(tmp_path, counts=(4,), box=16, seed=5)
    plain = ImageBank(particles).batch(torch.tensor([0])).ctf
    both = ImageBank(particles, forward=ForwardOptions(dose=True, tilt=True)).batch(torch.tensor([0])).ctf
    ratio = both / plain
    assert torch.allclose(ratio[0, 0] / ratio[0, 0], torch.tensor(1.0))
    s = float(pair_plane(16).xy[7].norm()) / (16 * particles.pixel_size_a)
    critical = 0.24499 * s**-1.6649 + 2.8141
    expected = np.exp(-particles.dose[2] / (2 * critical)) * particles.tilt_weight[2]
    assert float(ratio[2, 7]) == pytest.approx(expected, rel=1e-4)


def test_that_a_share_of_each_particles_images_is_kept_for_testing() -> None:
    first = torch.tensor([0, 10, 12, 13])
    teach = split_images(first, 0.5, 0)
    assert [int(teach[a:b].sum()) for a, b in ((0, 10), (10, 12), (12, 13))] == [5, 1, 1]
    assert torch.equal(teach, split_images(first, 0.5, 0))


def test_that_an_empty_image_is_named(tmp_path: Path) -> None:
    particles = noisy_set(tmp_path, counts=(3,), box=16, seed=3, empty=1)
    with pytest.raises(UserError, match="image 2 is empty"):
        ImageBank(particles)
