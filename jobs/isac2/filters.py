"""The tangent low-pass filter: smooth in frequency, so that filtered averages do not ring."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tangent_lowpass(frequency: Tensor, cutoff: Tensor | float, falloff: float) -> Tensor:
    """Return the transmission of the tangent low-pass filter.

    ``H(f) = 1/2 [tanh(pi (f + fc) / (2 w fc)) - tanh(pi (f - fc) / (2 w fc))]``, one half at the cutoff.

    Parameters
    ----------
    frequency
        Frequencies in 1/px, any shape.
    cutoff
        ``fc`` in 1/px; a tensor broadcasts against the frequencies. A cutoff of 0 lets nothing through.
    falloff
        Relative width ``w`` of the edge; 0 gives a sharp edge.

    Returns
    -------
    torch.Tensor
        Factors between 0 and 1 in the type of the frequencies.
    """
    fc = torch.as_tensor(cutoff, dtype=frequency.dtype, device=frequency.device)
    # A floor keeps the sharp filter and the cutoff of 0 finite: tanh saturates long before.
    width = (2 * falloff * fc).clamp(min=1e-9)
    upper = torch.tanh(math.pi * (frequency + fc) / width)
    lower = torch.tanh(math.pi * (frequency - fc) / width)
    return 0.5 * (upper - lower)


def passband(cutoff: float, falloff: float, nyquist: float = 0.5, least: float = 5e-3) -> float:
    """Return the frequency in 1/px above which the tangent filter transmits less than ``least``."""
    # Far from zero the first term is 1, so that the filter is (1 - tanh(u)) / 2.
    edge = cutoff + 2 * falloff * cutoff / math.pi * math.atanh(1 - 2 * least)
    return min(nyquist, edge)


def lowpass_images(images: Tensor, cutoff: Tensor | float, falloff: float) -> Tensor:
    """Return images filtered by the tangent low-pass filter, without padding.

    Parameters
    ----------
    images
        ``(..., y, x)`` real images.
    cutoff
        In 1/px: one number, or a tensor of the images' leading shape.
    falloff
        Relative width of the edge.

    Returns
    -------
    torch.Tensor
        Filtered images of the same shape.
    """
    height, width = images.shape[-2:]
    ky = torch.fft.fftfreq(height, device=images.device, dtype=images.dtype)
    kx = torch.fft.rfftfreq(width, device=images.device, dtype=images.dtype)
    radius = torch.sqrt(ky[:, None] ** 2 + kx[None, :] ** 2)
    fc = torch.as_tensor(cutoff, dtype=images.dtype, device=images.device)
    transfer = tangent_lowpass(radius, fc[..., None, None], falloff)
    return torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=(height, width))
