"""Projection of clouds: mass, wide and narrow Gaussians, small and large clouds, the edge of the image."""

from __future__ import annotations

import pytest
import torch

from jobs.maths.rotations import random_rotations
from jobs.simulate import images
from jobs.simulate.images import project_cloud


def _cloud(n: int, b: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(b, n, 3, generator=g) * 12, torch.rand(n, generator=g), random_rotations(b, g)


@pytest.mark.parametrize("n", [50, 5000])
@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_that_an_image_adds_up_to_the_mass_of_the_cloud(n, sigma):
    points, weights, rotations = _cloud(n)
    image = project_cloud(points, weights, sigma, rotations, torch.zeros(3, 2), 64, 2.0)
    torch.testing.assert_close(image.sum((1, 2)), weights.sum().expand(3), rtol=1e-4, atol=0)


def test_that_spreading_agrees_with_exact_evaluation(monkeypatch):
    points, weights, rotations = _cloud(200)
    shifts = torch.tensor([[1.3, -2.0], [0.0, 0.5], [-0.7, 0.2]])
    exact = project_cloud(points, weights, 3.0, rotations, shifts, 48, 3.0)
    monkeypatch.setattr(images, "_DENSE_LIMIT", 10)
    spread = project_cloud(points, weights, 3.0, rotations, shifts, 48, 3.0)
    assert (spread - exact).norm() / exact.norm() < 2e-3


def test_that_a_point_outside_the_image_does_not_come_in_on_the_other_side():
    points = torch.tensor([[[70.0, 0.0, 0.0]]])
    for sigma in (1.0, 3.0):  # spread, evaluated
        image = project_cloud(points, torch.ones(1), sigma, torch.eye(3)[None], torch.zeros(1, 2), 32, 3.0)
        assert image.abs().max() < 1e-6


def test_that_each_image_can_have_its_own_masses():
    points, _, rotations = _cloud(50)
    masses = torch.rand(3, 50, generator=torch.Generator().manual_seed(1))
    together = project_cloud(points, masses, 3.0, rotations, torch.zeros(3, 2), 32, 3.0)
    alone = project_cloud(points[1:2], masses[1], 3.0, rotations[1:2], torch.zeros(1, 2), 32, 3.0)
    torch.testing.assert_close(together[1:2], alone)
