"""Half planes of images with what their slices were multiplied with, at the box that is asked for.

A raw image is ``CTF q(dose) cos(tilt) slice + white noise``. Multiplication by the CTF or a filter of dose
afterwards acts on both terms and is undone, so that all images weigh as what they are.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.formats.particle_set import ParticleSet
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.latents.particle_images import ForeignParticles
from jobs.maths.ctf import CtfParameters, aberration_phases, ctf_rfft, from_particles
from jobs.maths.dose import dose_filter
from jobs.maths.fourier import crop_rfft, image_to_rfft, radius_rfft, shift_phases
from jobs.maths.rotations import euler_to_matrix, projection_matrices

_LEAST: Final = 1e-3
#: Memory for transforms that are kept between the volumes of neighbouring states.
CACHE_BYTES: Final = 1 << 30


@dataclass(frozen=True)
class Slices:
    """Some images: ``(b, d, d // 2 + 1)`` centred transforms and transfer functions, ``(b, 2, 3)`` poses."""

    transforms: Tensor
    transfer: Tensor
    matrices: Tensor


class ImageTransforms:
    """Transforms of the images of a set; small boxes are kept, the least recently used go first.

    Parameters
    ----------
    particles
        The set.
    sign
        -1 where protein is dark.
    budget
        Bytes of kept transforms.
    """

    def __init__(self, particles: ForeignParticles, sign: int = 1, budget: int = CACHE_BYTES) -> None:
        self.particles, self.sign, self._budget = particles, sign, budget
        self._stacks = ImageStacks(particles.content)
        self._kept: OrderedDict[tuple[int, int], Tensor] = OrderedDict()
        self._bytes = 0

    def close(self) -> None:
        """Close the stacks."""
        self._stacks.close()

    def slices(self, rows: npt.NDArray[np.int64], box: int) -> Slices:
        """Return images ``(b,)`` sampled with ``box`` pixels along a side (even, at most their own)."""
        wanted = [(box, int(row)) for row in rows]
        fresh = [row for row, key in zip(rows.tolist(), wanted, strict=True) if key not in self._kept]
        parameters, mag = self._parameters(rows)
        pixel = self.particles.pixel_size_a * self.particles.box / box
        ctf = ctf_rfft(parameters, box, pixel)
        made = dict(zip(fresh, self._read(np.array(fresh, np.int64), box), strict=True)) if fresh else {}
        planes = []
        for key in wanted:
            if key in self._kept:
                self._kept.move_to_end(key)
                planes.append(self._kept[key])
            else:
                planes.append(made[key[1]])
        transforms = torch.stack(planes)
        for row, plane in made.items():
            self._keep((box, row), plane)
        transfer, undone = self._transfer(rows, ctf, box, pixel)
        if undone is not None:
            transforms = transforms * undone
        odd = aberration_phases(parameters, box, pixel)
        if odd is not None:
            transforms = transforms * odd.conj()
        return Slices(transforms * self.sign, transfer, self._matrices(rows, mag))

    def _keep(self, key: tuple[int, int], plane: Tensor) -> None:
        size = plane.numel() * plane.element_size()
        if size > self._budget or key in self._kept:
            return
        while self._bytes + size > self._budget:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.numel() * old.element_size()
        self._kept[key] = plane.clone()
        self._bytes += size

    def _read(self, rows: npt.NDArray[np.int64], box: int) -> Tensor:
        """Centred transforms whose volume has the density of the full box: see the scale."""
        content, full = self.particles.content, self.particles.box
        transforms = image_to_rfft(torch.from_numpy(self._stacks.read(rows)))
        pixel = (
            content.pixel_size_a if isinstance(content, TiltParticles) else content.pixel_size_a[rows, None]
        )
        shifts = torch.from_numpy(content.origin_a[rows] / pixel).float()
        transforms = crop_rfft(transforms * shift_phases(full, shifts), box)
        # Cropping makes pixels larger by full / box, and fewer voxels add up to a projection.
        return transforms * (box / full) ** 2

    def _parameters(self, rows: npt.NDArray[np.int64]) -> tuple[CtfParameters, Tensor | None]:
        content = self.particles.content
        if isinstance(content, ParticleSet):
            found = from_particles(content, rows)
            return found, found.mag_matrix

        def column(name: str) -> Tensor:
            return torch.from_numpy(getattr(content, name)[rows].astype(np.float64))

        zero = torch.zeros(len(rows), dtype=torch.float64)
        return CtfParameters(
            defocus_u_a=column("defocus_u_a"),
            defocus_v_a=column("defocus_v_a"),
            defocus_angle_deg=column("defocus_angle_deg"),
            voltage_kv=column("voltage_kv"),
            spherical_aberration_mm=column("spherical_aberration_mm"),
            amplitude_contrast=column("amplitude_contrast"),
            phase_shift_deg=column("phase_shift_deg"),
            bfactor_a2=zero,
            scale=torch.ones_like(zero),
            known=torch.from_numpy(content.ctf_known[rows].copy()),
        ), None

    def _transfer(
        self, rows: npt.NDArray[np.int64], ctf: Tensor, box: int, pixel: float
    ) -> tuple[Tensor, Tensor | None]:
        """What the slice was multiplied with, and what undoes what was done to the images afterwards."""
        content = self.particles.content
        if isinstance(content, ParticleSet):
            premultiplied = torch.from_numpy(content.ctf_premultiplied[rows].copy())
            if not bool(premultiplied.any()):
                return ctf, None
            return ctf, torch.where(premultiplied[:, None, None], _inverse(ctf), 1.0)
        transfer, undone = ctf, _inverse(ctf) if content.ctf_premultiplied else None
        dose = content.dose[rows]
        if np.isfinite(dose).any():
            frequency = radius_rfft(box) / (box * pixel)
            frequency[0, 0] = torch.finfo(torch.float32).tiny  # the critical dose at zero is infinite
            exposure = torch.from_numpy(np.nan_to_num(dose)).float()[:, None, None]
            voltage = torch.from_numpy(content.voltage_kv[rows]).float()[:, None, None]
            q = dose_filter(exposure, frequency, voltage)
            transfer = transfer * q
            if content.dose_weighted:
                undone = _inverse(q) if undone is None else undone * _inverse(q)
        cosine = torch.from_numpy(np.nan_to_num(content.tilt_weight[rows], nan=1.0)).float()
        return transfer * cosine[:, None, None], undone

    def _matrices(self, rows: npt.NDArray[np.int64], mag: Tensor | None) -> Tensor:
        content = self.particles.content
        if isinstance(content, TiltParticles):
            return torch.from_numpy(content.rotation[rows]).float()
        rotations = euler_to_matrix(torch.from_numpy(content.euler_deg[rows])).float()
        return rotations if mag is None else projection_matrices(rotations, mag.float())


def _inverse(factor: Tensor) -> Tensor:
    return factor.sign() / factor.abs().clamp(min=_LEAST)
