"""Points and voxels: the origin is voxel D // 2, shifts have RELION's sign, ChimeraX counts from voxel 0."""

from __future__ import annotations

import pytest
import torch

from jobs.maths.coordinates import (
    centred_to_chimerax,
    centred_to_voxel,
    chimerax_to_centred,
    grid_points,
    origin_to_shift,
    project_points,
    voxel_to_centred,
)
from jobs.maths.rotations import random_rotations


@pytest.mark.parametrize("box", [8, 9])
def test_that_the_origin_is_voxel_half_the_box(box):
    voxel = torch.full((1, 3), float(box // 2))
    assert torch.equal(voxel_to_centred(voxel, box, 2.5), torch.zeros(1, 3))
    assert torch.equal(centred_to_voxel(torch.zeros(1, 3), box, 2.5), voxel)


def test_that_chimerax_puts_voxel_zero_at_the_headers_origin():
    points = torch.tensor([[10.0, 20.0, 30.0]])
    centred = chimerax_to_centred(points, 8, 2.0, origin_a=(10.0, 20.0, 30.0))
    assert torch.equal(centred, torch.full((1, 3), -8.0))
    assert torch.equal(centred_to_chimerax(centred, 8, 2.0, origin_a=(10.0, 20.0, 30.0)), points)


def test_that_sides_may_differ_and_are_given_as_x_y_z():
    assert voxel_to_centred(torch.zeros(1, 3), (8, 10, 12), 1.0).tolist() == [[-4, -5, -6]]


def test_that_grid_points_name_the_voxels_of_a_volume_indexed_z_y_x():
    grid = grid_points(6, 2.0)
    assert grid[3, 3, 3].tolist() == [0, 0, 0]
    assert grid[0, 3, 4].tolist() == [2, 0, -6]


def test_that_a_centred_particle_falls_on_the_centre_pixel_minus_its_origin():
    # RELION: the particle sits at box/2 - origin/pixel.
    origin = torch.tensor([[3.0, -6.0]])
    xy = project_points(torch.zeros(1, 3), torch.eye(3)[None], origin_to_shift(origin, 1.5), 64, 1.5)
    assert xy.tolist() == [[[30.0, 36.0]]]


def test_that_points_are_seen_at_the_first_two_rows_of_the_rotation():
    rotation = random_rotations(2, torch.Generator().manual_seed(0))
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    xy = project_points(points, rotation, torch.zeros(2, 2), 10, 1.0)
    expected = torch.einsum("bij,nj->bni", rotation, points)[..., :2] + 5
    torch.testing.assert_close(xy, expected)
