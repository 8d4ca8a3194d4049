"""Moving images in their plane, summing them by class, and the tangent filter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from jobs.isac2.averages import half_averages, segment_averages, segment_sums, transform_images
from jobs.isac2.filters import lowpass_images, passband, tangent_lowpass
from jobs.maths.transforms2d import Planar


def _gen(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _planar(count: int, seed: int = 0) -> Planar:
    g = _gen(seed)
    return Planar(
        360 * torch.rand(count, generator=g),
        2 * torch.randn(count, 2, generator=g),
        torch.rand(count, generator=g) < 0.5,
    )


def _slow(image: np.ndarray, alpha: float, sx: float, sy: float, mirror: bool) -> np.ndarray:
    """Bilinear interpolation pixel by pixel, the transformation undone step by step."""
    box = len(image)
    c, a = box // 2, math.radians(alpha)
    out = np.zeros_like(image)
    for row in range(box):
        for column in range(box):
            x, y = column - c, row - c
            if mirror:
                x = -x
            x, y = x - sx, y - sy
            u, v = math.cos(a) * x - math.sin(a) * y + c, math.sin(a) * x + math.cos(a) * y + c
            j, i = math.floor(u), math.floor(v)
            for di in (0, 1):
                for dj in (0, 1):
                    if 0 <= i + di < box and 0 <= j + dj < box:
                        weight = (1 - abs(v - i - di)) * (1 - abs(u - j - dj))
                        out[row, column] += weight * image[i + di, j + dj]
    return out


@pytest.mark.parametrize("box", [12, 13])
def test_that_images_move_as_a_slow_reference_moves_them(box: int) -> None:
    images = torch.randn(4, box, box, generator=_gen(1))
    planar = Planar(
        torch.tensor([0.0, 33.0, -120.0, 250.5]),
        torch.tensor([[0.0, 0.0], [1.25, -0.5], [0.3, 2.0], [-2.0, 1.0]]),
        torch.tensor([True, False, True, True]),
    )
    moved = transform_images(images, planar, "bilinear")
    for k, (alpha, sx, sy, mirror) in enumerate(planar.to_table().tolist()):
        expected = _slow(images[k].double().numpy(), alpha, sx, sy, bool(mirror))
        np.testing.assert_allclose(moved[k].numpy(), expected, atol=2e-5)


def test_that_a_smooth_image_survives_moving_there_and_back() -> None:
    axis = torch.arange(48) - 24.0
    window = torch.exp(-(axis[:, None] ** 2 + axis**2) / 70)
    image = lowpass_images(torch.randn(6, 48, 48, generator=_gen(2)), 0.1, 0.2) * window
    planar = _planar(6)
    back = transform_images(transform_images(image, planar), planar.inverse())
    match = torch.nn.functional.cosine_similarity(back.flatten(1), image.flatten(1))
    assert match.min() > 0.999


def test_that_class_sums_are_sums_over_members() -> None:
    # More images than one block, some of them left out, one class empty, images in another order.
    images = torch.randn(700, 8, 8, generator=_gen(3))
    planar, labels = _planar(650), torch.randint(-1, 4, (650,), generator=_gen(4))
    labels[labels == 2] = 1
    index = torch.randperm(700, generator=_gen(5))[:650]
    sums, counts = segment_sums(images.numpy(), planar, labels, 4, index=index)
    moved = transform_images(images[index], planar).double()
    for k in range(4):
        assert counts[k] == (labels == k).sum()
        torch.testing.assert_close(sums[k].double(), moved[labels == k].sum(0), atol=2e-4, rtol=1e-4)
    averages, _ = segment_averages(images, planar, labels, 4, index=index)
    torch.testing.assert_close(averages[1], sums[1] / counts[1])
    assert (averages[2] == 0).all()


def test_that_half_averages_hold_every_other_member() -> None:
    images = torch.randn(9, 6, 6, generator=_gen(6))
    labels = torch.tensor([0, 1, 0, 0, -1, 1, 1, 0, 0])
    halves, counts = half_averages(images, Planar.identity(9), labels, 2)
    assert counts.tolist() == [[3, 2], [2, 1]]
    torch.testing.assert_close(halves[0, 0], images[[0, 3, 8]].mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(halves[1, 1], images[5], atol=1e-5, rtol=1e-5)


def test_that_no_images_give_empty_averages() -> None:
    averages, counts = segment_averages(torch.zeros(3, 6, 6), Planar.identity(3), torch.full((3,), -1), 2)
    assert averages.shape == (2, 6, 6) and counts.tolist() == [0, 0]


def test_that_the_filter_follows_its_formula_and_halves_at_the_cutoff() -> None:
    f = torch.linspace(0, 0.5, 26, dtype=torch.float64)
    fc, w = 0.2, 0.25
    expected = [
        0.5 * (math.tanh(math.pi * (x + fc) / (2 * w * fc)) - math.tanh(math.pi * (x - fc) / (2 * w * fc)))
        for x in f.tolist()
    ]
    np.testing.assert_allclose(tangent_lowpass(f, fc, w).numpy(), expected, atol=1e-12)
    assert tangent_lowpass(torch.tensor([fc]), fc, w).item() == pytest.approx(0.5)
    assert tangent_lowpass(torch.tensor([0.0]), 0.0, 0.2).item() == 0
    assert tangent_lowpass(torch.tensor([0.19, 0.21]), 0.2, 0.0).tolist() == [1, 0]
    edge = passband(fc, w)
    assert tangent_lowpass(torch.tensor(edge), fc, w).item() == pytest.approx(5e-3, rel=1e-3)


def test_that_waves_pass_the_filter_by_their_frequency() -> None:
    x = torch.arange(40.0)
    slow, fast = torch.cos(2 * math.pi * 0.1 * x), torch.cos(2 * math.pi * 0.35 * x)
    waves = torch.stack([slow.expand(40, 40), fast.expand(40, 40)])
    out = lowpass_images(waves, torch.tensor([0.2, 0.2]), 0.2)
    assert out[0].std() == pytest.approx(waves[0].std().item(), rel=0.01)
    assert out[1].std() < 0.01
