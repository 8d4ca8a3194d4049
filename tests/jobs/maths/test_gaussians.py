"""Clouds of Gaussians against their closed forms; seeds, thresholds and neighbours."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from jobs.maths.coordinates import grid_points
from jobs.maths.fourier import rfft_to_volume, volume_to_rfft
from jobs.maths.gaussians import automatic_threshold, radius_graph, render_volume, seed_points, transfer
from jobs.maths.project import project_volume
from jobs.maths.rotations import random_rotations
from jobs.maths.splat import splat_points

BOX, VOXEL = 32, 2.5


def _cloud(n: int = 30, spread_a: float = 9.0, seed: int = 0) -> Tensor:
    """Points in Å without symmetry, three widths or more from the edge of the box."""
    generator = torch.Generator().manual_seed(seed)
    return (spread_a * torch.randn(n, 3, generator=generator)).clamp(-24, 24) + torch.tensor([1.0, -2.0, 0.5])


def _weights(n_classes: int, n: int = 30) -> Tensor:
    return 0.5 + torch.rand(n_classes, n, generator=torch.Generator().manual_seed(9))


def _images(points_a: Tensor, weights: Tensor, widths_a: Tensor, rotations: Tensor, box: int) -> Tensor:
    """Closed form: every projected Gaussian integrates to its weight; ``(b, D, D)``, centre ``D // 2``."""
    xy = torch.matmul(points_a, rotations[:, :2].transpose(1, 2)).double()
    axis = (torch.arange(box) - box // 2).double() * VOXEL
    total = torch.zeros(len(rotations), box, box, dtype=torch.float64)
    for weight, width in zip(weights.double(), widths_a.double(), strict=True):
        x = torch.exp(-0.5 * ((axis - xy[..., :1]) / width) ** 2)
        y = torch.exp(-0.5 * ((axis - xy[..., 1:]) / width) ** 2)
        norm = VOXEL**2 / (2 * math.pi * width**2)
        total += norm * torch.einsum("n,bny,bnx->byx", weight, y, x)
    return total


def _volume(points_a: Tensor, weights: Tensor, widths_a: Tensor, box: int) -> Tensor:
    """Closed form of the map."""
    square = ((grid_points(box, VOXEL)[..., None, :] - points_a) ** 2).sum(-1).double()
    total = torch.zeros(box, box, box, dtype=torch.float64)
    for weight, width in zip(weights.double(), widths_a.double(), strict=True):
        norm = VOXEL**3 / (2 * math.pi * width**2) ** 1.5
        total += norm * (torch.exp(-0.5 * square / width**2) * weight).sum(-1)
    return total


def _splatted(points_a: Tensor, weights: Tensor, widths_a: Tensor, rotations: Tensor, box: int) -> Tensor:
    pixels = torch.matmul(points_a, rotations[:, :2].transpose(1, 2)) / VOXEL
    spectra = torch.fft.rfft2(splat_points(pixels, weights, box)) * transfer(widths_a, box, VOXEL)
    return torch.fft.fftshift(torch.fft.irfft2(spectra.sum(1), s=(box, box)), dim=(-2, -1))


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("box", [32, 33])
# What a sampled spline folds back from beyond the Nyquist frequency; trainings work at 1.2 px or more.
@pytest.mark.parametrize(("width_px", "accuracy"), [(0.8, 0.035), (1.0, 0.018), (1.2, 8e-3), (1.5, 3e-3)])
def test_that_splatted_clouds_are_the_projections_of_their_gaussians(
    width_px: float, accuracy: float, box: int
) -> None:
    points, weights, widths = _cloud(), _weights(1), torch.tensor([width_px * VOXEL])
    rotations = random_rotations(5, torch.Generator().manual_seed(1))
    expected = _images(points, weights, widths, rotations, box)
    assert _relative(_splatted(points, weights, widths, rotations, box), expected) < accuracy


def test_that_several_widths_add_up() -> None:
    points, weights, widths = _cloud(), _weights(3), torch.tensor([3.0, 3.5, 4.0])
    rotations = random_rotations(4, torch.Generator().manual_seed(2))
    expected = _images(points, weights, widths, rotations, BOX)
    assert _relative(_splatted(points, weights, widths, rotations, BOX), expected) < 8e-3


@pytest.mark.parametrize("box", [32, 33])
def test_that_a_rendered_map_is_the_sum_of_its_gaussians(box: int) -> None:
    points, weights, widths = _cloud(), _weights(2), torch.tensor([3.0, 4.5])
    found = render_volume(points, weights, widths, box, VOXEL)
    # 1.2 and 1.8 voxels wide.
    assert _relative(found, _volume(points, weights, widths, box)) < 0.01
    assert float(found.sum()) == pytest.approx(float(weights.sum()), rel=1e-5)


def test_that_the_map_summed_along_z_is_the_splatted_image() -> None:
    points, weights, widths = _cloud(), _weights(2), torch.tensor([2.0, 5.0])
    straight = torch.eye(3)[None]
    image = _splatted(points, weights, widths, straight, BOX)[0]
    assert _relative(render_volume(points, weights, widths, BOX, VOXEL).sum(0), image) < 1e-6


def test_that_central_slices_of_the_map_are_the_splatted_images() -> None:
    points, weights, widths = _cloud(), _weights(1), torch.tensor([4.0])
    rotations = random_rotations(4, torch.Generator().manual_seed(3))
    volume = render_volume(points, weights, widths, BOX, VOXEL)
    # The interpolation of the slice is what is left of the difference.
    images = project_volume(volume, rotations, padding=4)
    assert _relative(images, _splatted(points, weights, widths, rotations, BOX)) < 0.01


def test_that_the_transfer_can_be_differentiated_by_the_width() -> None:
    widths = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: transfer(w, 8, VOXEL), (widths,))


