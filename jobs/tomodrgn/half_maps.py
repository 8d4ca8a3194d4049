"""What two half-maps tell: masks, Fourier shell correlation with phase randomisation, resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from jobs.maths.fourier import radius_rfft, rfft_to_volume, shell_index, volume_to_rfft
from jobs.maths.fsc import fsc, resolution_at
from jobs.maths.masks import mask_from_threshold, raised_cosine, soft_sphere

_GOLD, _RANDOM_BELOW = 0.143, 0.8
#: Part of the box that the mask of the molecule takes at most.
_LARGEST_SHARE = 0.25


@dataclass(frozen=True)
class HalfMapCurves:
    """Correlations of half-maps ``(D // 2 + 1,)``, shells 0 … ``D // 2``.

    Attributes
    ----------
    unmasked, masked
        Without a mask, and within the mask of the molecule.
    randomised
        Within the mask, after phases beyond ``random_from`` were made random: what the mask alone causes.
    corrected
        The masked curve without that part.
    random_from
        Shell.
    voxel_size_a
        Å.
    """

    unmasked: Tensor
    masked: Tensor
    randomised: Tensor
    corrected: Tensor
    random_from: int
    voxel_size_a: float

    def resolution(self, level: float = _GOLD, *, masked: bool = True) -> float:
        """Resolution in Å where the corrected (or the unmasked) curve falls below a level."""
        return resolution_at(self.corrected if masked else self.unmasked, self.voxel_size_a, level)


def compare_halves(
    first: Tensor, second: Tensor, voxel_size_a: float, mask: Tensor | None = None, seed: int = 0
) -> HalfMapCurves:
    """Correlate half-maps ``(D, D, D)`` without and with a mask, corrected for what the mask causes.

    The mask is made of the mean map at a resolution far below that of its noise, so that it does not follow
    the noise that the halves have in common with it; what is left shows in the randomised curve.

    Parameters
    ----------
    first, second
        Half-maps of the same scale.
    voxel_size_a
        Å.
    mask
        ``(D, D, D)``; made of the maps when None.
    seed
        Of the random phases.
    """
    unmasked = fsc(first, second)
    if mask is None:
        mask = molecule_mask(0.5 * (first + second), low_shell(unmasked))
    masked = fsc(first, second, mask)
    start = max(2, low_shell(unmasked, _RANDOM_BELOW))
    generator = torch.Generator().manual_seed(seed)
    noise = [_with_random_phases(v, start, generator) for v in (first, second)]
    randomised = fsc(noise[0], noise[1], mask)
    shells = torch.arange(len(masked))
    part = randomised.clamp(max=0.99)
    corrected = torch.where(shells < start + 2, masked, (masked - part) / (1 - part))
    return HalfMapCurves(unmasked, masked, randomised, corrected, start, voxel_size_a)


def low_shell(curve: Tensor, level: float = 0.5) -> int:
    """First shell from 1 at which a curve is below a level."""
    below = torch.nonzero(curve[1:] < level)
    return int(below[0]) + 1 if len(below) else len(curve) - 1


def molecule_mask(volume: Tensor, shell: int) -> Tensor:
    """Soft mask ``(D, D, D)`` about the density of a map that is limited to a shell first."""
    box = volume.shape[-1]
    width = box / (2 * np.pi * max(2, shell))
    smooth = torch.from_numpy(gaussian_filter(volume.double().cpu().numpy(), width))
    inside = soft_sphere(box, box / 2 - 2, 0.0).bool()
    values = smooth[inside]
    middle = values.median()
    # What lies below the median is solvent and noise; its mirror image tells how much of the rest is.
    spread = (values[values < middle] - middle).square().mean().sqrt()
    level = max(float(middle + 3 * spread), float(values.quantile(1 - _LARGEST_SHARE)))
    level = min(level, float(middle + 0.5 * (values.max() - middle)))
    chosen = torch.where(inside, smooth, smooth.min())
    edge = max(2.0, box / 16)
    return (mask_from_threshold(chosen, level, max(1.0, box / 32), edge)).float() * soft_sphere(
        box, box / 2 - 1 - edge, edge
    )


def limit(volume: Tensor, voxel_size_a: float, resolution_a: float, edge_shells: float = 2.0) -> Tensor:
    """Low-pass a map ``(D, D, D)`` at a resolution in Å, with a soft edge of some shells beyond it."""
    box = volume.shape[-1]
    shell = box * voxel_size_a / resolution_a
    keep = raised_cosine(radius_rfft(box, volume.device, 3), shell, edge_shells)
    return rfft_to_volume(volume_to_rfft(volume) * keep, box)


def figure_of_merit(volume: Tensor, half_map_curve: Tensor) -> Tensor:
    """Weight the shells of a map ``(D, D, D)`` of all images by their expected correlation with the truth.

    That is ``sqrt(2 FSC / (1 + FSC))``, Rosenthal and Henderson, J. Mol. Biol. 2003, 333:721.

    Parameters
    ----------
    volume
        Map.
    half_map_curve
        ``(D // 2 + 1,)`` correlation of the half-maps without mask; taken as falling, so that a shell that is
        high by chance does not count.
    """
    box = volume.shape[-1]
    falling = half_map_curve.clamp(min=0).cummin(0).values
    weight = torch.cat(((2 * falling / (1 + falling)).sqrt(), torch.zeros(1)))
    index = shell_index(box, volume.device, 3)
    return rfft_to_volume(volume_to_rfft(volume) * weight.to(volume)[index], box)


def _with_random_phases(volume: Tensor, start: int, generator: torch.Generator) -> Tensor:
    """Replace the phases beyond a shell by those of white noise, which is real as the map is."""
    box = volume.shape[-1]
    transform = volume_to_rfft(volume)
    noise = volume_to_rfft(torch.randn(volume.shape, generator=generator).to(volume))
    phase = noise / noise.abs().clamp(min=torch.finfo(volume.dtype).tiny)
    beyond = radius_rfft(box, volume.device, 3) >= start
    return rfft_to_volume(torch.where(beyond, transform.abs() * phase, transform), box)
