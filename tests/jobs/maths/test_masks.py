"""Masks: where they are one, where they are zero, and what lies between."""

from __future__ import annotations

import pytest
import torch

from jobs.maths.coordinates import grid_points
from jobs.maths.masks import mask_from_points, mask_from_threshold, smooth_volume, soft_circle, soft_sphere


@pytest.mark.parametrize("box", [16, 17])
def test_that_round_masks_are_centred_on_the_origin_pixel(box):
    centre = box // 2
    circle, sphere = soft_circle(box, 4, 3), soft_sphere(box, 4, 3)
    assert circle[centre, centre + 4] == 1
    assert circle[centre + 4, centre] == 1
    assert circle[centre, centre + 7] < 1e-6
    assert 0.2 < circle[centre, centre + 5] < 0.8
    torch.testing.assert_close(sphere[centre], circle)


def test_that_an_edge_of_zero_is_sharp():
    assert set(soft_circle(16, 4, 0).unique().tolist()) == {0.0, 1.0}


def test_that_the_mask_of_points_is_linear_in_the_distance_to_the_nearest_one():
    points = torch.randn(30, 3, generator=torch.Generator().manual_seed(0)) * 8
    points[0] = torch.tensor([200.0, 0.0, 0.0])  # outside the box: ignored
    mask = mask_from_points(points, 20, 3.0, 5.0, 6.0)
    nearest = torch.cdist(grid_points(20, 3.0).reshape(-1, 3), points).min(1).values.reshape(20, 20, 20)
    torch.testing.assert_close(mask, ((11.0 - nearest) / 6.0).clamp(0, 1), atol=1e-5, rtol=0)


def test_that_the_mask_of_a_threshold_grows_and_softens():
    volume = torch.zeros(15, 15, 15)
    volume[7, 7, 7] = 2
    mask = mask_from_threshold(volume, 1.0, extend_px=2, edge_px=2)
    assert mask[7, 7, 9] == 1
    assert mask[7, 7, 10].item() == pytest.approx(0.5)
    assert mask[7, 7, 11] < 1e-6
    with pytest.raises(ValueError, match="no voxel of the map is above the threshold 3"):
        mask_from_threshold(volume, 3.0, 2, 2)


def test_that_smoothing_a_point_gives_a_gaussian_of_the_same_mass():
    volume = torch.zeros(21, 21, 21)
    volume[10, 10, 10] = 1
    smooth = smooth_volume(volume, 1.5)
    assert smooth.sum().item() == pytest.approx(1, abs=1e-5)
    ratio = smooth[10, 10, 13] / smooth[10, 10, 10]
    assert ratio.item() == pytest.approx(torch.exp(torch.tensor(-2.0)).item(), rel=1e-4)
