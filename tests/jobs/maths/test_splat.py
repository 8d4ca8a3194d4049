"""Splats: three implementations with one meaning, their gradient, and what happens at the edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.maths.splat import Backend, Splat, splat_gradient, splat_points, splat_volume, spline_transfer

BATCH, POINTS = 3, 40
#: Largest difference of sums of a few float32 products taken in another order.
FLOAT32 = 2e-6

#: What is compared with the plain torch reference: cupy only where there is a CUDA device.
COMPILED = ["numba", *(["cupy"] if torch.cuda.is_available() else [])]


def _cloud(box: int, n_classes: int = 1, reach: float = 0.55, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points on both sides of the edge of the box (``reach`` boxes from the centre), and weights."""
    generator = torch.Generator().manual_seed(seed)
    points = (2 * torch.rand(BATCH, POINTS, 2, generator=generator) - 1) * reach * box
    return points, torch.randn(n_classes, POINTS, generator=generator)


def _spline(x: float) -> float:
    """Centred quadratic B-spline: parabola in the middle, parabolas down to zero on both sides."""
    if abs(x) <= 0.5:
        return 0.75 - x * x
    return 0.5 * (1.5 - abs(x)) ** 2 if abs(x) < 1.5 else 0.0


def _slow_splat(points: Tensor, weights: Tensor, box: int) -> np.ndarray:
    """Every point on every pixel, centre at index ``box // 2``; patches that leave the box are left out."""
    images = np.zeros((len(points), len(weights), box, box))
    half = box // 2
    for b, cloud in enumerate(points.tolist()):
        for n, (x, y) in enumerate(cloud):
            nearest = [math.floor(x + 0.5), math.floor(y + 0.5)]
            if min(nearest) - 1 < -half or max(nearest) + 1 > box - half - 1:
                continue
            row = np.array([_spline(y - (j - half)) for j in range(box)])
            column = np.array([_spline(x - (i - half)) for i in range(box)])
            for c in range(len(weights)):
                images[b, c] += float(weights[c, n]) * np.outer(row, column)
    return images


def _device(backend: str) -> str:
    return "cuda" if backend == "cupy" else "cpu"


@pytest.mark.parametrize("box", [16, 17])
def test_that_the_reference_adds_a_spline_at_every_point(box: int) -> None:
    points, weights = _cloud(box, 2)
    found = splat_points(points.double(), weights.double(), box, "torch")
    expected = np.fft.ifftshift(_slow_splat(points, weights, box), axes=(-2, -1))
    assert np.abs(found.numpy() - expected).max() < 1e-13


@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("box", [16, 17, 64])
@pytest.mark.parametrize("backend", COMPILED)
def test_that_every_backend_gives_the_reference(backend: Backend, box: int, n_classes: int) -> None:
    points, weights = _cloud(box, n_classes)
    there = _device(backend)
    found = splat_points(points.to(there), weights.to(there), box, backend).cpu()
    assert (found - splat_points(points, weights, box, "torch")).abs().max() < FLOAT32


@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("backend", COMPILED)
def test_that_the_gradient_of_every_backend_is_that_of_the_reference(
    backend: Backend, n_classes: int
) -> None:
    box, there = 24, _device(backend)
    points, weights = _cloud(box, n_classes)
    pull = torch.randn(BATCH, n_classes, box, box, generator=torch.Generator().manual_seed(5))
    found = splat_gradient(points.to(there), weights.to(there), pull.to(there), backend)
    for ours, reference in zip(found, splat_gradient(points, weights, pull, "torch"), strict=True):
        assert (ours.cpu() - reference).abs().max() < 5 * FLOAT32


@pytest.mark.parametrize("backend", ["torch", *COMPILED])
def test_that_gathering_is_the_adjoint_of_splatting(backend: Backend) -> None:
    box, there = 20, _device(backend)
    points, weights = _cloud(box, 2)
    points, weights = points.to(there), weights.to(there)
    pull = torch.randn(BATCH, 2, box, box, generator=torch.Generator().manual_seed(6)).to(there)
    images = splat_points(points, weights, box, backend)
    _, to_weights = splat_gradient(points, weights, pull, backend)
    forward = float((images.double() * pull.double()).sum())
    back = float((weights.double() * to_weights.double()).sum())
    assert forward == pytest.approx(back, rel=1e-5)


def test_that_gradients_are_those_of_finite_differences() -> None:
    box = 8
    # Inside the box and off the knots (half-integers), where the second derivative jumps.
    generator = torch.Generator().manual_seed(1)
    whole = torch.randint(-2, 2, (2, 4, 2), generator=generator).double()
    points = whole + 0.9 * (torch.rand(2, 4, 2, generator=generator).double() - 0.5)
    weights = torch.randn(2, 4, generator=generator, dtype=torch.float64)

    def images(p: Tensor, w: Tensor) -> Tensor:
        result: Tensor = Splat.apply(p, w, box)
        return result

    assert torch.autograd.gradcheck(images, (points.requires_grad_(), weights.requires_grad_()))


