"""Averages in an order in which neighbours look alike, each turned onto its predecessor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.isac2.averages import transform_images
from jobs.isac2.lattice import Lattice
from jobs.isac2.masks import disc
from jobs.isac2.scoring import MultiReference
from jobs.isac2.settings import IsacSettings
from jobs.isac2.tour import best_chain, closed_tour
from jobs.maths.polar import PolarGrid
from jobs.maths.transforms2d import Planar


@dataclass(frozen=True, eq=False)
class Ordering:
    """The order of `K` averages.

    Attributes
    ----------
    order
        ``(K,)`` class at each position.
    planar
        ``(K,)`` by position: what was done to the average, turned and mirrored without a shift.
    averages
        ``(K, y, x)`` float32 in the new order and in one frame.
    similarity
        ``(K, K)`` correlation coefficients by class.
    """

    order: NDArray[np.int64]
    planar: Planar
    averages: NDArray[np.float32] = field(repr=False)
    similarity: NDArray[np.float64] = field(repr=False)

    @property
    def chain(self) -> NDArray[np.float64]:
        """``(K, 6)`` rows of position, class, angle, 0, 0, mirror."""
        rows = np.zeros((len(self.order), 6))
        rows[:, 0], rows[:, 1] = np.arange(len(self.order)), self.order
        rows[:, 2] = self.planar.alpha_deg.numpy()
        rows[:, 5] = self.planar.mirror.numpy()
        return rows


def order_averages(averages: Tensor, settings: IsacSettings, device: torch.device) -> Ordering:
    """Order averages along a closed tour through the most similar ones.

    Parameters
    ----------
    averages
        ``(K, y, x)``, one at least.
    settings
        Radius, rings and search range.
    device
        Where to compute.

    Returns
    -------
    Ordering
        Of all averages.
    """
    search = MultiReference(
        PolarGrid(settings.target_radius, settings.ir, settings.rs, device=device),
        Lattice.square(
            settings.box, settings.target_radius, settings.xr + 1, settings.range_y + 1, device=device
        ),
    )
    images = _normalised(averages.to(device, torch.float32), settings.target_radius)
    references = search.references(images)
    table = search.best(images, images.new_zeros(len(images), 2), references)
    scores = table.scores.double().cpu()
    own = torch.diagonal(scores).clamp(min=1e-12)
    relative = scores / torch.sqrt(own[:, None] * own[None, :])
    similarity = torch.maximum(relative, relative.T).clamp(-1, 1).numpy()
    order = closed_tour(similarity, best_chain(similarity))
    onto = np.roll(order, 1)
    rows = torch.from_numpy(order.copy()).to(device)
    labels = torch.empty_like(rows)
    labels[rows] = torch.from_numpy(onto.copy()).to(device)
    steps = search.align(images, references, table, labels)
    turns = Planar(steps.alpha_deg, torch.zeros_like(steps.shift), steps.mirror).to(device="cpu")
    frames = [Planar.identity(dtype=torch.float64)]
    for number in order[1:].tolist():
        frames.append(frames[-1].compose(turns[number]))
    planar = Planar(
        torch.stack([frame.alpha_deg for frame in frames]),
        torch.stack([frame.shift for frame in frames]),
        torch.stack([frame.mirror for frame in frames]),
    )
    turned = transform_images(averages.cpu().float()[torch.from_numpy(order.copy())], planar)
    return Ordering(order, planar, turned.numpy(), similarity)


def _normalised(images: Tensor, radius: float) -> Tensor:
    """Return images with mean 0 and deviation 1 inside the particle."""
    inside = disc(images.shape[-1], radius, images.device)
    values = images[:, inside]
    deviation = values.std(1, correction=0).clamp(min=1e-12)
    return (images - values.mean(1)[:, None, None]) / deviation[:, None, None]
