"""The fused likelihood against the same formula written out and differentiated by torch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from jobs.dynamight.likelihood import projected_spectra, projection_nll
from jobs.dynamight.noise import NoiseModel
from jobs.maths.fourier import rfft_weights
from jobs.maths.gaussians import transfer

BOX, BATCH, POINTS = 16, 3, 10
RELATIVE = {torch.float64: 1e-9, torch.float32: 2e-5}


def _spline(x: Tensor) -> Tensor:
    far = 0.5 * (1.5 - x.abs()).clamp(min=0) ** 2
    return torch.where(x.abs() <= 0.5, 0.75 - x**2, far)


def _plain_nll(
    points: Tensor, weights: Tensor, filters: Tensor, images: Tensor, ctf: Tensor, precision: Tensor
) -> Tensor:
    """Half the weighted squared residual, everything dense and differentiable."""
    axis = torch.arange(BOX, dtype=points.dtype) - BOX // 2
    x, y = _spline(axis - points[..., :1]), _spline(axis - points[..., 1:])
    splatted = torch.einsum("cn,bny,bnx->bcyx", weights, y, x)
    spectra = torch.fft.rfft2(torch.fft.ifftshift(splatted, dim=(-2, -1)))
    residual = ctf * (filters * spectra).sum(1) - images
    return 0.5 * (precision * residual.abs() ** 2).sum((-2, -1))


def _problem(n_classes: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(n_classes)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    points = 2.5 * normal(BATCH, POINTS, 2).clamp(-2, 2)
    weights = 1 + 0.3 * normal(n_classes, POINTS)
    widths = torch.linspace(1.2, 2.4, n_classes, dtype=torch.float64)
    filters = transfer(widths, BOX, 1.0) / BOX
    images = torch.fft.rfft2(normal(BATCH, BOX, BOX), norm="ortho")
    ctf = torch.sin(normal(BATCH, 1, 1) + torch.linspace(0, 5, BOX * (BOX // 2 + 1)).view(BOX, -1).double())
    noise = NoiseModel(BOX, BOX, torch.device("cpu"))
    noise.power = torch.linspace(0.5, 2.0, BOX // 2 + 1)
    real = (points, weights, filters, ctf, noise.precision(BOX))
    points, weights, filters, ctf, precision = (part.to(dtype) for part in real)
    complex_type = torch.complex128 if dtype == torch.float64 else torch.complex64
    return points, weights, filters, images.to(complex_type), ctf, precision


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("n_classes", [1, 3])
def test_that_likelihood_and_gradients_are_those_of_the_formula(n_classes: int, dtype: torch.dtype) -> None:
    points, weights, filters, images, ctf, precision = _problem(n_classes, dtype)
    outer = torch.tensor([1.0, -2.0, 0.5], dtype=dtype)
    results = []
    for nll in (projection_nll, _plain_nll):
        leaves = [part.clone().requires_grad_() for part in (points, weights, filters)]
        values = nll(*leaves, images, ctf, precision)
        gradients = torch.autograd.grad((values * outer).sum(), leaves)
        results.append((values.detach(), *gradients))
    for ours, plain in zip(*results, strict=True):
        assert float((ours - plain).norm() / plain.norm()) < RELATIVE[dtype]


def test_that_a_perfect_model_has_no_misfit_and_no_gradient() -> None:
    points, weights, filters, _, ctf, precision = _problem(2, torch.float64)
    images = ctf * projected_spectra(points, weights, filters, BOX)
    leaf = points.clone().requires_grad_()
    nll = projection_nll(leaf, weights, filters, images, ctf, precision)
    assert float(nll.detach().abs().max()) < 1e-20
    (gradient,) = torch.autograd.grad(nll.sum(), leaf)
    assert float(gradient.abs().max()) < 1e-12


def test_that_the_half_plane_counts_like_the_whole_plane() -> None:
    points, weights, filters, images, ctf, _ = _problem(1, torch.float64)
    flat = rfft_weights(BOX).double().expand(BOX, BOX // 2 + 1)
    nll = projection_nll(points, weights, filters, images, ctf * 0, flat)
    pixels = torch.fft.irfft2(images, s=(BOX, BOX), norm="ortho")
    # Parseval: with a blank model half the sum over all pixels is left.
    assert torch.allclose(nll, 0.5 * (pixels**2).sum((-2, -1)), rtol=1e-12)


def test_that_shifting_cloud_and_image_together_changes_nothing() -> None:
    points, weights, filters, _, _, precision = _problem(1, torch.float64)
    points = 0.6 * points
    images = projected_spectra(points + 0.2, weights, filters, BOX)
    step = torch.tensor([2.0, -1.0], dtype=torch.float64)
    frequency = torch.fft.fftfreq(BOX, dtype=torch.float64)[:, None] * step[1] + (
        torch.fft.rfftfreq(BOX, dtype=torch.float64) * step[0]
    )
    turned = images * torch.exp(-2j * math.pi * frequency)
    blank = torch.ones(BATCH, BOX, BOX // 2 + 1, dtype=torch.float64)
    still = projection_nll(points, weights, filters, images, blank, precision)
    moved = projection_nll(points + step, weights, filters, turned, blank, precision)
    assert torch.allclose(still, moved, rtol=1e-9)