@pytest.mark.parametrize("backend", ["torch", *COMPILED])
def test_that_points_whose_patch_leaves_the_box_add_nothing_and_feel_nothing(backend: Backend) -> None:
    box, there = 16, _device(backend)
    # The last pixel is 7, the first -8; a patch reaches one pixel to each side of the nearest one.
    inside = [(6.4, 0.0), (0.0, 6.4), (-7.4, 0.0), (0.0, -7.4)]
    outside = [(6.6, 0.0), (0.0, 6.6), (-7.6, 0.0), (0.0, -7.6), (1e4, 0.0), (-1e4, 1e4)]
    points = torch.tensor([inside + outside], device=there)
    weights = torch.ones(1, points.shape[1], device=there)
    one_by_one = splat_points(points.transpose(0, 1).contiguous(), weights[:, :1], box, backend)
    totals = one_by_one.sum((1, 2, 3)).cpu()
    assert totals[: len(inside)] == pytest.approx([1.0] * len(inside), abs=1e-6)
    assert totals[len(inside) :].tolist() == [0.0] * len(outside)
    pull = torch.randn(1, 1, box, box, generator=torch.Generator().manual_seed(2)).to(there)
    to_points, to_weights = splat_gradient(points, weights, pull, backend)
    assert bool((to_points[:, len(inside) :] == 0).all())
    assert bool((to_weights[:, :, len(inside) :] == 0).all())
    assert bool((to_weights[:, :, : len(inside)] != 0).all())


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_that_images_add_up_to_the_weights_of_the_points_inside(backend: Backend) -> None:
    points, weights = _cloud(32, 3, reach=0.45)
    totals = splat_points(points, weights, 32, backend).sum((-2, -1))
    assert totals == pytest.approx(weights.sum(1).expand(BATCH, -1), abs=2e-5)


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_that_a_step_of_one_pixel_moves_the_image_by_one_pixel(backend: Backend) -> None:
    points, weights = _cloud(32, 1, reach=0.4)
    still = splat_points(points, weights, 32, backend)
    moved = splat_points(points + torch.tensor([1.0, -2.0]), weights, 32, backend)
    assert (moved - still.roll((-2, 1), (-2, -1))).abs().max() < 5 * FLOAT32


def test_that_the_number_of_threads_does_not_change_a_bit() -> None:
    points, weights = _cloud(32, 2)
    pull = torch.randn(BATCH, 2, 32, 32, generator=torch.Generator().manual_seed(3))
    before = torch.get_num_threads()
    results = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            results.append((splat_points(points, weights, 32), *splat_gradient(points, weights, pull)))
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_that_a_volume_summed_along_z_is_the_image_of_the_points() -> None:
    generator = torch.Generator().manual_seed(4)
    points = 4 * torch.randn(30, 3, generator=generator, dtype=torch.float64).clamp(-1.5, 1.5)
    weights = torch.randn(2, 30, generator=generator, dtype=torch.float64)
    volume = splat_volume(points, weights, 24)
    image = splat_points(points[None, :, :2], weights, 24)[0]
    assert (volume.sum(1) - image).abs().max() < 1e-12


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_that_volumes_drop_points_whose_patch_leaves_the_box(axis: int) -> None:
    points = torch.zeros(2, 3)
    points[0, axis], points[1, axis] = 6.6, 6.4
    assert splat_volume(points, torch.tensor([[5.0, 1.0]]), 16).sum() == pytest.approx(1.0)


def test_that_the_transfer_is_the_fourier_integral_of_the_spline() -> None:
    x = torch.linspace(-1.5, 1.5, 30_001, dtype=torch.float64)
    spline = torch.tensor([_spline(v) for v in x.tolist()], dtype=torch.float64)
    for frequency in (0.0, 0.1, 0.3, 0.5):
        integral = torch.trapezoid(spline * torch.cos(2 * torch.pi * frequency * x), x)
        found = spline_transfer(torch.tensor(frequency, dtype=torch.float64))
        assert float(found) == pytest.approx(float(integral), abs=1e-8)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p, w: splat_points(p[0], w, 8), r"points must have the shape \(b, n, 2\), not \(40, 2\)"),
        (lambda p, w: splat_points(p, w[:, :3], 8), r"weights must have the shape \(c, 40\), not \(1, 3\)"),
        (lambda p, w: splat_gradient(p, w[0], w), r"weights must have the shape \(c, 40\), not \(40,\)"),
    ],
    ids=["flat points", "too few weights", "flat weights"],
)
def test_that_shapes_that_do_not_fit_are_named(call: Callable[[Tensor, Tensor], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call(*_cloud(8))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_that_asking_for_cuda_without_it_is_refused() -> None:
    with pytest.raises(ValueError, match="needs cupy and a CUDA device"):
        splat_points(*_cloud(8), 8, "cupy")
