"""Whitening of phase plate images: the mean amplitude of every frequency becomes one."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.isac2.resample import Sampling, frequency_plane
from jobs.maths.fourier import image_to_rfft, shell_average


def rotational_amplitudes(images: Tensor) -> Tensor:
    """Return the sum over images of the square root of their rotationally averaged power spectra.

    Parameters
    ----------
    images
        ``(b, box, box)``, background subtracted.

    Returns
    -------
    Tensor
        ``(box // 2 + 1,)`` double precision.
    """
    box = images.shape[-1]
    power = image_to_rfft(images).abs().square()
    return shell_average(power, box).sqrt().double().sum(0)


def whitening_curve(amplitudes: Tensor, count: int) -> Tensor:
    """Return the factor of every shell: the inverse of the mean amplitude, 1 at zero frequency.

    Parameters
    ----------
    amplitudes
        ``(s,)`` sums over all images from :func:`rotational_amplitudes`.
    count
        Number of images.
    """
    curve = count / amplitudes.clamp(min=torch.finfo(torch.float64).tiny)
    curve = torch.where(amplitudes > 0, curve, 1.0)
    curve[0] = 1.0
    return curve


def whitening_plane(curve: Tensor, size: Sampling, device: torch.device) -> Tensor:
    """Interpolate the curve linearly on the frequencies of working images.

    Parameters
    ----------
    curve
        ``(box // 2 + 1,)`` from :func:`whitening_curve`.
    size
        From :func:`jobs.isac2.resample.sampling`.
    device
        Where the plane goes.

    Returns
    -------
    Tensor
        ``(cut, cut // 2 + 1)`` float32; the last shell goes on beyond the Nyquist frequency of the input.
    """
    curve = curve.to(device)
    shell = (frequency_plane(size, device).double() * size.box).clamp(max=len(curve) - 1)
    low = shell.floor().long().clamp(max=max(0, len(curve) - 2))
    part = shell - low
    return (curve[low] * (1 - part) + curve[(low + 1).clamp(max=len(curve) - 1)] * part).float()
