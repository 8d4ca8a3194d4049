"""How well projected Gaussians explain particle images: a fused log-likelihood with its gradient.

For images with independent noise of power ``s2(k)`` per (orthonormal) Fourier coefficient the negative
log-likelihood of a projection is ``1/2 sum_k |CTF X - Y|^2 / s2``, up to a constant.  Splat, transform,
filter, residual and their adjoints are done in one autograd function, so that a training step costs two FFTs
per image and keeps one complex half plane per image for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from jobs.maths.fourier import rfft_weights
from jobs.maths.splat import splat_gradient, splat_points


class ProjectionNll(torch.autograd.Function):
    """Negative log-likelihood ``(b,)`` of projected point clouds, see :func:`projection_nll`."""

    @staticmethod
    def forward(
        ctx: Any,
        points_px: Tensor,
        weights: Tensor,
        transfer: Tensor,
        images: Tensor,
        ctf: Tensor,
        precision: Tensor,
    ) -> Tensor:
        """Project, compare, and keep the weighted residual for the way back."""
        box = images.shape[-2]
        spectra = torch.fft.rfft2(splat_points(points_px, weights, box))
        model = spectra[:, 0] * transfer[0] if spectra.shape[1] == 1 else (spectra * transfer).sum(1)
        residual = model * ctf - images
        weighted = residual * precision
        nll = 0.5 * (weighted.real * residual.real + weighted.imag * residual.imag).sum((-1, -2))
        pulled = weighted * ctf
        ctx.to_transfer = None
        if ctx.needs_input_grad[2]:
            ctx.to_transfer = pulled.real[:, None] * spectra.real + pulled.imag[:, None] * spectra.imag
        ctx.save_for_backward(points_px, weights, transfer, pulled)
        return nll

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Transform the weighted residual back and gather it at the points."""
        points_px, weights, transfer, pulled = ctx.saved_tensors
        outer = gradients[0]
        box = pulled.shape[-2]
        # irfft2 counts every column of the half plane as often as it occurs; the precision holds that factor
        # already.
        pulled = pulled * (outer[:, None, None] / rfft_weights(box, pulled.device))
        on_images = torch.fft.irfft2(pulled[:, None] * transfer, s=(box, box), norm="forward")
        to_points, to_weights = splat_gradient(points_px, weights, on_images)
        to_transfer = None
        if ctx.to_transfer is not None:
            to_transfer = (ctx.to_transfer * outer[:, None, None, None]).sum(0)
        return to_points, to_weights.sum(0), to_transfer, None, None, None


def projection_nll(
    points_px: Tensor, weights: Tensor, transfer: Tensor, images: Tensor, ctf: Tensor, precision: Tensor
) -> Tensor:
    """Negative log-likelihood of each image given a projected point cloud.

    Parameters
    ----------
    points_px: torch.Tensor
        ``(b, n, 2)`` projected points in pixels of the working box, relative to the image centre.
    weights: torch.Tensor
        ``(c, n)`` weights of the Gaussians.
    transfer: torch.Tensor
        ``(c, D, D // 2 + 1)`` real transfer of each width, from :func:`jobs.maths.gaussians.transfer`,
        divided by the side of the *full* box, so that the model is orthonormal like the images.
    images: torch.Tensor
        ``(b, D, D // 2 + 1)`` complex transforms of the centred images, phase origin at the image centre.
    ctf: torch.Tensor
        ``(b, D, D // 2 + 1)`` real.
    precision: torch.Tensor
        ``(D, D // 2 + 1)`` multiplicity of the half plane divided by the noise power, zero where nothing is
        compared.

    Returns
    -------
    torch.Tensor
        ``(b,)`` in nats, without the constant of the noise.
    """
    result: Tensor = ProjectionNll.apply(  # type: ignore[no-untyped-call]
        points_px, weights, transfer, images, ctf, precision
    )
    return result


def projected_spectra(points_px: Tensor, weights: Tensor, transfer: Tensor, box: int) -> Tensor:
    """Transforms ``(b, D, D // 2 + 1)`` of projected clouds, without CTF; not differentiable."""
    spectra = torch.fft.rfft2(splat_points(points_px, weights, box))
    return (spectra * transfer).sum(1)
