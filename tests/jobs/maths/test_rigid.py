"""Rigid motions are found as they were made, and agree with slow references."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from jobs.maths.rigid import (
    ModeMoments,
    best_trace,
    fit_rigid,
    nearest_rotation,
    rotation_vectors,
    unexplained,
)
from jobs.maths.rotations import axis_angle_to_matrix, random_rotations, rotation_angle


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _quaternion_fit(points: Tensor, moved: Tensor, weights: Tensor) -> Tensor:
    """Best rotation by Horn's quaternion method (1987): the leading eigenvector of a 4 x 4 matrix."""
    total = weights.sum()
    arms = points - (weights[:, None] * points).sum(0) / total
    ends = moved - (weights[:, None] * moved).sum(0) / total
    s = torch.zeros(3, 3, dtype=points.dtype)
    for w, a, e in zip(weights, arms, ends, strict=True):
        s += w * torch.outer(a, e)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = s.tolist()
    matrix = torch.tensor(
        [
            [xx + yy + zz, yz - zy, zx - xz, xy - yx],
            [yz - zy, xx - yy - zz, xy + yx, zx + xz],
            [zx - xz, xy + yx, -xx + yy - zz, yz + zy],
            [xy - yx, zx + xz, yz + zy, -xx - yy + zz],
        ],
        dtype=points.dtype,
    )
    w, x, y, z = torch.linalg.eigh(matrix)[1][:, -1].tolist()
    return torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        dtype=points.dtype,
    )


def test_that_a_known_rotation_and_shift_are_found() -> None:
    points, shifts = 20 * _random(30, 3), 5 * _random(40, 3, seed=1)
    rotations = random_rotations(40, torch.Generator().manual_seed(2), torch.float64)
    moved = torch.einsum("bij,nj->bni", rotations, points) + shifts[:, None]
    found = fit_rigid(points, moved)
    assert rotation_angle(found.rotations, rotations).max() < 1e-6
    torch.testing.assert_close(found.shifts, shifts)
    assert found.residual.max() < 1e-8
    centre = points.mean(0)
    torch.testing.assert_close(found.shift_of(centre), moved.mean(1) - centre)


def test_that_noisy_weighted_fits_agree_with_the_quaternion_method() -> None:
    points, weights = 10 * _random(25, 3), _random(25, seed=3).abs()
    moved = points + 4 * _random(6, 25, 3, seed=4)
    found = fit_rigid(points, moved, weights)
    for one, rotation in zip(moved, found.rotations, strict=True):
        torch.testing.assert_close(rotation, _quaternion_fit(points, one, weights), atol=1e-9, rtol=0)
    back = torch.einsum("bij,nj->bni", found.rotations, points) + found.shifts[:, None]
    left = torch.einsum("n,bnc->b", weights, (moved - back) ** 2)
    torch.testing.assert_close(found.residual, left)


def test_that_a_mirror_image_is_answered_with_a_rotation() -> None:
    points = 10 * _random(30, 3)
    mirrored = (points * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))[None]
    found = fit_rigid(points, mirrored)
    assert torch.linalg.det(found.rotations)[0].item() == pytest.approx(1)
    best = found.residual[0].item()
    others = random_rotations(3000, torch.Generator().manual_seed(5), torch.float64)
    arms, ends = points - points.mean(0), mirrored[0] - mirrored[0].mean(0)
    tried = (torch.einsum("bij,nj->bni", others, arms) - ends).square().sum((1, 2))
    assert best <= tried.min().item()


def test_that_flat_and_straight_groups_get_proper_rotations() -> None:
    rotation = axis_angle_to_matrix(torch.tensor([[0.0, 0.0, 0.4]], dtype=torch.float64))
    for flat in ([1.0, 1.0, 0.0], [1.0, 0.0, 0.0]):
        points = 10 * _random(12, 3) * torch.tensor(flat, dtype=torch.float64)
        moved = torch.einsum("bij,nj->bni", rotation, points)
        found = fit_rigid(points, moved)
        assert torch.linalg.det(found.rotations)[0].item() == pytest.approx(1)
        assert found.residual.max() < 1e-8
    assert torch.linalg.det(nearest_rotation(torch.zeros(3, 3))[0]).item() == pytest.approx(1)


def test_that_the_best_trace_needs_no_singular_vectors() -> None:
    matrices = _random(500, 3, 3, seed=14)
    matrices[:100, 2] = matrices[:100, 1]  # singular
    matrices[100:110] = torch.eye(3, dtype=torch.float64)
    matrices[110:120] = 0
    torch.testing.assert_close(best_trace(matrices), nearest_rotation(matrices)[1], atol=1e-6, rtol=1e-6)


def test_that_moments_of_modes_give_the_fit_of_the_points_themselves() -> None:
    points, basis, coefficients = 15 * _random(80, 3), _random(80, 3, 5, seed=6), _random(7, 5, seed=7)
    weights = torch.zeros(3, 80, dtype=torch.float64)
    weights[0, :30], weights[1, 30:], weights[2] = 1, _random(50, seed=8).abs(), 1
    fits = ModeMoments.of(points, basis, weights).fit(coefficients)
    moved = points + torch.einsum("nck,bk->bnc", basis, coefficients)
    for group, row in enumerate(weights):
        slow = fit_rigid(points, moved, row)
        torch.testing.assert_close(fits.rotations[:, group], slow.rotations)
        torch.testing.assert_close(fits.shifts[:, group], slow.shifts)
        torch.testing.assert_close(fits.residual[:, group], slow.residual)


def test_that_moments_of_disjoint_groups_add_up() -> None:
    points, basis, coefficients = _random(40, 3), _random(40, 3, 2, seed=9), _random(4, 2, seed=10)
    halves = torch.zeros(2, 40)
    halves[0, :15], halves[1, 15:] = 1, 1
    apart = ModeMoments.of(points, basis, halves)
    both = apart.select(torch.tensor([0])) + apart.select(torch.tensor([1]))
    whole = ModeMoments.of(points, basis, torch.ones(1, 40))
    torch.testing.assert_close(both.residual(coefficients), whole.residual(coefficients))
    torch.testing.assert_close(whole.residual(coefficients), whole.fit(coefficients).residual)


def test_that_what_a_body_leaves_unexplained_is_the_mean_square_distance() -> None:
    points, basis, coefficients = 8 * _random(20, 3), _random(20, 3, 4, seed=11), _random(9, 4, seed=12)
    halves = torch.zeros(2, 20)
    halves[0, :10], halves[1, 10:] = 1, 1
    fits = ModeMoments.of(points, basis, halves).fit(coefficients)
    slow = torch.zeros(20, 2, dtype=torch.float64)
    for state in range(9):
        moved = points + basis @ coefficients[state]
        for body in range(2):
            rigid = points @ fits.rotations[state, body].T + fits.shifts[state, body]
            slow[:, body] += (moved - rigid).square().sum(1) / 9
    torch.testing.assert_close(unexplained(points, basis, fits, coefficients), slow)


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 1.0, 90.0, 178.0, 179.9999, 180.0])
def test_that_rotation_vectors_are_those_the_rotations_were_made_of(degrees: float) -> None:
    axes = _random(50, 3, seed=13)
    vectors = axes / axes.norm(dim=1, keepdim=True) * math.radians(degrees)
    found = rotation_vectors(axis_angle_to_matrix(vectors))
    if degrees == 180.0:
        # both directions of the axis are the same rotation
        sign = torch.where((found * vectors).sum(1, keepdim=True) < 0, -1.0, 1.0)
        found = found * sign
    torch.testing.assert_close(found, vectors, atol=1e-6, rtol=0)
