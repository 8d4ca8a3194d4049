"""Particles off their centres are found and centred."""

from __future__ import annotations

import math

import pytest
import torch

from jobs.isac2.averages import transform_images
from jobs.isac2.filters import tangent_lowpass
from jobs.isac2.global_search import search_globally
from jobs.isac2.prealignment import (
    align_globally,
    coarse_box,
    fitted_filter,
    ring_correlation,
    search_range,
)
from jobs.isac2.seeding import generator
from jobs.isac2.settings import IsacSettings
from jobs.maths.transforms2d import Planar

CPU = torch.device("cpu")
BOX = 48


def _object(box: int = BOX) -> torch.Tensor:
    """A handed object with its centre of gravity at the centre."""
    axis = torch.arange(box) - box // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    blobs = ((-6, -3, 1.0), (5, -5, 1.0), (0, 5, 1.4), (7, 4, 0.5), (-3.5, 1, 0.7))
    weight = sum(w for *_, w in blobs)
    cx, cy = (sum(b[i] * b[2] for b in blobs) / weight for i in (0, 1))
    return sum(w * torch.exp(-((x - bx + cx) ** 2 + (y - by + cy) ** 2) / 8.0) for bx, by, w in blobs)  # type: ignore[return-value]


def _images(count: int, noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Turned, mirrored, moved and noisy objects; and where their centres are."""
    random = generator(3, "test")
    offset = (torch.rand(count, 2, generator=random) * 2 - 1) * 5
    alpha = torch.rand(count, generator=random) * 360
    mirror = torch.rand(count, generator=random) < 0.5
    placed = Planar.from_offset(alpha, offset, mirror).inverse()
    images = transform_images(_object().expand(count, -1, -1), placed)
    return images + noise * torch.randn(images.shape, generator=random), offset


def test_that_one_image_is_found_on_its_reference_in_place_angle_and_mirror() -> None:
    images, offset = _images(20, 0.0)
    found = search_globally(images, 20, _object(), torch.arange(0.0, 360.0, 3.0), 8.0)
    assert (found.pre_rotation_offset() - offset).abs().max() < 0.3
    laid = transform_images(images, found)
    likeness = torch.nn.functional.cosine_similarity(laid.flatten(1), _object().flatten()[None])
    assert likeness.min() > 0.98


def test_that_no_offset_is_found_beyond_the_range() -> None:
    images, _ = _images(10, 0.0)
    for limit in (0.0, 2.0):
        found = search_globally(images, 10, _object(), torch.arange(0.0, 360.0, 30.0), limit)
        assert found.pre_rotation_offset().abs().max() <= limit + 1e-4


@pytest.mark.parametrize("method", [-1, 0, 1, 4])
def test_that_noisy_particles_are_centred(method: int) -> None:
    images, offset = _images(40, 0.2)
    settings = IsacSettings(radius=29.0, target_radius=29, center_method=method, rand_seed=1)
    box = 133
    assert coarse_box(settings, box) == BOX
    assert search_range(settings, box) == 36
    found = align_globally(images, 40, settings, box, CPU, lambda done, of: None)
    left = found.shift + offset
    spread = (left - left.mean(0)).square().sum(1).mean().sqrt()
    before = (offset - offset.mean(0)).square().sum(1).mean().sqrt()
    assert before > 3.5
    assert spread < 0.4 * before
    assert left.mean(0).norm() < 1.5
    assert found.averages.shape[1:] == (BOX, BOX)


def test_that_the_same_seed_gives_the_same_shifts() -> None:
    images, _ = _images(12, 0.3)
    settings = IsacSettings(radius=29.0, rand_seed=5)
    first, second = (align_globally(images, 12, settings, 133, CPU, lambda d, o: None) for _ in range(2))
    assert torch.equal(first.shift, second.shift)


def test_that_images_without_room_around_the_particle_are_not_moved() -> None:
    images, _ = _images(10, 0.3)
    settings = IsacSettings(radius=29.0)
    found = align_globally(images[:, 12:36, 12:36], 10, settings, 60, CPU, lambda d, o: None)
    assert found.shift.abs().max() < 1e-4


def test_that_ring_correlation_is_one_of_the_same_and_about_zero_of_different_noise() -> None:
    noise = torch.randn(2, BOX, BOX, generator=generator(0, "noise"))
    assert torch.allclose(ring_correlation(noise[0], noise[0]), torch.ones(25, dtype=torch.float64))
    assert ring_correlation(noise[0], noise[1])[8:].abs().mean() < 0.15


def test_that_the_fitted_filter_is_the_one_the_curve_was_made_of_within_its_limits() -> None:
    frequency = torch.arange(25, dtype=torch.float64) / BOX
    for cutoff, expected in ((0.3, 0.3), (0.05, 0.24), (0.48, 0.48)):
        whole = tangent_lowpass(frequency, cutoff, 0.1)
        found, falloff = fitted_filter(whole / (2 - whole), BOX, 2.0)
        assert math.isclose(found, expected, abs_tol=0.01)
        assert falloff == pytest.approx(0.1, abs=0.06)
