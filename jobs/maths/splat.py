"""Splat point clouds onto images with a quadratic B-spline, and the gradient of doing so.

A point of weight ``w`` at ``(x, y)`` adds ``w * B(x - ix) * B(y - iy)`` to its 3 x 3 nearest pixels, where
``B`` is the centred quadratic B-spline (Unser, IEEE Signal Processing Magazine 16(6), 1999, eq. 3).  The
weights of one point sum to one, so the Fourier transform of the image is that of the points times
``sinc(kx)^3 sinc(ky)^3``; :func:`jobs.maths.gaussians.transfer` divides this out again.

Points are in pixels relative to the image centre.  Images have their *centre at index 0* (periodic order, as
an FFT wants it); points whose 3 x 3 patch leaves the box are dropped.

Three implementations with one meaning: ``numba`` on the CPU, ``cupy`` on CUDA, and plain torch, which is the
reference for both and the fallback where one of them is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from jobs.maths import splat_cuda, splat_numba

Backend = Literal["auto", "torch", "numba", "cupy"]


def splat_points(points_px: Tensor, weights: Tensor, box: int, backend: Backend = "auto") -> Tensor:
    """Add weighted points to images.

    Parameters
    ----------
    points_px: torch.Tensor
        ``(b, n, 2)`` float32 points ``(x, y)`` in pixels relative to the image centre.
    weights: torch.Tensor
        ``(c, n)`` float32 weight of every point in each of ``c`` classes.
    box: int
        Side ``D`` of the images.
    backend: str
        ``auto`` takes the fastest one there is for the device of the points.

    Returns
    -------
    torch.Tensor
        ``(b, c, D, D)`` images ``[y, x]``, centre at index 0.

    Raises
    ------
    ValueError
        If shapes do not fit together, or if the backend is missing.
    """
    _check(points_px, weights)
    points_px, weights = points_px.detach().contiguous(), weights.detach().contiguous()
    images = points_px.new_zeros(points_px.shape[0], weights.shape[0], box, box)
    _choose(points_px, backend, "splat")(points_px, weights, images)
    return images


def splat_gradient(
    points_px: Tensor, weights: Tensor, image_gradient: Tensor, backend: Backend = "auto"
) -> tuple[Tensor, Tensor]:
    """Adjoint of :func:`splat_points`: gradients of a loss with respect to points and weights.

    Parameters
    ----------
    points_px, weights: torch.Tensor
        As in :func:`splat_points`.
    image_gradient: torch.Tensor
        ``(b, c, D, D)`` gradient of the loss with respect to the images.

    Returns
    -------
    tuple of torch.Tensor
        ``(b, n, 2)`` per pixel of displacement, and ``(b, c, n)`` per unit of weight.
    """
    _check(points_px, weights)
    points_px, weights = points_px.detach().contiguous(), weights.detach().contiguous()
    batch, n_points, _ = points_px.shape
    to_points = torch.empty_like(points_px)
    to_weights = points_px.new_empty(batch, weights.shape[0], n_points)
    gradient = image_gradient.detach().contiguous()
    _choose(points_px, backend, "gradient")(points_px, weights, gradient, to_points, to_weights)
    return to_points, to_weights


class Splat(torch.autograd.Function):
    """Differentiable :func:`splat_points` of points ``(b, n, 2)`` and weights ``(c, n)``."""

    @staticmethod
    def forward(ctx: Any, points_px: Tensor, weights: Tensor, box: int) -> Tensor:
        """Splat and remember the points."""
        ctx.save_for_backward(points_px, weights)
        return splat_points(points_px, weights, box)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gather the gradient at the points; that of the weights is summed over the batch."""
        points_px, weights = ctx.saved_tensors
        to_points, to_weights = splat_gradient(points_px, weights, gradients[0])
        return to_points, to_weights.sum(0), None


def spline_transfer(frequency_px: Tensor) -> Tensor:
    """Fourier transform of the one-dimensional spline at frequencies in cycles per pixel: ``sinc^3``."""
    return torch.sinc(frequency_px) ** 3


