"""Clouds are divided by how they move, and bodies get masks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from jobs.dynamight.bodies import MovingCloud, divide, patches
from jobs.dynamight.bodies_masks import bodies_table, body_labels, describe, smooth_mask, verdict
from jobs.maths.rotations import axis_angle_to_matrix


def _ball(n: int, centre: tuple[float, float, float], radius: float, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(n, 3, generator=generator)
    directions /= directions.norm(dim=1, keepdim=True)
    reach = torch.rand(n, 1, generator=generator) ** (1 / 3)
    return torch.tensor(centre) + radius * reach * directions


def _moving(parts: list[Tensor], vectors_deg: Tensor, shifts: Tensor) -> MovingCloud:
    """Parts that turn about the origin by rotation vectors ``(b, B, 3)`` and shift by ``(b, B, 3)``."""
    points = torch.cat(parts)
    own = torch.cat([torch.full((len(part),), k) for k, part in enumerate(parts)])
    members = torch.nn.functional.one_hot(own, len(parts)).float()
    place = torch.cat((points, torch.ones(len(points), 1)), 1)
    # u = (R - 1 | s) (x, 1): twelve modes of each part.
    basis = torch.einsum("nb,nj,ci->ncbij", members, place, torch.eye(3)).flatten(2)
    change = axis_angle_to_matrix(torch.deg2rad(vectors_deg)) - torch.eye(3)
    coefficients = torch.cat((change, shifts[..., None]), -1).flatten(1)
    return MovingCloud(points, torch.ones(len(points)), basis, coefficients)


def _hinge() -> MovingCloud:
    """A large part at rest in contact with a small one that turns by up to 30 degrees about y."""
    angle = torch.linspace(-30, 30, 40)
    vectors = torch.zeros(40, 2, 3)
    vectors[:, 1, 1] = angle
    parts = [_ball(300, (0, 0, -22), 27, 1), _ball(200, (0, 0, 24), 19, 2)]
    return _moving(parts, vectors, torch.zeros(40, 2, 3))


def test_that_a_hinge_comes_apart_into_its_two_parts() -> None:
    cloud = _hinge()
    found = divide(cloud, 2, 2)
    assert (found.labels[:300] == 0).float().mean() > 0.99  # the larger is the first
    assert (found.labels[300:] == 1).float().mean() > 0.99
    assert found.left_a.max() < 0.5
    assert found.curve_a[0] > 2 > 1 > found.curve_a[1]


def test_that_three_parts_are_found_of_which_one_only_slides() -> None:
    generator = torch.Generator().manual_seed(4)
    vectors, shifts = torch.zeros(50, 3, 3), torch.zeros(50, 3, 3)
    vectors[:, 1, 2] = 15 * torch.randn(50, generator=generator)
    shifts[:, 2, 0] = 4 * torch.randn(50, generator=generator)
    parts = [
        _ball(300, (0, 0, 0), 25, 5),
        _ball(150, (40, 0, 0), 16, 6),
        _ball(100, (0, 40, 0), 15, 7),
    ]
    found = divide(_moving(parts, vectors, shifts), 3, 2)
    for body, part in enumerate(found.labels.split([300, 150, 100])):
        assert (part == body).float().mean() > 0.97


def test_that_dividing_again_gives_the_same_bodies() -> None:
    assert torch.equal(divide(_hinge(), 3, 2).labels, divide(_hinge(), 3, 2).labels)


def test_that_a_rigid_molecule_is_divided_into_compact_bodies_with_a_warning() -> None:
    still = _hinge()
    still = MovingCloud(still.points_a, still.weights, still.basis, 0 * still.coefficients)
    found = divide(still, 2, 2)
    distance = torch.cdist(still.points_a, still.points_a).fill_diagonal_(torch.inf)
    nearest = distance.argmin(1)
    assert (found.labels == found.labels[nearest]).float().mean() > 0.9
    said = verdict(still, found, describe(still, found))
    assert said[-1].startswith("Warning: one body explains all")


def test_that_patches_are_compact_and_none_is_empty() -> None:
    points = _ball(400, (0, 0, 0), 30, 8)
    labels = patches(points, 32)
    counts = torch.bincount(labels)
    assert len(counts) == 32
    assert int(counts.min()) > 0
    for patch in range(32):
        own = points[labels == patch]
        assert float((own - own.mean(0)).norm(dim=1).max()) < 20


def test_that_the_motion_of_a_body_is_measured_from_its_neighbour() -> None:
    cloud = _hinge()
    bodies = describe(cloud, divide(cloud, 2, 2))
    expected = math.sqrt(float(torch.linspace(-30, 30, 40).square().mean()))
    assert bodies.relative_to.tolist() == [1, 0]
    assert bodies.angle_deg.tolist() == pytest.approx([expected, expected], rel=0.05)
    assert bodies.share.sum().item() == pytest.approx(1)
    table = bodies_table(bodies, "DynaMight/job001/", 3.0)
    assert list(table.columns)[:4] == [
        "rlnBodyMaskName",
        "rlnBodyRotateRelativeTo",
        "rlnBodySigmaAngles",
        "rlnBodySigmaOffset",
    ]
    assert table.text("rlnBodyMaskName")[0] == "DynaMight/job001/masks/smooth_mask_body1.mrc"
    assert table.ints("rlnBodyRotateRelativeTo").tolist() == [2, 1]
    offsets = table.floats("rlnBodySigmaOffset")
    assert table.floats("rlnBodySigmaOffsetAngst") == pytest.approx(3 * offsets)
    assert offsets.min() >= 1


def test_that_voxels_belong_to_the_gaussians_nearest_to_them() -> None:
    points = torch.tensor([[-12.0, 0, 0], [12.0, 0, 0]])
    inside = torch.zeros(16, 16, 16, dtype=torch.bool)
    inside[8, 8, 3:14] = True
    labels = body_labels(inside, points, torch.tensor([0, 1]), 3.0)
    assert labels[8, 8].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 0]
    assert int((labels > 0).sum()) == 11


def test_that_a_smooth_mask_stays_full_where_the_body_is_and_falls_off_softly() -> None:
    hard = torch.zeros(32, 32, 32)
    hard[10:22, 10:22, 10:22] = 1
    smooth = smooth_mask(hard, 20.0, 3.0)
    assert smooth[11:21, 11:21, 11:21].min() > 0.99
    assert smooth[hard > 0].min() > 0.85  # corners
    assert smooth.min() == 0
    assert 0.999 < smooth.max() <= 1
    edge = smooth[16, 16, 21:]
    assert bool((edge.diff() <= 1e-6).all())
    between = edge[(edge > 0.02) & (edge < 0.98)]
    assert len(between) >= 3  # about 9 Å at 3 Å per voxel
    assert torch.equal(smooth_mask(hard, 0.0, 3.0), hard)
