"""The structure that all particles have in common, and the noise around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths.backproject import Backprojector
from jobs.maths.fourier import shell_average
from jobs.maths.fsc import fsc
from jobs.maths.masks import mask_from_threshold, smooth_volume, soft_sphere
from jobs.tomodrgn.bank import ImageBank

#: Images added to the reconstruction at a time.
_IMAGES = 512
#: Largest and smallest correlation of half-sets that is believed.
_SURE, _UNSURE = 0.999, 0.02


@dataclass(frozen=True)
class Consensus:
    """A consensus reconstruction.

    Attributes
    ----------
    volume
        ``(D, D, D)`` in units of the noise scale, masked.
    noise
        ``(D // 2 + 1,)`` standard deviation of what it leaves of the images, relative to the noise scale.
    correlation
        ``(D // 2 + 1,)`` Fourier shell correlation of two half-sets of the particles.
    """

    volume: Tensor
    noise: Tensor
    correlation: Tensor


@torch.no_grad()
def find_consensus(bank: ImageBank, images: Tensor | None = None) -> Consensus:
    """Reconstruct all particles together, with a Wiener filter from half-sets and a soft mask.

    Parameters
    ----------
    bank
        Images.
    images
        ``(N,)`` bool, the images that take part; None = all.
    """
    box, device = bank.box, bank.device
    halves = [Backprojector(box, device, padding=2) for _ in (0, 1)]
    size = max(1, _IMAGES // max(1, int(bank.first.diff().max())))
    for part in torch.arange(bank.n).split(size):
        for half, chosen in zip(halves, (part[part % 2 == 0], part[part % 2 == 1]), strict=True):
            if len(chosen):
                _add(half, bank, chosen, images)
    whole = halves[0].merge(halves[1])
    soft = soft_sphere(box, 0.75 * box / 2, 0.2 * box / 2, device)
    curve = fsc(*(half.reconstruct() * soft for half in halves)).clamp(_UNSURE, _SURE)
    curve[0] = curve[1]
    # Of all images the correlation with the truth is better than that of halves with each other.
    full = 2 * curve / (1 + curve)
    weights = shell_average(whole.folded()[1], 2 * box, 3)[: box + 1 : 2]
    volume = whole.reconstruct(noise_to_signal=weights * (1 - full) / full)
    volume = volume * support(volume)
    gain, noise = _fit(bank, volume, size, images)
    return Consensus(volume * gain, noise, curve)


def support(volume: Tensor) -> Tensor:
    """Soft mask around the density of a map that has none elsewhere."""
    box = volume.shape[-1]
    smooth = smooth_volume(volume, box / 32)
    ball = soft_sphere(box, 0.8 * box / 2, 0.1 * box / 2, volume.device)
    level = float((smooth * ball).amax()) * 0.15
    return mask_from_threshold(smooth * ball, level, box / 16, box / 8).to(volume.dtype) * ball


def _add(half: Backprojector, bank: ImageBank, particles: Tensor, images: Tensor | None) -> None:
    batch = bank.batch(particles, images)

    def plane(values: Tensor) -> Tensor:
        flat = values.new_zeros(len(values), bank.box * (bank.box // 2 + 1))
        flat[:, bank.plane.index] = values
        return flat.view(len(values), bank.box, -1)

    weight = None if batch.weight is None else plane(batch.weight)
    samples = torch.view_as_complex(batch.coefficients.contiguous())
    half.add(plane(samples), plane(batch.ctf), batch.rotations, weights=weight)


def _fit(bank: ImageBank, volume: Tensor, size: int, images: Tensor | None) -> tuple[Tensor, Tensor]:
    """Factor that fits the volume to the images best, and the noise that remains in each shell."""
    from jobs.maths.project import Projector

    projector = Projector(volume, padding=3, radius=float(bank.plane.xy.norm(dim=-1).max()))
    shell = bank.plane.xy.norm(dim=1).round().long()
    count = bank.box // 2 + 1
    cross, own = torch.zeros(2, device=bank.device, dtype=torch.float64).unbind()
    sums = torch.zeros(4, count, device=bank.device)
    for part in torch.arange(bank.n).split(size):
        batch = bank.batch(part, images)
        slices = torch.view_as_real(projector.slices(batch.rotations).flatten(1)[:, bank.plane.index])
        model = slices * batch.ctf[..., None]
        weight = torch.ones_like(batch.ctf) if batch.weight is None else batch.weight
        terms = (batch.coefficients.square(), batch.coefficients * model, model.square())
        for row, term in enumerate(terms):
            sums[row].index_add_(0, shell, (term.sum(-1) * weight).sum(0))
        sums[3].index_add_(0, shell, 2 * (weight > 0).float().sum(0))
        cross, own = cross + (terms[1].sum(-1) * weight).sum(), own + (terms[2].sum(-1) * weight).sum()
    gain = (cross / own.clamp(min=1e-30)).float()
    left = sums[0] - 2 * gain * sums[1] + gain * gain * sums[2]
    noise = (
        torch.where(sums[3] > 0, left / sums[3].clamp(min=1), torch.ones_like(left)).clamp(min=1e-6).sqrt()
    )
    noise[0] = noise[1]
    return gain, noise if math.isfinite(float(gain)) else torch.ones_like(noise)
