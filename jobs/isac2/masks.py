"""Where the particle is in an image: a disc, or the strip along a filament."""

from __future__ import annotations

import torch
from torch import Tensor


def disc(box: int, radius: float, device: torch.device | str = "cpu") -> Tensor:
    """Return ``(box, box)`` True within a radius (pixels) of the centre ``box // 2``."""
    axis = torch.arange(box, device=device, dtype=torch.float32) - box // 2
    return axis[:, None] ** 2 + axis**2 <= radius**2


def across_filament(angle_deg: Tensor) -> Tensor:
    """Return the unit vectors ``(n, 2)`` x and y across filaments.

    Parameters
    ----------
    angle_deg
        ``(n,)`` ``segment_angle`` (or ``rlnAnglePsiPrior``): the filament runs along ``(cos, -sin)`` in x
        and y.
    """
    angle = torch.deg2rad(angle_deg.double())
    return torch.stack((angle.sin(), angle.cos()), -1).float()


def strip(box: int, half_width: int, angle_deg: Tensor) -> Tensor:
    """Return ``(n, box, box)`` True within half a width (pixels) of the axes of filaments, infinitely long.

    Parameters
    ----------
    box
        Pixels; the axes pass through ``box // 2``.
    half_width
        Pixels.
    angle_deg
        ``(n,)`` as :func:`across_filament`.
    """
    axis = torch.arange(box, device=angle_deg.device, dtype=torch.float32) - box // 2
    across = across_filament(angle_deg)
    distance = across[:, 0, None, None] * axis + across[:, 1, None, None] * axis[:, None]
    # half a thousandth against rounding: the rows of an upright or lying filament are whole
    return distance.abs() <= half_width + 5e-4
