"""Fourier-Bessel coefficients of images: against slow sums, turned, mirrored, and about other centres."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import jv
from torch import Tensor

from jobs.isac2.averages import transform_images
from jobs.isac2.disc_basis import DiscBasis, disc_basis, shifted_images
from jobs.isac2.filters import lowpass_images
from jobs.maths.transforms2d import Planar

_BOX, _RADIUS = 36, 11.0
_CENTRE = torch.zeros(1, 2, dtype=torch.int64)


@pytest.fixture(scope="module")
def basis() -> DiscBasis:
    return disc_basis(_RADIUS, torch.device("cpu"))


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    axis = torch.arange(_BOX) - _BOX // 2
    r = torch.hypot(axis[:, None].float(), axis[None].float())
    raw = lowpass_images(torch.randn(3, _BOX, _BOX, generator=torch.Generator().manual_seed(1)), 0.12, 0.3)
    return raw * torch.sigmoid(3 * (7 - r))


def test_that_every_function_vanishes_on_the_edge_and_none_is_missing(basis: DiscBasis) -> None:
    edge, count = _RADIUS + 1, 0
    for bucket in basis.buckets:
        for row in range(bucket.orders):
            roots = bucket.frequency[row][torch.isfinite(bucket.frequency[row])].double().numpy()
            assert np.abs(jv(bucket.first + row, 2 * math.pi * edge * roots)).max() < 1e-4
            x = np.linspace(1e-6, math.pi * edge, 20001)
            changes = int((np.diff(np.sign(jv(bucket.first + row, x))) != 0).sum())
            assert len(roots) == changes
            count += (1 if bucket.first + row == 0 else 2) * changes
    # As many functions as independent pixels of the disc up to the Nyquist circle.
    assert count == pytest.approx(math.pi * edge**2 * math.pi / 4, rel=0.1)


def test_that_coefficients_are_sums_over_the_pixels_of_the_disc(basis: DiscBasis, pictures: Tensor) -> None:
    noise = torch.randn(4, _BOX, _BOX, generator=torch.Generator().manual_seed(2))
    places = torch.tensor([[0, 0], [2, -1]])
    found = basis.coefficients(noise, places, 2)
    edge = _RADIUS + 1
    y, x = np.mgrid[:_BOX, :_BOX] - _BOX // 2
    for bucket, values in zip(basis.buckets, found, strict=True):
        assert values.shape == (bucket.orders, 2, bucket.radial, 2, 2, 2)
        m, n = bucket.orders - 1, 0
        order = bucket.first + m
        root = float(bucket.frequency[m, n]) * 2 * math.pi * edge
        for p, (ox, oy) in enumerate(places.tolist()):
            r, theta = np.hypot(x - ox, y - oy), np.arctan2(y - oy, x - ox)
            norm = math.sqrt(math.pi) * edge * abs(jv(order + 1, root)) / (math.sqrt(2) if order else 1)
            wave = np.where(r < edge, jv(order, root * r / edge), 0) / norm
            for kind, turn in enumerate((np.cos(order * theta), np.sin(order * theta))):
                expected = (noise.double().numpy() * wave * turn).sum((1, 2)).reshape(2, 2)
                np.testing.assert_allclose(values[m, :, n, kind, p].numpy(), expected, atol=2e-4)


def test_that_coefficients_hold_the_power_of_a_smooth_picture(basis: DiscBasis, pictures: Tensor) -> None:
    found = basis.coefficients(pictures, _CENTRE, 1)
    power = sum((values**2).sum((0, 1, 2, 3, 4)) for values in found)
    torch.testing.assert_close(power, (pictures**2).sum((1, 2)), rtol=5e-3, atol=0)


@pytest.mark.parametrize("mirror", [False, True])
def test_that_turning_an_image_turns_its_coefficients(
    basis: DiscBasis, pictures: Tensor, mirror: bool
) -> None:
    alpha = 40.0
    planar = Planar(torch.full((3,), alpha), torch.zeros(3, 2), torch.full((3,), mirror))
    before = basis.coefficients(pictures, _CENTRE, 1)
    after = basis.coefficients(transform_images(pictures, planar), _CENTRE, 1)
    size = math.sqrt(float(sum((v**2).sum() for v in before)))
    wrong = 0.0
    for bucket, old, new in zip(basis.buckets, before, after, strict=True):
        m = torch.arange(bucket.first, bucket.first + bucket.orders)[:, None, None, None, None]
        a = math.radians(alpha) * m
        c, d = old[:, :, :, 0], old[:, :, :, 1]
        cosine, sine = c * torch.cos(a) + d * torch.sin(a), d * torch.cos(a) - c * torch.sin(a)
        if mirror:
            sign = 1 - 2 * (m % 2)
            cosine, sine = sign * cosine, -sign * sine
        wrong += float(((new[:, :, :, 0] - cosine) ** 2).sum() + ((new[:, :, :, 1] - sine) ** 2).sum())
    assert math.sqrt(wrong) < 0.03 * size


def test_that_a_place_is_where_a_shift_moves_the_centre_to(basis: DiscBasis, pictures: Tensor) -> None:
    about = basis.coefficients(pictures, torch.tensor([[2, -3]]), 1)
    moved = basis.coefficients(shifted_images(pictures, torch.tensor([[2.0, -3.0]]).expand(3, 2)), _CENTRE, 1)
    for one, other in zip(about, moved, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=0)


def test_that_a_band_names_the_functions_below_it(basis: DiscBasis) -> None:
    for band in (0.05, 0.2, 0.5):
        for bucket in basis.buckets:
            orders, radial = bucket.below(band)
            assert not (bucket.frequency[orders:] <= band).any()
            assert not (bucket.frequency[:, radial:] <= band).any()
