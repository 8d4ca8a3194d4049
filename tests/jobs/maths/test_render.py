"""Directly drawn maps of Gaussians: the density itself, of the right weight, whoever draws it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from jobs.maths import render
from jobs.maths.gaussians import render_volume
from jobs.maths.render import draw_gaussians, drawing_work

BOX, VOXEL = 32, 2.5
Array = npt.NDArray[np.float64]


def _cloud(n: int = 40, spread_a: float = 8.0) -> Array:
    """Points in Å, far from the edge of the box and from the centres of voxels."""
    points = np.random.default_rng(5).normal(scale=spread_a, size=(n, 3)).clip(-22, 22)
    return points + np.array([1.0, -2.0, 0.5])


def _weights(n_classes: int, n: int = 40) -> Array:
    return 0.5 + np.random.default_rng(6).random((n_classes, n))


def _density(points: Array, weights: Array, widths: Array, box: int = BOX) -> Array:
    """Closed form, per voxel volume."""
    axis = (np.arange(box) - box // 2) * VOXEL
    total = np.zeros((box, box, box))
    for weight, width in zip(weights, widths, strict=True):
        x, y, z = (np.exp(-0.5 * ((axis - points[:, [k]]) / width) ** 2) for k in range(3))
        total += np.einsum("n,nz,ny,nx->zyx", weight, z, y, x) * VOXEL**3 / (2 * np.pi * width**2) ** 1.5
    return total


def _off(found: npt.NDArray[np.floating], expected: npt.NDArray[np.floating]) -> float:
    """Largest difference over the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("box", [32, 33])
@pytest.mark.parametrize("widths_px", [(0.8,), (1.1, 2.5), (3.0,)])
def test_that_a_drawn_map_is_the_density_of_its_gaussians(widths_px: tuple[float, ...], box: int) -> None:
    points, widths = _cloud(), np.array(widths_px) * VOXEL
    weights = _weights(len(widths))
    assert (
        _off(draw_gaussians(points, weights, widths, box, VOXEL), _density(points, weights, widths, box))
        < 6e-4
    )


def test_that_it_is_the_map_by_way_of_fourier_where_that_is_accurate() -> None:
    points, weights, widths = _cloud(), _weights(2), np.array([2.0, 3.0]) * VOXEL
    by_fourier = render_volume(torch.tensor(points), torch.tensor(weights), torch.tensor(widths), BOX, VOXEL)
    assert _off(draw_gaussians(points, weights, widths, BOX, VOXEL), by_fourier.numpy()) < 1e-3


def test_that_narrow_gaussians_are_those_of_a_finer_map_by_way_of_fourier() -> None:
    points, weights, widths = _cloud(), _weights(1), np.array([0.9]) * VOXEL
    fine = render_volume(
        torch.tensor(points), torch.tensor(weights), torch.tensor(widths), 3 * BOX, VOXEL / 3
    ).numpy()
    expected = 27 * fine[::3, ::3, ::3]
    coarse = render_volume(torch.tensor(points), torch.tensor(weights), torch.tensor(widths), BOX, VOXEL)
    drawn = draw_gaussians(points, weights, widths, BOX, VOXEL)
    assert _off(drawn, expected) < 1e-3
    # At the size of the map itself the transform folds frequencies back.
    assert _off(coarse.numpy(), expected) > 10 * _off(drawn, expected)


@pytest.mark.parametrize("width_px", [0.5, 0.7, 1.3, 3.0])
def test_that_the_sum_of_a_map_is_the_weight_of_its_gaussians(width_px: float) -> None:
    # In the corners of voxels, where samples of narrow Gaussians alone would weigh least.
    points = np.round(_cloud(40, 4.0) / VOXEL) * VOXEL + 0.5 * VOXEL
    weights = _weights(1)
    volume = draw_gaussians(points, weights, np.array([width_px * VOXEL]), BOX, VOXEL)
    assert float(volume.sum(dtype=np.float64)) == pytest.approx(float(weights.sum()), rel=1e-5)
    assert float(volume.min()) >= 0


def test_that_a_gaussian_stands_where_its_point_is() -> None:
    # x, y, z in voxels from the centre, with parts of voxels.
    place = np.array([[3.25, -5.5, 7.75]])
    volume = draw_gaussians(place * VOXEL, np.ones((1, 1)), np.array([4.0]), BOX, VOXEL).astype(np.float64)
    axis = np.arange(BOX) - BOX // 2
    found = [float((volume.sum(axes) * axis).sum()) for axes in ((0, 1), (0, 2), (1, 2))]
    assert found == pytest.approx(place[0].tolist(), abs=1e-3)


@pytest.mark.parametrize("place_px", [(0.0, 0.0, 15.4), (-16.3, 0.0, 0.0), (15.0, -16.0, 15.5), (40.0, 0, 0)])
def test_that_what_leaves_the_box_is_cut_off_and_not_put_in_elsewhere(place_px: tuple[float, ...]) -> None:
    points, widths = np.array([place_px]) * VOXEL, np.array([1.5 * VOXEL])
    volume = draw_gaussians(points, np.ones((1, 1)), widths, BOX, VOXEL)
    expected = _density(points, np.ones((1, 1)), widths)
    scale = (2 * np.pi * 1.5**2) ** -1.5
    assert float(np.abs(volume - expected).max()) < 6e-4 * scale


def test_that_a_gaussian_wider_than_the_box_fills_it() -> None:
    widths = np.array([10.0 * VOXEL])
    volume = draw_gaussians(np.zeros((1, 3)), np.ones((1, 1)), widths, BOX, VOXEL)
    assert _off(volume, _density(np.zeros((1, 3)), np.ones((1, 1)), widths)) < 1e-3


@pytest.mark.parametrize("n_threads", [2, 3])
def test_that_threads_change_not_a_bit(n_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = (_cloud(), _weights(2), np.array([2.0, 5.0]), BOX, VOXEL)
    alone = draw_gaussians(*cloud)
    monkeypatch.setattr(render, "_ALONE", 0)
    assert np.array_equal(draw_gaussians(*cloud, n_threads=n_threads), alone)


def test_that_work_is_counted_in_voxels_touched() -> None:
    # One Gaussian of one voxel reaches four voxels to either side.
    assert drawing_work(10, np.array([VOXEL]), VOXEL) == pytest.approx(10 * 9**3)


def test_that_a_cloud_without_points_is_an_empty_map() -> None:
    volume = draw_gaussians(np.zeros((0, 3)), np.zeros((1, 0)), np.array([5.0]), 8, VOXEL)
    assert volume.shape == (8, 8, 8)
    assert not volume.any()


@pytest.mark.parametrize(
    ("points", "weights", "widths", "said"),
    [
        (np.zeros((3, 2)), np.ones((1, 3)), np.ones(1) * 5, "do not fit together"),
        (np.zeros((3, 3)), np.ones((2, 3)), np.ones(1) * 5, "do not fit together"),
        (np.full((3, 3), np.nan), np.ones((1, 3)), np.ones(1) * 5, "finite"),
        (np.zeros((3, 3)), np.ones((1, 3)), np.ones(1), "too narrow"),
    ],
)
def test_that_what_can_not_be_drawn_is_refused(
    points: Array, weights: Array, widths: Array, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        draw_gaussians(points, weights, widths, BOX, VOXEL)
