"""Fourier ring correlation of images."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.maths.fourier import rfft_weights, shell_index


def frc(first: Tensor, second: Tensor, mask: Tensor | None = None) -> Tensor:
    """Correlate two images ring by ring.

    Parameters
    ----------
    first, second: torch.Tensor
        ``(..., D, D)`` images of the same box; leading dimensions broadcast.
    mask: torch.Tensor or None
        ``(D, D)`` mask to multiply both images with.

    Returns
    -------
    torch.Tensor
        ``(..., D // 2 + 1)`` real correlation of rings 0 ... ``D // 2``; 0 where a ring of either image is
        empty. Ring 0, the mean, says nothing.

    Raises
    ------
    ValueError
        If the boxes differ.
    """
    if first.shape[-2:] != second.shape[-2:]:
        raise ValueError(f"images of {tuple(first.shape[-2:])} and {tuple(second.shape[-2:])} differ in box")
    if mask is not None:
        first, second = first * mask, second * mask
    box = first.shape[-1]
    a, b = torch.fft.rfft2(first), torch.fft.rfft2(second)
    cross = _ring_sum((a * b.conj()).real, box)
    power = _ring_sum(a.abs().square(), box) * _ring_sum(b.abs().square(), box)
    return torch.where(power > 0, cross / power.clamp(min=1e-37).sqrt(), torch.zeros_like(cross))


def _ring_sum(values: Tensor, box: int) -> Tensor:
    """Sum real values of a half plane over its rings, ``(..., D // 2 + 1)``, corners left out."""
    index = shell_index(box, values.device, 2).reshape(-1)
    weighted = (values * rfft_weights(box, values.device).to(values.dtype)).flatten(-2)
    total = weighted.new_zeros(*weighted.shape[:-1], box // 2 + 2).index_add_(-1, index, weighted)
    return total[..., : box // 2 + 1]
