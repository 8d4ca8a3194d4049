"""Volumes of latent places without a decoder: weighted reconstruction from the images of near particles.

Kernel regression: every particle counts by its distance from the place, and its images are inserted with
their CTF as in any reconstruction. Both half-sets are reconstructed by themselves; their agreement per shell
is the Wiener term of the volume of both, so that detail on which they do not agree is not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.latents.kernel import KERNELS, Whitening, effective_number, weights_for
from jobs.latents.particle_images import ForeignParticles
from jobs.latents.transforms import ImageTransforms
from jobs.maths.backproject import Backprojector
from jobs.maths.fourier import shell_average
from jobs.maths.fsc import fsc, resolution_at
from jobs.maths.masks import soft_sphere

Floats = npt.NDArray[np.float64]

#: Largest box whose Fourier volume is sampled twice as finely, which is more accurate at the rim.
_PADDED_BOX: Final = 128
_GOLD: Final = 0.143
_BATCH: Final = 256
_CERTAIN: Final = 0.999
_NOISE: Final = 1e-3


@dataclass(frozen=True)
class Regressed:
    """The volume of a latent place.

    Attributes
    ----------
    volume
        ``(d, d, d)`` float32, with the Wiener term of the half-maps.
    halves
        Both half-maps.
    correlation
        ``(d // 2 + 1,)`` Fourier shell correlation of the half-maps within a sphere.
    resolution_a
        Where it falls below 0.143, Å.
    particles, effective
        How many particles have a weight, and how many equal weights that is.
    bandwidth
        In standard deviations of the latent space.
    """

    volume: Tensor
    halves: tuple[Tensor, Tensor]
    correlation: Tensor
    resolution_a: float
    particles: int
    effective: float
    bandwidth: float


def _nothing(done: int, of: int) -> None:
    """Say nothing about progress."""


class KernelRegression:
    """Reconstructs volumes of latent places.

    Parameters
    ----------
    particles
        `P` particles with their images.
    latent
        ``(P, L)`` their places.
    wanted
        Effective number of particles of a volume.
    kernel
        One of :data:`jobs.latents.kernel.KERNELS`.
    sign
        -1 where protein is dark in the images.
    seed
        Of half-sets where the file states none.
    """

    def __init__(
        self,
        particles: ForeignParticles,
        latent: npt.NDArray[np.floating],
        wanted: float,
        *,
        kernel: str = KERNELS[0],
        sign: int = 1,
        seed: int = 0,
    ) -> None:
        if len(latent) != particles.n:
            raise UserError(f"there are places of {len(latent):,} particles, and {particles.n:,} particles")
        self.particles, self.wanted, self.kernel = particles, float(wanted), kernel
        self._whiten = Whitening.of(latent)
        self._places = self._whiten(latent)
        self.half, self.half_sentence = particles.halves(seed)
        self.transforms = ImageTransforms(particles, sign)

    def weights(self, z: npt.NDArray[np.floating] | None) -> tuple[Floats, float]:
        """Weight of each particle for a place ``(L,)`` (all alike for None), and the bandwidth."""
        if z is None:
            return np.ones(self.particles.n), float("inf")
        distance = np.linalg.norm(self._places - self._whiten(np.asarray(z)), axis=1)
        return weights_for(distance, self.wanted, self.kernel)

    @torch.no_grad()
    def volume(
        self,
        z: npt.NDArray[np.floating] | None,
        box: int | None = None,
        each: Callable[[int, int], None] = _nothing,
    ) -> Regressed:
        """Reconstruct the volume of a place.

        Parameters
        ----------
        z
            ``(L,)``, or None for all particles alike.
        box
            Voxels along a side of the same cube of space; even, at most those of the images.
        each
            Called with images done and in all; may raise to stop.
        """
        side = self.particles.box if box is None else min(int(box), self.particles.box)
        weights, bandwidth = self.weights(z)
        sums = [Backprojector(side, padding=2 if side <= _PADDED_BOX else 1) for _ in (1, 2)]
        used = np.flatnonzero(weights > 0)
        total = int(np.diff(self.particles.first)[used].sum())
        done = 0
        for number, target in enumerate(sums, start=1):
            members = used[self.half[used] == number]
            rows = self.particles.images_of(members)
            counts = np.diff(self.particles.first)[members]
            scale = torch.from_numpy(np.repeat(weights[members], counts)).float()
            for begin in range(0, len(rows), _BATCH):
                part = slice(begin, begin + _BATCH)
                found = self.transforms.slices(rows[part], side)
                target.add(found.transforms, found.transfer, found.matrices, weights=scale[part])
                done += len(rows[part])
                each(done, total)
        voxel = self.particles.pixel_size_a * self.particles.box / side
        return self._finished(sums, voxel, weights, bandwidth)

    def _finished(
        self, sums: list[Backprojector], voxel_size_a: float, weights: Floats, bandwidth: float
    ) -> Regressed:
        side = sums[0].box
        ball = soft_sphere(side, 0.4 * side, 0.1 * side)
        first, second = (part.reconstruct() * ball for part in sums)
        curve = fsc(first, second)
        both = sums[0].merge(sums[1])
        volume = both.reconstruct(noise_to_signal=self._noise_to_signal(both, curve)) * ball
        return Regressed(
            volume,
            (first, second),
            curve,
            resolution_at(curve, voxel_size_a, _GOLD),
            int((weights > 0).sum()),
            effective_number(weights),
            bandwidth,
        )

    @staticmethod
    def _noise_to_signal(both: Backprojector, curve: Tensor) -> Tensor:
        """Wiener term ``(d // 2 + 1,)``: mean weight of a shell over its signal-to-noise ratio."""
        falling = curve.clone()
        below = torch.nonzero(curve[1:] < _GOLD)
        if len(below):
            # Beyond the resolution what comes back is chance.
            start = int(below[0]) + 1
            falling[start:] = torch.cummin(falling[start:], 0).values
        clear = falling.clamp(_NOISE, _CERTAIN)
        weight = shell_average(both.folded()[1], both.size, 3)
        coarse = weight[(torch.arange(len(clear)) * both.padding).clamp(max=len(weight) - 1)]
        return coarse * (1 - clear) / (2 * clear)
