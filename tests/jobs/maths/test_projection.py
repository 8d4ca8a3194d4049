"""Projection and reconstruction against clouds of Gaussians, whose projections are known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch_fourier_slice import project_3d_to_2d

from jobs.maths.backproject import Backprojector
from jobs.maths.coordinates import grid_points, project_points
from jobs.maths.ctf import constant_ctf, ctf_rfft
from jobs.maths.fourier import image_to_rfft, rfft_weights, shift_phases
from jobs.maths.fsc import fsc
from jobs.maths.project import Projector, backproject_images, project_volume
from jobs.maths.rotations import projection_matrices, random_rotations
from jobs.maths.slices import SlicePlane, fold_hermitian, locate_slices

BOX, SIGMA = 32, 1.5


def _cloud(box: int = BOX, seed: int = 0) -> torch.Tensor:
    """Forty points, in voxels from the centre, without any symmetry."""
    return torch.randn(40, 3, generator=torch.Generator().manual_seed(seed)) * torch.tensor(
        [3.0, 2.0, 1.5]
    ) * (box / 32) + torch.tensor([1.0, -0.7, 0.4])


def _volume(points: torch.Tensor, box: int = BOX) -> torch.Tensor:
    grid = grid_points(box, 1.0)
    square = ((grid[..., None, :] - points) ** 2).sum(-1)
    return torch.exp(-0.5 * square / SIGMA**2).sum(-1)


def _images(
    points: torch.Tensor, rotations: torch.Tensor, shifts: torch.Tensor, box: int = BOX
) -> torch.Tensor:
    """Line integrals of the same Gaussians."""
    xy = project_points(points, rotations, shifts, box, 1.0)
    axis = torch.arange(float(box))
    x = torch.exp(-0.5 * ((axis - xy[..., :1]) / SIGMA) ** 2)
    y = torch.exp(-0.5 * ((axis - xy[..., 1:]) / SIGMA) ** 2)
    return torch.einsum("bny,bnx->byx", y, x) * SIGMA * (2 * torch.pi) ** 0.5


def _rotations(n: int, seed: int = 1) -> torch.Tensor:
    return random_rotations(n, torch.Generator().manual_seed(seed))


def _relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("box", [32, 33])
def test_that_projections_of_a_volume_are_those_of_its_gaussians(box):
    points, rotations = _cloud(box), _rotations(10)
    expected = _images(points, rotations, torch.zeros(10, 2), box)
    assert _relative(project_volume(_volume(points, box), rotations, padding=2), expected) < 0.015
    assert _relative(project_volume(_volume(points, box), rotations, padding=4), expected) < 0.004


def test_that_projection_agrees_with_torch_fourier_slice():
    volume, rotations = _volume(_cloud()), _rotations(5)
    theirs = project_3d_to_2d(volume, rotations.transpose(-1, -2), zyx_matrices=False, pad_factor=2.0)
    assert _relative(project_volume(volume, rotations, padding=2), theirs) < 0.02


def test_that_magnification_stretches_the_projection_as_it_moves_the_points():
    mag = torch.tensor([[1.03, 0.02], [-0.01, 0.96]]).expand(6, 2, 2)
    points = _cloud()
    matrices = projection_matrices(_rotations(6), mag)
    image = Projector(_volume(points), padding=3).images(matrices)
    # The object itself is stretched, so compare centres of mass and second moments of the cloud.
    axis = torch.arange(float(BOX)) - BOX // 2
    weight = image / image.sum((-2, -1), keepdim=True)
    xy = torch.einsum("bij,nj->bni", matrices, points).mean(1)
    torch.testing.assert_close((weight.sum(1) * axis).sum(-1), xy[:, 0], atol=0.02, rtol=0)
    torch.testing.assert_close((weight.sum(2) * axis).sum(-1), xy[:, 1], atol=0.02, rtol=0)


@pytest.mark.parametrize("box", [16, 17])
@pytest.mark.parametrize("padding", [1, 2])
def test_that_backprojection_is_the_adjoint_of_projection(box, padding):
    g = torch.Generator().manual_seed(0)
    volume, images = torch.randn(box, box, box, generator=g), torch.randn(7, box, box, generator=g)
    rotations = _rotations(7)
    forward = (project_volume(volume, rotations, padding) * images).sum()
    backward = (volume * backproject_images(images, rotations, padding)).sum()
    torch.testing.assert_close(forward, backward, rtol=1e-5, atol=1e-3)


def test_that_ctf_and_shift_and_insertion_are_adjoint_to_slice_shift_and_ctf():
    # <CTF S P v, y> = <v, Pt St CTF y>, with the sums of a reconstruction as the right-hand side.
    box, n = 16, 5
    g = torch.Generator().manual_seed(0)
    rotations, shifts = _rotations(n), torch.randn(n, 2, generator=g)
    ctf = ctf_rfft(constant_ctf(torch.linspace(8e3, 2e4, n)), box, 3.0)
    y = image_to_rfft(torch.randn(n, box, box, generator=g))
    plane = SlicePlane.make(box, box // 2 - 1)
    corners = locate_slices(plane, rotations)
    half = torch.fft.rfftn(torch.randn(box, box, box, generator=g), norm="ortho")
    flat, values = half.reshape(-1), torch.zeros(n, len(plane.index), dtype=torch.complex64)
    for i in range(8):
        index, weight = corners.corner(i, box)
        values = values + weight * flat[index]
    values = torch.where(corners.flipped, values.conj(), values)
    x = torch.zeros(n, box * (box // 2 + 1), dtype=torch.complex64).index_copy(1, plane.index, values)
    x = x.reshape(n, box, -1) * shift_phases(box, shifts) * ctf
    forward = ((x * y.conj()).real * rfft_weights(box)).sum()
    reconstruction = Backprojector(box)
    reconstruction.add(y, ctf, rotations, shifts)
    data, _ = reconstruction.folded()
    backward = ((half * data.conj()).real * rfft_weights(box)).sum()
    torch.testing.assert_close(forward, backward, rtol=1e-5, atol=1e-4)


def test_that_inserting_half_planes_equals_inserting_full_planes_into_a_full_volume():
    # The slow, obvious way: every sample of the full plane into a full volume, one by one.
    box = 8
    rotation = _rotations(1)
    image = torch.randn(1, box, box, generator=torch.Generator().manual_seed(0))
    reconstruction = Backprojector(box)
    reconstruction.add(image_to_rfft(image), None, rotation)
    data, weight = reconstruction.folded()
    full = torch.fft.fft2(torch.fft.ifftshift(image, dim=(-2, -1)), norm="ortho")[0]
    slow = torch.zeros(box, box, box, dtype=torch.complex64)
    counts = torch.zeros(box, box, box)
    for y in range(-3, 4):
        for x in range(-3, 4):
            if x * x + y * y > 9:
                continue
            position = rotation[0, :2].T @ torch.tensor([float(x), float(y)])
            base = torch.floor(position)
            for corner in range(8):
                step = torch.tensor([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
                share = torch.where(step == 1, position - base, 1 - (position - base)).prod()
                i, j, k = (int(v) % box for v in (base + step))
                slow[k, j, i] += share * full[y, x]
                counts[k, j, i] += share
    torch.testing.assert_close(data, slow[..., : box // 2 + 1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weight, counts[..., : box // 2 + 1], atol=1e-5, rtol=1e-5)


def test_that_folding_keeps_the_transform_of_a_real_volume_up_to_the_doubled_plane():
    half = torch.fft.rfftn(torch.randn(8, 8, 8, generator=torch.Generator().manual_seed(0)))
    folded = fold_hermitian(half)
    torch.testing.assert_close(folded[..., 0], 2 * half[..., 0])
    assert torch.equal(folded[..., 1:], half[..., 1:])


@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("box", [32, 33])
def test_that_a_reconstruction_from_shifted_images_with_ctf_is_the_molecule(padding, box):
    n = 1500
    points, rotations = _cloud(box), _rotations(n)
    shifts = torch.empty(n, 2).uniform_(-3, 3, generator=torch.Generator().manual_seed(4))
    ctf = ctf_rfft(constant_ctf(torch.linspace(8e3, 2.5e4, n), torch.linspace(7e3, 2.4e4, n), 30.0), box, 3.0)
    transforms = image_to_rfft(_images(points, rotations, shifts, box)) * ctf
    reconstruction = Backprojector(box, padding=padding)
    for start in range(0, n, 500):
        part = slice(start, start + 500)
        reconstruction.add(transforms[part], ctf[part], rotations[part], shifts[part])
    curve = fsc(reconstruction.reconstruct(1e-3), _volume(points, box))
    # Beyond shell 9 the cloud has less than a thousandth of its amplitude, below the interpolation's error.
    assert curve[:10].min() > 0.99


def test_that_the_scale_of_a_reconstruction_is_that_of_the_molecule():
    points, rotations = _cloud(), _rotations(1500)
    reconstruction = Backprojector(BOX, padding=2)
    reconstruction.add(image_to_rfft(_images(points, rotations, torch.zeros(1500, 2))), None, rotations)
    assert _relative(reconstruction.reconstruct(1e-6), _volume(points)) < 0.03


def test_that_merged_halves_equal_one_reconstruction_of_all_images():
    images = image_to_rfft(torch.randn(8, 16, 16, generator=torch.Generator().manual_seed(0)))
    rotations = _rotations(8)
    every, first, second = Backprojector(16), Backprojector(16), Backprojector(16)
    every.add(images, None, rotations)
    first.add(images[:4], None, rotations[:4])
    second.add(images[4:], None, rotations[4:])
    torch.testing.assert_close(first.merge(second).reconstruct(), every.reconstruct(), atol=1e-6, rtol=1e-4)
    with pytest.raises(ValueError, match="same box"):
        first.merge(Backprojector(18))


def test_that_weights_count_images_and_samples():
    images = image_to_rfft(torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(0)))
    rotations = _rotations(2)
    twice, weighted, sampled = Backprojector(16), Backprojector(16), Backprojector(16)
    for _ in range(2):
        twice.add(images[:1], None, rotations[:1])
    twice.add(images[1:], None, rotations[1:])
    weighted.add(images, None, rotations, weights=torch.tensor([2.0, 1.0]))
    sampled.add(images, None, rotations, weights=torch.tensor([2.0, 1.0])[:, None, None].expand(-1, 16, 9))
    torch.testing.assert_close(weighted.sums, twice.sums)
    torch.testing.assert_close(sampled.sums, twice.sums)


def test_that_the_recipes_regularisation_adds_a_tenth_of_the_shells_mean_weight():
    images = image_to_rfft(torch.randn(400, 16, 16, generator=torch.Generator().manual_seed(0)))
    reconstruction = Backprojector(16)
    reconstruction.add(images, None, _rotations(400))
    data, weight = reconstruction.folded()
    radius = torch.sqrt(sum(a**2 for a in torch.meshgrid(
        torch.fft.fftfreq(16, 1 / 16), torch.fft.fftfreq(16, 1 / 16), torch.arange(9.0), indexing="ij"
    )))  # fmt: skip
    shell = radius.round()
    # A lone sample in shell 3, away from the doubly counted plane x = 0.
    place = (2, 1, 2)
    twice = torch.where(torch.arange(9) % 8 == 0, 1.0, 2.0).expand_as(weight)
    mean = (weight * twice)[shell == 3].sum() / twice[shell == 3].sum()
    expected = data[place] / (weight[place] + 0.1 * mean) * 16 / 16**1.5
    volume = reconstruction.reconstruct(0.1, gridding=False)
    found = torch.fft.rfftn(torch.fft.ifftshift(volume), norm="ortho")
    torch.testing.assert_close(found[place], expected, rtol=1e-4, atol=1e-6)
    assert found[radius > 7.1].abs().max() < 1e-5
