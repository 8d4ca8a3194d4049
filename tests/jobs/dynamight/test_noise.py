"""Noise power per shell, and the weights that follow from it."""

from __future__ import annotations

import math

import pytest
import torch

from jobs.dynamight.noise import NoiseModel
from jobs.maths.fourier import radius_rfft, rfft_weights

CPU = torch.device("cpu")


def _squared_noise(box: int, n: int, sd: float = 1.0) -> torch.Tensor:
    pixels = sd * torch.randn(n, box, box, generator=torch.Generator().manual_seed(0))
    return torch.fft.rfft2(pixels, norm="ortho").abs().square()


@pytest.mark.parametrize("sd", [0.1, 1.0, 30.0])
def test_that_white_noise_costs_half_a_nat_per_compared_number(sd: float) -> None:
    box = 24
    squares = _squared_noise(box, 50, sd)
    noise = NoiseModel(box, box, CPU)
    noise.update(squares.mean(0))
    precision = noise.precision(box)
    compared = float((rfft_weights(box) * (precision > 0)).sum())
    mean_nll = float(0.5 * (squares * precision).sum((-2, -1)).mean())
    assert mean_nll == pytest.approx(0.5 * compared, rel=1e-5)
    assert torch.allclose(noise.power[1:-1], torch.tensor(sd**2), rtol=0.2)


def test_that_coloured_noise_is_weighted_shell_by_shell() -> None:
    box = 16
    radius = radius_rfft(box)
    noise = NoiseModel(box, box, CPU)
    noise.update((1 + radius.round()) ** 2)
    weight = noise.precision(box) / rfft_weights(box)
    inside = (radius > 0) & (radius < box / 2 - 0.5)
    assert torch.allclose(weight[inside], (1 + radius.round()[inside]) ** -2)


@pytest.mark.parametrize("box", [16, 24])
def test_that_the_constant_and_the_nyquist_frequency_have_no_weight(box: int) -> None:
    noise = NoiseModel(24, 32, CPU)
    precision = noise.precision(box)
    radius = radius_rfft(box)
    assert float(precision[0, 0]) == 0
    assert bool((precision[radius >= box / 2 - 0.5] == 0).all())
    assert bool((precision[(radius > 0) & (radius < box / 2 - 0.5)] > 0).all())


def test_that_a_smaller_working_box_has_the_same_weights_where_both_compare() -> None:
    noise = NoiseModel(24, 32, CPU)
    noise.update(_squared_noise(24, 20).mean(0))
    small, large = noise.precision(16), noise.precision(24)
    assert torch.equal(small[1:7, 1:7][small[1:7, 1:7] > 0], large[1:7, 1:7][small[1:7, 1:7] > 0])


def test_that_one_power_for_all_is_possible() -> None:
    noise = NoiseModel(16, 16, CPU, by_shell=False)
    noise.update((1 + radius_rfft(16)) ** 2)
    assert len(noise.power.unique()) == 1
    assert float(noise.power[0]) > 1


def test_that_the_falloff_lowers_the_weight_at_the_nyquist_frequency_of_the_images() -> None:
    plain, falling = (NoiseModel(32, 64, CPU, falloff=f).precision(32) for f in (0.0, 3.0))
    # Eight pixels are a quarter of the Nyquist frequency of images of 64.
    assert float(falling[0, 8] / plain[0, 8]) == pytest.approx(math.exp(-3.0 / 16), rel=1e-5)


def test_that_old_estimates_are_kept_in_part() -> None:
    noise = NoiseModel(16, 16, CPU)
    noise.update(torch.full((16, 9), 4.0))
    noise.update(torch.full((16, 9), 8.0), memory=0.25)
    assert torch.allclose(noise.power, torch.tensor(7.0))


def test_that_images_without_noise_keep_weights_finite() -> None:
    noise = NoiseModel(16, 16, CPU)
    for residual in (torch.zeros(16, 9), torch.zeros(16, 9).index_fill(1, torch.tensor([3]), 1.0)):
        noise.update(residual)
        assert bool(noise.precision(16).isfinite().all())
