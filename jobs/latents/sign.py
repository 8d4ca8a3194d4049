"""Whether protein is white or dark in images of tilt series, from the first reconstruction."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from jobs.latents.particle_images import ForeignParticles
from jobs.latents.transforms import ImageTransforms
from jobs.maths.backproject import Backprojector
from jobs.maths.masks import soft_sphere

CONTRASTS: Final = ("automatic", "white", "dark")
_PARTICLES: Final = 300
_BOX: Final = 32


@torch.no_grad()
def sign_of(particles: ForeignParticles, choice: str = CONTRASTS[0], seed: int = 0) -> tuple[int, str]:
    """Return 1 for white protein or -1 for dark protein, and a sentence.

    Single particles are white by RELION's convention. Particles of tilt series are reconstructed coarsely:
    the few voxels of a molecule stand out from many of solvent, to the side of protein (skewness).

    Parameters
    ----------
    particles
        The set.
    choice
        One of :data:`CONTRASTS`.
    seed
        Choice of particles.
    """
    if choice != CONTRASTS[0]:
        return (1 if choice == "white" else -1), f"Protein is taken as {choice}, as asked for."
    if not particles.tilted:
        return 1, "Protein is taken as white, which is RELION's convention."
    box = min(_BOX, particles.box)
    chosen = np.arange(particles.n)
    if particles.n > _PARTICLES:
        chosen = np.sort(np.random.default_rng(seed).choice(particles.n, _PARTICLES, replace=False))
    rows = particles.images_of(chosen)
    transforms, sums = ImageTransforms(particles, budget=0), Backprojector(box, padding=2)
    for begin in range(0, len(rows), 256):
        found = transforms.slices(rows[begin : begin + 256], box)
        sums.add(found.transforms, found.transfer, found.matrices)
    transforms.close()
    inside = sums.reconstruct()[soft_sphere(box, 0.4 * box, 0.0) > 0.5]
    deviation = inside - inside.mean()
    skewness = float((deviation**3).mean() / deviation.square().mean().clamp(min=1e-30) ** 1.5)
    if skewness >= 0:
        return 1, f"Protein is white in the images (skewness of their map {skewness:.2f})."
    return -1, f"Protein is dark in the images (skewness of their map {skewness:.2f}); their sign is changed."
