"""The forward model of tilt images: what multiplies a slice, and how noisy each sample is.

A raw image is ``CTF q(dose) cos(tilt) slice + white noise``. What was done to it afterwards, multiplication
by its CTF or by a dose filter, acts on slice and noise alike: with ``g`` the product of those factors the
image is ``CTF q cos(tilt) g slice`` with noise of variance ``g^2``. One dose factor, one noise weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.ctf import wavelength_a
from jobs.maths.dose import dose_filter, optimal_dose_mask
from jobs.maths.slices import SlicePlane

#: Added to the noise variance of filtered images where their filter is nearly zero, relative to raw noise.
FLOOR = 0.01


@dataclass(frozen=True)
class ForwardOptions:
    """Which factors take part.

    Attributes
    ----------
    dose, tilt
        Attenuation of the slice by dose and by the cosine of the stage tilt.
    dose_mask
        Leave out samples of images exposed beyond their optimal dose.
    """

    dose: bool = False
    tilt: bool = False
    dose_mask: bool = False


class ForwardModel:
    """Factors and noise weights of the images of a set, computed where and when they are needed.

    Parameters
    ----------
    particles
        The set.
    plane
        Samples of the half plane.
    options
        Which factors take part; those whose numbers the file does not state (NaN) are 1.
    device
        Where the results are needed.
    """

    def __init__(
        self, particles: TiltParticles, plane: SlicePlane, options: ForwardOptions, device: torch.device
    ) -> None:
        self.options = options
        self.premultiplied = particles.ctf_premultiplied
        self.dose_weighted = particles.dose_weighted and options.dose
        self.weighted = self.premultiplied or self.dose_weighted or options.dose_mask
        step = 1 / (particles.box * particles.pixel_size_a)
        self._x, self._y = (plane.xy.double() * step).T.to(device)
        self._square = self._x**2 + self._y**2
        self._frequency = self._square.sqrt().float()
        self._terms = _ctf_terms(particles).to(device)
        self._known = torch.from_numpy(particles.ctf_known.copy()).to(device)
        dose = torch.from_numpy(np.nan_to_num(particles.dose, nan=0.0)).float()
        self._dose, self._voltage = dose.to(device), torch.from_numpy(particles.voltage_kv).float().to(device)
        self._tilt = torch.from_numpy(np.nan_to_num(particles.tilt_weight, nan=1.0)).float().to(device)

    def ctf(self, rows: Tensor) -> Tensor:
        """CTF of the images ``(n,)`` at the samples, ``(n, m)`` float32; 1 where it is not known."""
        mean, half, angle, second, fourth, constant = (
            column[:, None] for column in self._terms[rows].unbind(1)
        )
        turned = torch.cos(2 * (torch.atan2(self._y, self._x) - angle))
        turns = second * (mean + half * turned) * self._square + fourth * self._square**2 - constant
        # Reduced to below one turn in double precision; the sine itself does not need it.
        ctf = torch.sin((turns - turns.round()).float() * (-2 * math.pi))
        return torch.where(self._known[rows][:, None], ctf, 1.0)

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """Factor of the slice and inverse noise variance (None = 1) of images ``(n,)``, ``(n, m)`` each."""
        ctf = self.ctf(rows)
        factor, filtered = ctf, None
        if self.options.tilt:
            factor = factor * self._tilt[rows][:, None]
        dose, voltage = self._dose[rows][:, None], self._voltage[rows][:, None]
        if self.options.dose:
            q = dose_filter(dose, self._frequency, voltage)
            factor = factor * q
            filtered = q if self.dose_weighted else None
        if self.premultiplied:
            filtered = ctf if filtered is None else ctf * filtered
        weight = None
        if filtered is not None:
            factor, weight = factor * filtered, 1 / (filtered * filtered + FLOOR)
        if self.options.dose_mask:
            kept = optimal_dose_mask(dose, self._frequency, voltage).to(ctf.dtype)
            weight = kept if weight is None else weight * kept
        return factor, weight


def _ctf_terms(particles: TiltParticles) -> Tensor:
    """Mean and half difference of defocus, angle, and factors of the phase in turns, ``(N, 6)`` float64."""
    wave = wavelength_a(torch.from_numpy(particles.voltage_kv)).numpy()
    q = particles.amplitude_contrast
    return torch.from_numpy(
        np.stack(
            (
                0.5 * (particles.defocus_u_a + particles.defocus_v_a),
                0.5 * (particles.defocus_u_a - particles.defocus_v_a),
                np.deg2rad(particles.defocus_angle_deg),
                -0.5 * wave,
                0.25 * particles.spherical_aberration_mm * 1e7 * wave**3,
                (np.arctan2(q, np.sqrt(1 - q * q)) + np.deg2rad(particles.phase_shift_deg)) / (2 * np.pi),
            ),
            axis=1,
        )
    )
