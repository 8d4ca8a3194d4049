"""Backprojection along a deformation: against a slow loop, against central slices, and as an adjoint."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.maths.fourier import image_to_rfft
from jobs.maths.masks import soft_sphere
from jobs.maths.rotations import euler_to_matrix
from jobs.maths.warped import WarpGrid, extrude, extrude_torch, oversample

BOX = 12


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _rotations(n: int, seed: int = 0) -> Tensor:
    angles = np.random.default_rng(seed).uniform(0, 180, (n, 3))
    return euler_to_matrix(torch.from_numpy(angles)).float()


def _images(n: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return oversample(image_to_rfft(torch.randn(n, BOX, BOX, generator=generator)))


def _grid(step: int) -> WarpGrid:
    return WarpGrid.make(soft_sphere(BOX, 4, 0) > 0, step)


def _field(grid: WarpGrid, n: int, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, math.prod(grid.shape), generator=generator)


def _slow(images: Tensor, rotations: Tensor, field: Tensor, grid: WarpGrid) -> np.ndarray:
    """Every voxel and image on its own, in double precision."""
    factor, side = images.shape[-1] // BOX, images.shape[-1]
    coarse = field.double().numpy().reshape(len(images), 2, *grid.shape)
    out = np.zeros((BOX,) * 3)
    for z, y, first, last in grid.spans.tolist():
        for x in range(first, last):
            where = (np.array([z, y, x]) - grid.lower) / grid.step
            base = np.minimum(np.floor(where).astype(int), np.array(grid.shape) - 2)
            rest = where - base
            for p in range(len(images)):
                moved = np.zeros(2)
                for corner in np.ndindex(2, 2, 2):
                    weight = np.prod(np.where(corner, rest, 1 - rest))
                    moved += weight * coarse[p][(slice(None), *(base + corner))]
                seen = rotations[p, :2].double().numpy() @ (np.array([x, y, z]) - BOX // 2) + moved
                u, v = factor * seen + side // 2
                iu, iv = math.floor(u), math.floor(v)
                if min(iu, iv) < 0 or max(iu, iv) + 1 >= side:
                    continue
                fu, fv = u - iu, v - iv
                patch = images[p, iv : iv + 2, iu : iu + 2].double().numpy()
                out[z, y, x] += np.array([1 - fv, fv]) @ patch @ np.array([1 - fu, fu])
    return out


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_that_the_kernel_and_its_torch_version_do_what_a_slow_loop_does(step: int) -> None:
    grid, images, rotations = _grid(step), _images(3), _rotations(3)
    field = _field(grid, 3)
    found, by_torch = torch.zeros(BOX, BOX, BOX), torch.zeros(BOX, BOX, BOX)
    extrude(images, rotations, field, grid, found)
    extrude_torch(images, 2 * rotations[:, :2], 2 * field.reshape(3, 2, *grid.shape), grid, by_torch)
    expected = _slow(images, rotations, field, grid)
    assert np.abs(found.numpy() - expected).max() < 1e-4
    assert np.abs(by_torch.numpy() - expected).max() < 1e-4


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_that_no_displacement_is_the_identity_at_every_step(step: int) -> None:
    grid, images, rotations = _grid(step), _images(2), _rotations(2)
    still, zero = torch.zeros(BOX, BOX, BOX), torch.zeros(BOX, BOX, BOX)
    extrude(images, rotations, None, grid, still)
    extrude(images, rotations, torch.zeros(2, 2, math.prod(grid.shape)), grid, zero)
    assert torch.equal(still, zero)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_that_linear_fields_are_the_same_at_every_step(step: int) -> None:
    images, rotations, reference = _images(2), _rotations(2), torch.zeros(BOX, BOX, BOX)
    out = torch.zeros(BOX, BOX, BOX)
    slope = torch.tensor([[0.1, -0.05, 0.02], [0.0, 0.07, -0.1]])
    for at, volume in ((1, reference), (step, out)):
        grid = _grid(at)
        field = (grid.points(1.0) @ slope.T).T.expand(2, 2, -1)
        extrude(images, rotations, field.contiguous(), grid, volume)
    assert torch.allclose(out, reference, atol=1e-4)


def test_that_moving_everything_by_a_voxel_moves_the_volume_by_a_voxel() -> None:
    grid, images, rotations = _grid(2), _images(4), _rotations(4)
    shift = rotations[:, :2] @ torch.tensor([1.0, 0.0, 0.0])
    still, moved = torch.zeros(BOX, BOX, BOX), torch.zeros(BOX, BOX, BOX)
    extrude(images, rotations, None, grid, still)
    extrude(images, rotations, shift[:, :, None].expand(-1, -1, math.prod(grid.shape)).clone(), grid, moved)
    # Voxels of each row but the last have a neighbour in the same row.
    for z, y, first, last in grid.spans.tolist():
        assert torch.allclose(moved[z, y, first : last - 1], still[z, y, first + 1 : last], atol=1e-4)


def test_that_lookup_is_the_adjoint_of_projecting_voxels_with_the_same_weights() -> None:
    grid, rotations = _grid(2), _rotations(3)
    field, volume = _field(grid, 3), torch.randn(BOX, BOX, BOX, generator=torch.Generator().manual_seed(7))
    images = _images(3).requires_grad_()
    out = torch.zeros(BOX, BOX, BOX)
    extrude_torch(images, 2 * rotations[:, :2], 2 * field.reshape(3, 2, *grid.shape), grid, out)
    (projected,) = torch.autograd.grad((out * volume).sum(), images)
    found = torch.zeros(BOX, BOX, BOX)
    extrude(_images(3), rotations, field, grid, found)
    assert float((found * volume).sum()) == pytest.approx(float((_images(3) * projected).sum()), rel=1e-4)


def test_that_threads_change_nothing_and_batches_only_the_order_of_sums() -> None:
    grid, images, rotations = _grid(2), _images(7), _rotations(7)
    field = _field(grid, 7)
    results = []
    for n_threads, size in ((1, 7), (2, 7), (2, 3), (1, 1)):
        torch.set_num_threads(n_threads)
        out = torch.zeros(BOX, BOX, BOX)
        for part in torch.arange(7).split(size):
            extrude(images[part], rotations[part], field[part], grid, out)
        results.append(out)
    assert torch.equal(results[0], results[1])
    for other in results[2:]:
        assert float((other - results[0]).abs().max()) <= 1e-6 * float(results[0].abs().max())


def test_that_oversampling_keeps_smooth_images_and_bilinear_lookup_gives_their_values() -> None:
    axis = torch.arange(BOX) - BOX // 2
    k = 2 * torch.pi * 2 / BOX
    image = torch.cos(k * axis)[None, :].expand(BOX, BOX)
    fine = oversample(image_to_rfft(image[None]), 4)[0]
    raised = 1 / float(torch.sinc(torch.tensor(2 / BOX / 4)) ** 2)
    expected = raised * torch.cos(k * (torch.arange(4 * BOX) - 2 * BOX) / 4)
    assert torch.allclose(fine[5], expected, atol=1e-5)
    assert 1.0 < raised < 1.02


def test_that_a_region_without_voxels_and_a_step_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no voxel"):
        WarpGrid.make(torch.zeros(4, 4, 4, dtype=torch.bool), 2)
    with pytest.raises(ValueError, match="at least 1"):
        WarpGrid.make(torch.ones(4, 4, 4, dtype=torch.bool), 0)
