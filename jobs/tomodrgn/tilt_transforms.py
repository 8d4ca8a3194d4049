"""Transforms of tilt images with the factors of the physics: CTF, loss of signal by dose and tilt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.ctf import CtfParameters, ctf_rfft
from jobs.maths.dose import dose_filter
from jobs.maths.fourier import image_to_rfft, radius_rfft

#: Smallest factor that the filter of an image is divided by; below it there is no signal to be had.
_LEAST = 1e-3


@dataclass(frozen=True)
class Portion:
    """Some images as samples of half planes.

    Attributes
    ----------
    rows
        ``(b,)`` which images of the set.
    transforms
        ``(b, D, D // 2 + 1)`` complex, orthonormal, with the noise made white again: what was multiplied into
        the images after they were taken is divided out of signal and noise alike.
    transfer
        ``(b, D, D // 2 + 1)`` what the slice was multiplied with: CTF, dose and tilt.
    rotations, shifts_px
        ``(b, 3, 3)`` and ``(b, 2)``, for :class:`jobs.maths.backproject.Backprojector`.
    """

    rows: np.ndarray
    transforms: Tensor
    transfer: Tensor
    rotations: Tensor
    shifts_px: Tensor


def ctf_of(particles: TiltParticles, rows: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """CTF ``(b, D, D // 2 + 1)`` of images; 1 where it is not known."""

    def column(name: str) -> Tensor:
        return torch.from_numpy(getattr(particles, name)[rows].astype(np.float64)).to(device)

    zero = torch.zeros(len(rows), dtype=torch.float64, device=device)
    parameters = CtfParameters(
        defocus_u_a=column("defocus_u_a"),
        defocus_v_a=column("defocus_v_a"),
        defocus_angle_deg=column("defocus_angle_deg"),
        voltage_kv=column("voltage_kv"),
        spherical_aberration_mm=column("spherical_aberration_mm"),
        amplitude_contrast=column("amplitude_contrast"),
        phase_shift_deg=column("phase_shift_deg"),
        bfactor_a2=zero,
        scale=torch.ones_like(zero),
        known=torch.from_numpy(particles.ctf_known[rows].copy()).to(device),
    )
    return ctf_rfft(parameters, particles.box, particles.pixel_size_a)


def tilt_transforms(
    particles: TiltParticles,
    images: ImageStacks,
    rows: np.ndarray,
    *,
    dose: bool = False,
    tilt: bool = False,
    batch: int = 512,
    device: torch.device | str = "cpu",
) -> Iterator[Portion]:
    """Read images in portions and give each with its transfer function.

    A raw image is ``CTF q(dose) cos(tilt) slice + white noise``; premultiplication by the CTF and weighting
    by the dose act on both terms and are undone, so that inserting ``transfer × transforms`` over
    ``transfer²`` is the maximum-likelihood reconstruction for all kinds of images.

    Parameters
    ----------
    particles, images
        The set and its images.
    rows
        ``(n,)`` images wanted.
    dose, tilt
        Whether the transfer function holds these factors; those the file does not state count as 1.
    batch
        Images of a portion.
    device
        Where the tensors shall be.
    """
    box = particles.box
    frequency = radius_rfft(box, device) / (box * particles.pixel_size_a)
    frequency[0, 0] = torch.finfo(torch.float32).tiny  # the critical dose at zero is infinite
    voltage = float(particles.voltage_kv[0])
    for begin in range(0, len(rows), batch):
        these = rows[begin : begin + batch]
        transforms = image_to_rfft(torch.from_numpy(images.read(these)).to(device))
        ctf = ctf_of(particles, these, device)
        transfer = ctf
        if particles.ctf_premultiplied:
            transforms = transforms * _inverse(ctf)
        if dose:
            exposure = torch.from_numpy(np.nan_to_num(particles.dose[these])).float().to(device)
            q = dose_filter(exposure[:, None, None], frequency, voltage)
            transfer = transfer * q
            if particles.dose_weighted:
                transforms = transforms * _inverse(q)
        if tilt:
            cosine = np.nan_to_num(particles.tilt_weight[these], nan=1.0)
            transfer = transfer * torch.from_numpy(cosine).float().to(device)[:, None, None]
        shifts = torch.from_numpy(-particles.origin_a[these] / particles.pixel_size_a).float()
        yield Portion(
            these,
            transforms,
            transfer,
            torch.from_numpy(particles.rotation[these]).to(device),
            shifts.to(device),
        )


def _inverse(factor: Tensor) -> Tensor:
    return factor.sign() / factor.abs().clamp(min=_LEAST)
