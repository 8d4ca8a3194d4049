"""Latent states of particles by the encoders of the original: its masks, its centring, all images once."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from jobs.core.errors import UserError
from jobs.core.job_star import read_job_star
from jobs.dynamight.original_halves import OriginalModel
from jobs.formats.particle_set import ParticleSet
from jobs.formats.stacks import ImageStacks

#: Soft edge of the original's masks unless told otherwise, Å.
SOFT_EDGE_A: Final = 20.0
#: Pixels read at once.
_PIXELS_AT_ONCE: Final = 16_000_000


@dataclass(frozen=True)
class Masking:
    """Masks before the encoder: soft edge and diameter of the particle in Å, None for the whole box."""

    soft_edge_a: float = SOFT_EDGE_A
    diameter_a: float | None = None

    def masks(self, box: int, pixel_size_a: float) -> tuple[Tensor, Tensor]:
        """Square and circular mask ``(D, D)``, one inside, a raised cosine at the edge."""
        edge = self.soft_edge_a / pixel_size_a
        largest = box * pixel_size_a - self.soft_edge_a
        diameter = largest if self.diameter_a is None else min(self.diameter_a, largest)
        axis = (torch.arange(box, dtype=torch.float64) - box // 2).abs()
        square = torch.maximum(axis[:, None], axis[None, :])
        circle = torch.hypot(axis[:, None], axis[None, :])
        return _fallen(square, box / 2 - edge, edge), _fallen(circle, diameter / (2 * pixel_size_a), edge)


def _fallen(distance: Tensor, radius: float, edge: float) -> Tensor:
    """One up to a radius, zero from `edge` beyond it, a raised cosine between."""
    part = ((distance - radius) / max(edge, 1e-6)).clamp(0, 1)
    return (0.5 + 0.5 * torch.cos(torch.pi * part)).float()


def masking_of(job: Path) -> Masking:
    """Masks that a job was run with, from its settings; checkpoints do not tell.

    RELION's own fields have none, so only its additional arguments matter.
    """
    try:
        words = shlex.split(read_job_star(job).values.get("other_args", ""))
    except (UserError, OSError, ValueError):
        return Masking()
    given: dict[str, float] = {}
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        text = value or (words[number + 1] if number + 1 < len(words) else "")
        try:
            given[name] = float(text)
        except ValueError:
            continue
    edge = given.get("--soft-edge-width", SOFT_EDGE_A)
    diameter = given.get("--particle-diameter")
    return Masking(
        edge if edge > 0 else SOFT_EDGE_A, diameter if diameter is not None and diameter > 0 else None
    )


def centred(images: Tensor, translations_px: Tensor) -> Tensor:
    """Images ``(b, D, D)`` moved by minus their translations ``(b, 2)`` (x, y), bilinear, zero outside."""
    box = images.shape[-1]
    places = (2 * torch.arange(box, device=images.device) + 1) / box - 1
    moved = 2 * translations_px.to(images) / box
    x = (places[None, None, :] + moved[:, 0, None, None]).expand(-1, box, -1)
    y = (places[None, :, None] + moved[:, 1, None, None]).expand(-1, -1, box)
    grid = torch.stack((x, y), -1)
    return grid_sample(images[:, None], grid, align_corners=False, padding_mode="zeros")[:, 0]


@torch.no_grad()
def encode_particles(
    model: OriginalModel,
    particles: ParticleSet,
    masking: Masking,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """States of all particles by the encoders of both half-sets.

    Parameters
    ----------
    model
        The networks and refined poses.
    particles
        Particles in the order of the training.
    masking
        Masks of the training.
    device
        Where the encoders lie.
    progress
        Told how many of how many particles are done.

    Returns
    -------
    tuple of torch.Tensor
        Means and standard deviations ``(2, P, L)`` on the CPU.

    Raises
    ------
    UserError
        If images are missing or of another box than the checkpoint.
    """
    frame, n = model.frame, particles.n
    square, circle = (mask.to(device) for mask in masking.masks(frame.box, frame.voxel_size_a))
    translations = translations_px(model, particles)
    means, sds = torch.empty(2, n, model.n_latent), torch.empty(2, n, model.n_latent)
    step = max(1, _PIXELS_AT_ONCE // frame.box**2)
    with ImageStacks(particles) as stacks:
        if stacks.box != frame.box:
            raise UserError(
                f"the images have {stacks.box} pixels, but the model was trained with {frame.box}",
                path=particles.path,
                hint="Was the particle file replaced since?",
            )
        for start in range(0, n, step):
            rows = slice(start, min(n, start + step))
            images = torch.from_numpy(stacks.read(np.arange(rows.start, rows.stop))).to(device)
            prepared = centred(images * square, translations[rows].to(device)) * circle
            for number, encoder in enumerate(model.encoders):
                mean, log_variance = encoder(prepared)
                means[number, rows] = mean.cpu()
                sds[number, rows] = torch.exp(0.5 * log_variance).cpu()
            if progress is not None:
                progress(rows.stop, n)
    return means, sds


def translations_px(model: OriginalModel, particles: ParticleSet) -> Tensor:
    """Shifts ``(P, 2)`` in pixels, refined where the checkpoint has them: minus RELION's origin."""
    stored = model.checkpoint.translations_px
    if stored is not None:
        return stored.detach().float()
    return torch.from_numpy(-particles.origin_a / particles.pixel_size_a[:, None]).float()
