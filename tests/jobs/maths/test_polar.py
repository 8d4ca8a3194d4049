from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.maths.polar import PolarGrid
from jobs.maths.transforms2d import Planar


@pytest.fixture(scope="module")
def grid() -> PolarGrid:
    return PolarGrid(13)


def _smooth(points: Tensor) -> Tensor:
    """A lopsided picture at points ``(..., 2)``."""
    blobs = [(4.0, 2.0, 2.5, 1.0), (-5.0, 4.0, 2.0, 0.7), (1.0, -7.0, 3.0, -0.8), (-3.0, -3.0, 2.0, 0.5)]
    x, y = points[..., 0], points[..., 1]
    parts = [a * torch.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * s**2)) for u, v, s, a in blobs]
    return torch.stack(parts).sum(0)


def _pixels(box: int) -> Tensor:
    axis = torch.arange(box, dtype=torch.float64) - box // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack((x, y), -1)


def _picture(box: int, planar: Planar | None = None) -> Tensor:
    """The picture moved by one transformation, sampled exactly."""
    points = _pixels(box)
    if planar is not None:
        points = planar.inverse().apply(points)
    return _smooth(points).float()


def test_that_rings_have_the_numbers_of_samples_of_the_original() -> None:
    numbers = PolarGrid(29).n_samples
    assert [numbers.count(n) for n in (8, 16, 32, 64, 128, 256)] == [1, 1, 3, 5, 10, 9]
    assert sum(numbers) == 4024


def test_that_rows_go_through_bands_then_frequencies_then_rings(grid: PolarGrid) -> None:
    assert grid.bands[0].row == 0 and grid.bands[0].n_rings == grid.n_rings
    for band in grid.bands:
        m = grid.row_m[band.rows].view(band.n_m, band.n_rings)
        ring = grid.row_ring[band.rows].view(band.n_m, band.n_rings)
        assert m[:, 0].tolist() == list(range(band.m, band.m + band.n_m))
        assert ring[0].tolist() == list(range(band.ring, grid.n_rings))
    limit = 2 * math.pi * grid.radii * grid.max_frequency
    kept = {(m, r) for m, r in zip(grid.row_m.tolist(), grid.row_ring.tolist(), strict=True)}
    needed = {(m, r) for r in range(grid.n_rings) for m in range(int(limit[r]) + 1)}
    assert needed <= kept


@pytest.mark.parametrize("box", [36, 37])
def test_that_coefficients_are_those_of_a_slow_sum(grid: PolarGrid, box: int) -> None:
    generator = np.random.default_rng(3)
    images = generator.normal(size=(2, box, box)).astype(np.float32)
    points = torch.tensor([[0.0, 0.0], [2.0, -1.5]])
    found = grid.coefficients(torch.from_numpy(images), grid.table(box, points)).view(-1, 2, 2, 2).numpy()
    c = box // 2
    for row in range(0, grid.n_rows, 17):
        m, ring = int(grid.row_m[row]), int(grid.row_ring[row])
        n, r = grid.n_samples[ring], float(grid.radii[ring])
        for k, (dx, dy) in enumerate(points.tolist()):
            theta = 2 * np.pi * np.arange(n) / n
            x, y = c + dx + r * np.sin(theta), c + dy + r * np.cos(theta)
            i, j = np.floor(x).astype(int), np.floor(y).astype(int)
            u, v = x - i, y - j
            i1, j1 = np.minimum(i + 1, box - 1), np.minimum(j + 1, box - 1)
            values = (
                images[:, j, i] * (1 - u) * (1 - v)
                + images[:, j, i1] * u * (1 - v)
                + images[:, j1, i] * (1 - u) * v
                + images[:, j1, i1] * u * v
            )
            expected = (values * np.exp(-1j * m * theta)).mean(1)
            if m > grid.limits[[i for i, k2 in enumerate(grid.n_samples) if k2 == n][-1]]:
                expected = np.zeros(2)
            np.testing.assert_allclose(found[row, 0, k], expected.real, atol=2e-6)
            np.testing.assert_allclose(found[row, 1, k], expected.imag, atol=2e-6)


@pytest.mark.parametrize("mirror", [False, True])
def test_that_turning_and_mirroring_an_image_is_a_phase_and_a_conjugate(
    grid: PolarGrid, mirror: bool
) -> None:
    box = 36
    planar = Planar(
        torch.tensor(37.0, dtype=torch.float64), torch.zeros(2, dtype=torch.float64), torch.tensor(mirror)
    )
    before = grid.coefficients(_picture(box)[None])
    after = grid.coefficients(_picture(box, planar)[None])
    turned = grid.rotate(before, torch.tensor([37.0]), torch.tensor([mirror]))
    assert float((turned - after).norm() / after.norm()) < 0.02
    assert float((before - after).norm() / after.norm()) > 0.5


def test_that_rings_about_a_point_see_the_image_shifted_there(grid: PolarGrid) -> None:
    image = torch.randn(1, 40, 40, generator=torch.Generator().manual_seed(1))
    about = grid.coefficients(image, grid.table(40, torch.tensor([[3.0, -2.0]])))
    moved = grid.coefficients(torch.roll(image, (2, -3), (1, 2)))
    assert torch.allclose(about, moved, atol=1e-6)


def test_that_normalised_polar_images_have_mean_zero_and_variance_one(grid: PolarGrid) -> None:
    images = 5 + 3 * torch.randn(4, 36, 36, generator=torch.Generator().manual_seed(2))
    table = grid.table(36, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    samples = table.sample(images).double()
    weights = grid.sample_weights.double()
    mean = torch.einsum("s,lsn->ln", weights, samples)
    spread = (torch.einsum("s,lsn->ln", weights, samples**2) - mean**2).sqrt()
    expected = grid.transform(((samples - mean[:, None]) / spread[:, None]).float())
    assert torch.allclose(grid.coefficients(images, table, normalise=True), expected, atol=1e-5)


def test_that_bands_end_where_the_detail_ends() -> None:
    grid = PolarGrid(29)
    assert grid.bands_up_to(None) == grid.bands
    fewer = grid.bands_up_to(0.2)
    assert fewer == grid.bands[: len(fewer)] and fewer[-1].m <= 2 * math.pi * 29 * 0.2 < fewer[-1].m + 8


def test_that_rings_that_can_not_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no rings"):
        PolarGrid(5, first=7)