def splat_volume(points_px: Tensor, weights: Tensor, box: int) -> Tensor:
    """Add weighted points to a volume with the same spline in three dimensions (torch, differentiable).

    Parameters
    ----------
    points_px: torch.Tensor
        ``(n, 3)`` points ``(x, y, z)`` in voxels relative to the centre.
    weights: torch.Tensor
        ``(c, n)`` weights.

    Returns
    -------
    torch.Tensor
        ``(c, D, D, D)`` volumes ``[z, y, x]``, centre at index 0.
    """
    nearest, inside, splines = _taps(points_px, box)
    volume = weights.new_zeros(weights.shape[0], box**3)
    weights = weights * inside
    for k in range(3):
        for j in range(3):
            for i in range(3):
                index = nearest + nearest.new_tensor([i - 1, j - 1, k - 1])
                index = torch.where(inside[:, None], index, 0) % box
                flat = (index[:, 2] * box + index[:, 1]) * box + index[:, 0]
                value = splines[i][:, 0] * splines[j][:, 1] * splines[k][:, 2]
                volume = volume.index_add(1, flat, weights * value)
    return volume.reshape(-1, box, box, box)


def _check(points_px: Tensor, weights: Tensor) -> None:
    if points_px.ndim != 3 or points_px.shape[-1] != 2:
        raise ValueError(f"points must have the shape (b, n, 2), not {tuple(points_px.shape)}")
    if weights.ndim != 2 or weights.shape[1] != points_px.shape[1]:
        raise ValueError(f"weights must have the shape (c, {points_px.shape[1]}), not {tuple(weights.shape)}")


def _choose(points_px: Tensor, backend: Backend, what: str) -> Callable[..., None]:
    """Return the function of the wanted backend, or the fastest one for this device."""
    if backend == "auto":
        if points_px.is_cuda:
            backend = "cupy" if splat_cuda.available() else "torch"
        else:
            backend = "numba" if points_px.dtype == torch.float32 else "torch"
    table: dict[tuple[str, str], Callable[..., None]] = {
        ("torch", "splat"): _splat_torch,
        ("torch", "gradient"): _gradient_torch,
        ("numba", "splat"): splat_numba.splat,
        ("numba", "gradient"): splat_numba.gradient,
        ("cupy", "splat"): splat_cuda.splat,
        ("cupy", "gradient"): splat_cuda.gradient,
    }
    if backend == "cupy" and not splat_cuda.available():
        raise ValueError("the cupy backend needs cupy and a CUDA device")
    return table[backend, what]


def _taps(points_px: Tensor, box: int) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Nearest pixel (int64), whether the patch lies inside, and the spline's values at -1, 0, +1."""
    nearest = torch.floor(points_px.detach() + 0.5)
    offset = points_px - nearest
    low, high = nearest.amin(-1) - 1, nearest.amax(-1) + 1
    inside = (low >= -(box // 2)) & (high < box - box // 2)
    splines = [0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2]
    return nearest.long(), inside, splines


def _slopes(offset: Tensor) -> list[Tensor]:
    return [offset - 0.5, -2 * offset, offset + 0.5]


def _splat_torch(points_px: Tensor, weights: Tensor, images: Tensor) -> None:
    batch, n_classes, box, _ = images.shape
    nearest, inside, splines = _taps(points_px, box)
    flat_images = images.view(batch, n_classes, -1)
    for j in range(3):
        for i in range(3):
            x, y = (nearest[..., 0] + i - 1) % box, (nearest[..., 1] + j - 1) % box
            value = splines[i][..., 0] * splines[j][..., 1] * inside
            index = (y * box + x)[:, None].expand(-1, n_classes, -1)
            flat_images.scatter_add_(2, index, value[:, None] * weights[None])


def _gradient_torch(
    points_px: Tensor, weights: Tensor, gradient: Tensor, to_points: Tensor, to_weights: Tensor
) -> None:
    batch, n_classes, box, _ = gradient.shape
    nearest, inside, splines = _taps(points_px, box)
    slopes = _slopes(points_px - nearest)
    flat = gradient.view(batch, n_classes, -1)
    to_points.zero_()
    to_weights.zero_()
    for j in range(3):
        for i in range(3):
            x, y = (nearest[..., 0] + i - 1) % box, (nearest[..., 1] + j - 1) % box
            index = (y * box + x)[:, None].expand(-1, n_classes, -1)
            value = flat.gather(2, index) * inside[:, None]
            to_weights += value * (splines[i][..., 0] * splines[j][..., 1])[:, None]
            value = (value * weights[None]).sum(1)
            to_points[..., 0] += value * slopes[i][..., 0] * splines[j][..., 1]
            to_points[..., 1] += value * splines[i][..., 0] * slopes[j][..., 1]
