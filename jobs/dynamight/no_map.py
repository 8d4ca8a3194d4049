"""A consensus map from the particles themselves, for when none is given."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jobs.dynamight.images import ParticleImages
from jobs.maths.backproject import Backprojector
from jobs.maths.fourier import radius_rfft, rfft_to_volume, volume_to_rfft
from jobs.maths.masks import soft_sphere

#: Images used at most; a map for placing Gaussians needs no more.
_ENOUGH = 20_000
_BATCH = 100


def reconstruct_consensus(images: ParticleImages, resolution_a: float) -> Tensor:
    """Backproject the particles at their poses and low-pass the result.

    Parameters
    ----------
    images: ParticleImages
        Images with poses.
    resolution_a: float
        Resolution in Å to which the map is filtered.

    Returns
    -------
    torch.Tensor
        ``(D, D, D)`` map ``[z, y, x]`` on the CPU, zero outside the largest sphere.

    Raises
    ------
    ValueError
        If the box is odd.
    """
    box = images.box
    sums = Backprojector(box, images.device)
    step = max(1, math.ceil(images.n / _ENOUGH))
    rows = torch.arange(0, images.n, step)
    for part in rows.split(_BATCH):
        batch = images.batch(part, box)
        sums.add(batch.transforms, batch.ctf, images.rotations[batch.rows])
    volume = sums.reconstruct()
    frequency = radius_rfft(box, volume.device, ndim=3) / (box * images.pixel_size_a)
    # Half the amplitude is left at the wanted resolution.
    low_pass = torch.exp(-math.log(2.0) * (frequency * resolution_a) ** 2)
    volume = rfft_to_volume(volume_to_rfft(volume) * low_pass, box)
    return (volume * soft_sphere(box, 0.45 * box, 0.05 * box, volume.device)).cpu()
