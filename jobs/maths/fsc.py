"""Fourier shell correlation, its area under the curve, and the resolution where it crosses a threshold."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.maths.fourier import rfft_weights, shell_index, volume_to_rfft


def fsc(first: Tensor, second: Tensor, mask: Tensor | None = None) -> Tensor:
    """Correlate two volumes shell by shell.

    Parameters
    ----------
    first, second: torch.Tensor
        ``(..., D, D, D)`` volumes of the same box; leading dimensions broadcast.
    mask: torch.Tensor or None
        ``(D, D, D)`` mask to multiply both volumes with.

    Returns
    -------
    torch.Tensor
        ``(..., D // 2 + 1)`` real correlation of shells 0 ... ``D // 2``; 0 where a shell of either volume is
        empty.

    Raises
    ------
    ValueError
        If the boxes differ.
    """
    if first.shape[-3:] != second.shape[-3:]:
        raise ValueError(
            f"volumes have different boxes: {tuple(first.shape[-3:])} and {tuple(second.shape[-3:])}"
        )
    box = first.shape[-1]
    if mask is not None:
        first, second = first * mask, second * mask
    a, b = volume_to_rfft(first), volume_to_rfft(second)
    cross = _shell_sum((a * b.conj()).real, box)
    # Roots before the product: the powers of unscaled maps would overflow single precision together.
    size = _shell_sum(a.abs() ** 2, box).sqrt() * _shell_sum(b.abs() ** 2, box).sqrt()
    return torch.where(size > 0, cross / size.clamp(min=torch.finfo(size.dtype).tiny), 0.0)


def fsc_auc(curve: Tensor, box: int | None = None) -> Tensor:
    """Area under a correlation curve over frequency in cycles per voxel, as CryoBench counts it.

    Parameters
    ----------
    curve: torch.Tensor
        ``(..., D // 2 + 1)`` correlation of shells 0 ... ``D // 2``.
    box: int or None
        ``D``; only needed when it is odd.

    Returns
    -------
    torch.Tensor
        ``(...)`` trapezoidal area over the shells below the Nyquist frequency, at frequency ``s / D``; two
        identical volumes give just under 0.5 (0.484 for box 64).
    """
    side = 2 * (curve.shape[-1] - 1) if box is None else box
    return torch.trapezoid(curve[..., : (side + 1) // 2], dx=1 / side, dim=-1)


def resolution_at(
    curve: Tensor, voxel_size_a: float, threshold: float = 0.143, box: int | None = None
) -> float:
    """Resolution in Å where a curve first falls below the threshold, interpolated linearly between shells.

    Parameters
    ----------
    curve: torch.Tensor
        ``(D // 2 + 1,)`` correlation of shells 0 ... ``D // 2``.
    voxel_size_a: float
        Voxel size in Å.
    threshold: float
        Correlation level.
    box: int or None
        ``D``; only needed when it is odd.

    Returns
    -------
    float
        Resolution in Å; twice the voxel size when the curve stays above the threshold, infinity when shell 1
        is already below it.
    """
    values = curve.double().cpu()
    side = 2 * (len(values) - 1) if box is None else box
    below = torch.nonzero(values[1:] < threshold)
    if len(below) == 0:
        return 2 * voxel_size_a
    shell = int(below[0]) + 1
    if shell == 1:
        return float("inf")
    above, under = float(values[shell - 1]), float(values[shell])
    return side * voxel_size_a / (shell - 1 + (above - threshold) / (above - under))


def _shell_sum(values: Tensor, box: int) -> Tensor:
    """Sum real values of a half volume over its shells, ``(..., D // 2 + 1)``, corners left out."""
    index = shell_index(box, values.device, 3).reshape(-1)
    weighted = (values * rfft_weights(box, values.device).to(values.dtype)).flatten(-3)
    total = weighted.new_zeros(*weighted.shape[:-1], box // 2 + 2).index_add_(-1, index, weighted)
    return total[..., : box // 2 + 1]
