"""Fourier shell correlation: identity, signs, noise, the area as CryoBench counts it, and resolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.maths.fsc import fsc, fsc_auc, resolution_at
from jobs.maths.masks import soft_sphere


def _random(box: int, seed: int) -> torch.Tensor:
    return torch.randn(box, box, box, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("box", [16, 17])
def test_that_a_volume_correlates_fully_with_its_multiple_and_inversely_with_its_negative(box):
    volume = _random(box, 0)
    torch.testing.assert_close(fsc(volume, 3 * volume), torch.ones(box // 2 + 1))
    torch.testing.assert_close(fsc(volume, -volume), -torch.ones(box // 2 + 1))


@pytest.mark.parametrize("box", [12, 13])
def test_that_the_curve_equals_the_slow_sum_over_the_full_transform(box):
    first, second = _random(box, 0), _random(box, 0) + _random(box, 1)
    a, b = (np.fft.fftn(v.numpy().astype(np.float64)) for v in (first, second))
    k = np.fft.fftfreq(box, 1 / box)
    shell = np.rint(np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2))
    expected = [
        (a * b.conj())[shell == s].real.sum()
        / np.sqrt((np.abs(a[shell == s]) ** 2).sum() * (np.abs(b[shell == s]) ** 2).sum())
        for s in range(box // 2 + 1)
    ]
    np.testing.assert_allclose(fsc(first, second).numpy(), expected, atol=1e-5)


def test_that_signal_and_noise_of_equal_power_correlate_as_theory_says():
    # Volume against volume plus noise of the same power: 1 / sqrt(2).
    curve = fsc(_random(48, 0), _random(48, 0) + _random(48, 1))
    assert (curve[8:] - 0.5**0.5).abs().max() < 0.05


def test_that_a_mask_removes_what_lies_outside():
    mask = soft_sphere(32, 8, 4)
    inside = _random(32, 0) * mask
    outside = _random(32, 1) * (mask == 0)
    assert fsc(inside, inside + 5 * outside).min() < 0.5
    torch.testing.assert_close(fsc(inside, inside + 5 * outside, mask), torch.ones(17))


def test_that_large_values_do_not_overflow():
    volume = _random(16, 0) * 1e12
    torch.testing.assert_close(fsc(volume, volume), torch.ones(9))


def test_that_empty_shells_count_as_zero_and_different_boxes_are_refused():
    assert torch.equal(fsc(torch.zeros(8, 8, 8), _random(8, 0)), torch.zeros(5))
    with pytest.raises(ValueError, match=r"\(8, 8, 8\) and \(10, 10, 10\)"):
        fsc(_random(8, 0), _random(10, 0))


def test_that_the_largest_area_is_just_below_one_half():
    assert fsc_auc(torch.ones(33)).item() == pytest.approx(0.484, abs=5e-4)
    assert fsc_auc(torch.ones(33), box=65).item() == pytest.approx(32 / 65)


def test_that_the_area_of_a_straight_line_is_half_of_the_rectangle():
    assert fsc_auc(torch.linspace(1, 0, 65)[:65], box=128).item() == pytest.approx(0.25, abs=1e-4)


def test_that_resolution_is_interpolated_between_shells():
    # Falls from 1 to 0 linearly over shells 0 ... 32: 0.5 is reached at shell 16 of a 64 box of 2 Å voxels.
    assert resolution_at(torch.linspace(1, 0, 33), 2.0, 0.5) == pytest.approx(64 * 2 / 16)
    assert resolution_at(torch.ones(33), 2.0) == 4.0
    assert resolution_at(torch.zeros(33), 2.0) == float("inf")
