"""The restraint: what moves rigidly is free, what is stretched pays in Å²."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from jobs.dynamight.geometry import length_change, sample_edges
from jobs.maths.gaussians import radius_graph
from jobs.maths.rotations import axis_angle_to_matrix


def _cloud(n: int = 40) -> Tensor:
    return 12 * torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _as_mode(displacement: Tensor) -> Tensor:
    """A single motion mode ``(n, 3, 1)``."""
    return displacement[:, :, None]


def test_that_rotations_and_shifts_of_the_whole_cost_nothing() -> None:
    points = _cloud()
    turn = axis_angle_to_matrix(torch.tensor([0.4, -1.1, 0.6], dtype=torch.float64))
    moved = points @ turn.T + torch.tensor([5.0, -20.0, 3.0])
    edges, _ = radius_graph(points)
    cost = length_change(torch.ones(1, 1).double(), _as_mode(moved - points), points, edges)
    assert float(cost) < 1e-12


def test_that_a_part_that_moves_rigidly_costs_nothing_within_itself() -> None:
    points = _cloud()
    part = points[:, 0] > 0
    edges, _ = radius_graph(points)
    within = edges[:, part[edges[0]] == part[edges[1]]]
    slide = torch.where(part[:, None], torch.tensor([0.0, 0.0, 30.0], dtype=torch.float64), 0.0)
    cost = length_change(torch.ones(1, 1).double(), _as_mode(slide), points, within)
    assert float(cost) < 1e-12


@pytest.mark.parametrize("stretch", [0.8, 1.1, 1.5])
def test_that_stretching_costs_the_mean_square_change_of_length(stretch: float) -> None:
    points = _cloud()
    edges, _ = radius_graph(points)
    lengths = (points[edges[0]] - points[edges[1]]).norm(dim=1)
    cost = length_change(torch.tensor([[stretch - 1]]).double(), _as_mode(points), points, edges)
    assert float(cost) == pytest.approx((stretch - 1) ** 2 * float((lengths**2).mean()), rel=1e-6)


def test_that_every_particle_pays_for_itself_alone() -> None:
    points = _cloud()
    edges, _ = radius_graph(points)
    basis = torch.randn(40, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    coefficients = torch.randn(5, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    together = length_change(coefficients, basis, points, edges)
    alone = torch.cat([length_change(c[None], basis, points, edges) for c in coefficients])
    assert torch.allclose(together, alone, rtol=1e-12)


def test_that_the_restraint_pulls_on_the_motion_as_finite_differences_say() -> None:
    points = _cloud(12)
    edges, _ = radius_graph(points)
    basis = torch.randn(12, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    coefficients = torch.randn(2, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    inputs = (coefficients.requires_grad_(), basis.requires_grad_())
    assert torch.autograd.gradcheck(lambda c, b: length_change(c, b, points, edges), inputs)


def test_that_a_cloud_without_neighbours_is_free() -> None:
    none = torch.zeros(2, 0, dtype=torch.int64)
    cost = length_change(torch.ones(3, 2), torch.ones(1, 3, 2), torch.zeros(1, 3), none)
    assert cost.tolist() == [0.0, 0.0, 0.0]


def test_that_drawn_edges_are_edges_and_small_graphs_are_used_whole() -> None:
    edges = torch.stack((torch.arange(50), torch.arange(50) + 1))
    assert sample_edges(edges, torch.Generator(), limit=50) is edges
    drawn = sample_edges(edges, torch.Generator().manual_seed(0), limit=20)
    again = sample_edges(edges, torch.Generator().manual_seed(0), limit=20)
    assert drawn.shape == (2, 20)
    assert torch.equal(drawn[1] - drawn[0], torch.ones(20, dtype=torch.int64))
    assert torch.equal(drawn, again)
