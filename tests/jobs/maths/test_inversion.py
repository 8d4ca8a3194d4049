"""The way back through displacement fields: known inverses, folds, masks, kernel against reference."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from jobs.maths.inversion import TOLERANCE_A, Inverse, invert, solve, solve_torch
from jobs.maths.mode_table import ModeTable, evaluate, tabulate

HALF_SIDE_A = 40.0
ONE = torch.ones(1, 1)


def _points(count: int, reach: float = 35.0, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return reach * (2 * torch.rand(count, 3, generator=generator) - 1)


def _table(
    displacement: Tensor | None = None, matrix: Tensor | None = None, spacing: float = 5.0
) -> ModeTable:
    """One mode: a translation, a linear map, or both."""
    shift = torch.zeros(3) if displacement is None else displacement
    linear = torch.zeros(3, 3) if matrix is None else matrix
    return tabulate(lambda p: (p @ linear.T + shift)[:, :, None], HALF_SIDE_A + 30, spacing)


def _rotation(degrees: float) -> Tensor:
    angle = math.radians(degrees)
    return torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0], [0.0, 0.0, 1.0]]
    )


def _hinge(points: Tensor, degrees: float = 25.0) -> Tensor:
    """Displacement ``(n, 3)`` of a rotation about z that sets in smoothly above z = 0."""
    share = torch.sigmoid(points[:, 2:] / 8.0)
    angle = math.radians(degrees) * share[:, 0]
    x, y = points[:, 0], points[:, 1]
    moved = torch.stack(
        (angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y, points[:, 2]), 1
    )
    return moved - points


def _hinge_back(points: Tensor, degrees: float = 25.0) -> Tensor:
    """Exact inverse of the hinge: z does not change, so the angle is known."""
    angle = -math.radians(degrees) * torch.sigmoid(points[:, 2] / 8.0)
    x, y = points[:, 0], points[:, 1]
    return torch.stack(
        (angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y, points[:, 2]), 1
    )


def _hinge_table(spacing: float) -> ModeTable:
    return tabulate(lambda p: _hinge(p)[:, :, None], HALF_SIDE_A, spacing)


def _worst(found: Inverse, expected: Tensor) -> float:
    return float((found.points_a - expected).norm(dim=-1).max())


def test_that_without_motion_every_point_stays_to_the_bit() -> None:
    points = _points(50)
    found = invert(points, torch.zeros(2, 1), _hinge_table(5.0))
    assert torch.equal(found.points_a, points.expand(2, -1, -1))
    assert bool((found.residual_a == 0).all())
    assert not bool(found.folded().any())


def test_that_a_translation_is_undone() -> None:
    shift = torch.tensor([7.0, -3.0, 11.0])
    found = invert(_points(50), ONE, _table(shift))
    assert _worst(found, _points(50) - shift) < 1e-3
    assert torch.allclose(found.determinant, torch.ones(1, 50), atol=1e-4)


@pytest.mark.parametrize(
    "matrix",
    [
        _rotation(30.0),
        torch.diag(torch.tensor([1.3, 0.8, 1.0])),
        _rotation(20.0) @ torch.diag(torch.tensor([0.7, 1.2, 1.1])),
    ],
    ids=["rotation", "stretch", "both"],
)
def test_that_a_linear_map_is_undone(matrix: Tensor) -> None:
    points = _points(50)
    found = invert(points, ONE, _table(matrix=matrix - torch.eye(3)))
    assert _worst(found, points @ torch.linalg.inv(matrix).T) < 3e-3
    assert torch.allclose(found.determinant, torch.linalg.det(matrix).expand(1, 50), atol=1e-3)


def test_that_a_hinge_of_25_degrees_is_undone_and_finer_nodes_do_so_better() -> None:
    points = _points(200, 25.0)
    coarse, fine = (_worst(invert(points, ONE, _hinge_table(s)), _hinge_back(points)) for s in (8.0, 4.0))
    assert coarse < 1.0
    assert fine < 0.03
    # Cubic splines: an error of the fourth order.
    assert fine < coarse / 8


def test_that_states_are_inverted_each_with_its_own_coefficients() -> None:
    shift = torch.tensor([5.0, 1.0, -2.0])
    points = torch.stack([_points(20, seed=s) for s in (1, 2, 3)])
    amounts = torch.tensor([[0.0], [1.0], [-2.0]])
    found = invert(points, amounts, _table(shift))
    assert float((found.points_a - (points - amounts[:, :, None] * shift)).abs().max()) < 1e-3


@pytest.mark.parametrize("masked", [False, True])
def test_that_the_kernel_finds_what_the_reference_finds(masked: bool) -> None:
    box, voxel = 16, 5.0
    mask = None
    if masked:
        mask = torch.zeros(box, box, box)
        mask[5:12, 4:12, 3:12] = torch.linspace(0.3, 1.0, 9)
    table = tabulate(lambda p: _hinge(p)[:, :, None], HALF_SIDE_A, 5.0, mask=mask, mask_voxel_a=voxel)
    amounts = torch.tensor([[0.4], [1.0]])
    targets = _points(150, 45.0).expand(2, -1, -1).contiguous()
    fast = invert(targets, amounts, table)
    slow = solve_torch(table.states(amounts), table, targets)
    both = ~(fast.folded() | slow.folded())
    assert float(both.float().mean()) > 0.9
    assert float((fast.points_a - slow.points_a)[both].abs().max()) < 5 * TOLERANCE_A
    assert torch.allclose(fast.determinant[both], slow.determinant[both], atol=5e-3)


def test_that_the_spline_has_the_slopes_of_the_field() -> None:
    table = _hinge_table(4.0)
    points = _points(40, 30.0)
    rows = torch.zeros(40, dtype=torch.long)
    value, jacobian = evaluate(table.states(ONE), table, points, rows)
    exact = torch.stack([torch.autograd.functional.jacobian(lambda p: _hinge(p[None])[0], p) for p in points])
    assert float((value - _hinge(points)).abs().max()) < 0.02
    assert float((jacobian - exact).abs().max()) < 0.02


def test_that_points_outside_the_mask_do_not_move_at_all() -> None:
    mask = torch.zeros(16, 16, 16)
    mask[:, :, 9:] = 1
    table = tabulate(lambda p: _hinge(p)[:, :, None], HALF_SIDE_A, 5.0, mask=mask, mask_voxel_a=5.0)
    points = _points(200)
    points[:, 0] = -points[:, 0].abs()
    assert torch.equal(invert(points, 0.1 * ONE, table).points_a[0], points)


def test_that_a_fold_is_told_and_the_rest_is_still_found() -> None:
    """A displacement of 12 sin(x / 5) along x folds space: its slope goes below -1."""
    table = tabulate(
        lambda p: torch.stack((12 * torch.sin(p[:, 0] / 5), 0 * p[:, 0], 0 * p[:, 0]), 1)[:, :, None],
        60.0,
        1.5,
    )
    rest = torch.zeros(400, 3)
    rest[:, 0] = torch.linspace(-30, 30, 400)
    found = invert(rest, ONE, table)
    # The map is onto all the same, so every point comes from somewhere ...
    assert float(found.residual_a.max()) < 0.01
    gone = found.points_a[0, :, 0] + 12 * torch.sin(found.points_a[0, :, 0] / 5)
    assert float((gone - rest[:, 0]).abs().max()) < 0.05
    # ... and where that is between the turning points, it is said.
    slope = 1 + 12 / 5 * torch.cos(found.points_a[0, :, 0] / 5)
    clear = slope.abs() > 0.05
    assert torch.equal(found.folded()[0][clear], (slope <= 0)[clear])


def test_that_points_that_come_from_nowhere_are_told() -> None:
    """All of space is pressed together to half a ball: nothing goes beyond it."""
    found = solve(
        lambda p, _: (
            p / (1 + p.square().sum(1, keepdim=True) / 100).sqrt() - p,
            torch.func.vmap(torch.func.jacrev(lambda q: q / (1 + q.square().sum() / 100).sqrt() - q))(p),
        ),
        torch.tensor([[5.0, 0.0, 0.0], [25.0, 0.0, 0.0]]),
    )
    assert found.folded().tolist() == [False, True]
    assert float(found.points_a[0, 0]) == pytest.approx(5 / math.sqrt(0.75), abs=0.01)


def test_that_any_field_can_be_inverted_with_its_exact_slopes() -> None:
    points = _points(60)
    slopes = torch.func.vmap(torch.func.jacrev(lambda p: _hinge(p[None])[0]))
    found = solve(lambda p, _: (_hinge(p), slopes(p)), points)
    assert _worst(found, _hinge_back(points)) < 2e-3


def test_that_outside_the_table_the_field_goes_on_as_it_is_at_its_edge() -> None:
    shift = torch.tensor([3.0, 0.0, 0.0])
    far = torch.tensor([[500.0, -300.0, 20.0]])
    assert _worst(invert(far, ONE, _table(shift)), far - shift) < 1e-3