# -------------------------------------------------------------------------------------------- threshold


def _noisy_map(noise: float = 0.02) -> Tensor:
    volume = render_volume(_cloud(), _weights(1), torch.tensor([4.0]), BOX, VOXEL)
    return volume / volume.max() + noise * torch.randn(
        volume.shape, generator=torch.Generator().manual_seed(4)
    )


def test_that_the_automatic_threshold_keeps_the_molecule_and_leaves_the_solvent() -> None:
    volume = _noisy_map()
    clean = render_volume(_cloud(), _weights(1), torch.tensor([4.0]), BOX, VOXEL)
    above = volume > automatic_threshold(volume)
    solvent = clean < 1e-3 * clean.max()
    assert float((above & solvent).sum()) / float(solvent.sum()) < 1e-3
    at_points = ((_cloud() / VOXEL).round().long() + BOX // 2).flip(1)
    assert float(above[tuple(at_points.T)].float().mean()) > 0.5


@pytest.mark.parametrize("scale", [1.0, 1e-4, 300.0])
def test_that_the_threshold_follows_the_scale_of_the_map(scale: float) -> None:
    volume = _noisy_map()
    assert automatic_threshold(scale * volume) == pytest.approx(scale * automatic_threshold(volume), rel=1e-4)


# ------------------------------------------------------------------------------------------------ seeds


def test_that_seeds_lie_in_the_density_and_are_the_same_for_the_same_seed() -> None:
    volume, level = _noisy_map(), 0.3
    seeds = [seed_points(volume, VOXEL, 80, level, torch.Generator().manual_seed(s)) for s in (7, 7, 8)]
    assert torch.equal(seeds[0], seeds[1])
    assert not torch.equal(seeds[0], seeds[2])
    voxels = (torch.nonzero(volume > level).flip(1) - BOX // 2) * VOXEL
    # A seed is the centre of mass of the voxels nearest to it: one lies within the diagonal of a voxel.
    gap = torch.cdist(seeds[0], voxels.float()).amin(1)
    assert float(gap.max()) < math.sqrt(3) * VOXEL


def test_that_seeds_are_spread_evenly_over_even_density() -> None:
    ball = (grid_points(BOX, VOXEL).norm(dim=-1) < 25.0).float()
    points = seed_points(ball, VOXEL, 150, 0.5, torch.Generator().manual_seed(0))
    distance = torch.cdist(points, points) + 1e9 * torch.eye(150)
    nearest = distance.amin(1)
    # Points thrown at random would have a spread of a third of the mean.
    assert float(nearest.std() / nearest.mean()) < 0.2
    assert float(points.mean(0).norm()) < VOXEL


def test_that_denser_parts_get_more_seeds() -> None:
    grid = grid_points(BOX, VOXEL)
    volume = 0.5 * (grid.norm(dim=-1) < 25.0) + 1.0 * ((grid.norm(dim=-1) < 25.0) & (grid[..., 0] > 0))
    points = seed_points(volume, VOXEL, 200, 0.1, torch.Generator().manual_seed(0))
    share = float((points[:, 0] > 0).float().mean())
    # Three quarters of the mass lie there; Lloyd's rounds even it out a little.
    assert 0.6 < share < 0.8


def test_that_more_seeds_than_voxels_are_possible() -> None:
    volume = torch.zeros(8, 8, 8)
    volume[4, 4, 5] = volume[4, 5, 4] = 1.0
    points = seed_points(volume, VOXEL, 20, 0.5, torch.Generator().manual_seed(0))
    assert points.shape == (20, 3)
    assert bool(points.isfinite().all())
    assert float(points.norm(dim=1).max()) < 2.5 * VOXEL


def test_that_a_threshold_above_the_map_is_refused_with_its_range() -> None:
    with pytest.raises(ValueError, match="no voxel of the map is above 5; its values reach from 0 to 1"):
        seed_points((grid_points(8, 1.0).norm(dim=-1) < 2).float(), 1.0, 5, 5.0, torch.Generator())


# ----------------------------------------------------------------------------------------------- neighbours


def test_that_the_graph_joins_what_brute_force_joins() -> None:
    points = _cloud(60, seed=5)
    edges, distance = radius_graph(points, factor=1.5, neighbours=2)
    all_distances = torch.cdist(points.double(), points.double())
    nearest = all_distances.sort(1).values[:, 1:3]
    assert distance == pytest.approx(float(nearest.mean()))
    expected = torch.nonzero(torch.triu(all_distances < 1.5 * nearest.mean(), diagonal=1)).T
    assert torch.equal(edges, expected)


def test_that_a_single_point_has_no_neighbours() -> None:
    edges, distance = radius_graph(torch.zeros(1, 3))
    assert edges.shape == (2, 0)
    assert distance == 0.0


def test_that_two_points_are_neighbours() -> None:
    edges, distance = radius_graph(torch.tensor([[0.0, 0, 0], [3.0, 4.0, 0]]))
    assert edges.tolist() == [[0], [1]]
    assert distance == pytest.approx(5.0)


def test_that_the_half_volume_of_a_rendered_map_has_the_phases_of_its_points() -> None:
    # One Gaussian at x: the transform is its envelope times exp(-2 pi i k x), origin at voxel D // 2.
    point, width = torch.tensor([[3.0, -4.5, 6.0]]), torch.tensor([4.0])
    half = volume_to_rfft(render_volume(point, torch.ones(1, 1), width, BOX, VOXEL))
    back = rfft_to_volume(half, BOX)
    assert tuple(int(i) for i in torch.unravel_index(back.argmax(), back.shape)) == (18, 14, 17)
    phase = float(torch.angle(half[0, 0, 1]))
    assert phase == pytest.approx(-2 * math.pi * 3.0 / (BOX * VOXEL), abs=2e-4)
