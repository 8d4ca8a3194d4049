"""Whether members of a class resemble it more than noise would: noise can be aligned reproducibly, too.

Independent alignments within a class share nearly the same average, and the best place of an image of pure
noise on that average is nearly the same every time: it is stable, although it shows nothing. So each stable
member is asked a second question. It is scored against the average of the other members and against decoys
with the same power in every ring and frequency, but random phases. A member that does no better than images
do on decoys is not accepted.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from jobs.isac2.averages import segment_averages, take_images
from jobs.isac2.engine import Engine
from jobs.isac2.filters import lowpass_images
from jobs.isac2.lattice import windows
from jobs.isac2.scoring import MultiReference
from jobs.maths.transforms2d import Planar

#: Decoys of each class.
DECOYS: Final = 8
#: Standard deviations above the mean score on decoys: best scores of noise follow a Gumbel distribution, of
#: which 2 % lie higher.
LIMIT: Final = 2.5
#: Classes with fewer members are not asked; they are too small to be accepted.
FEWEST: Final = 5


def resembles_class(
    engine: Engine,
    index: Tensor,
    planar: Planar,
    labels: Tensor,
    classes: int,
    generator: torch.Generator,
) -> Tensor:
    """Tell which members resemble the average of the others more than they resemble decoys.

    Parameters
    ----------
    engine
        Images, settings, device.
    index
        ``(n,)`` images of the pool.
    planar
        ``(n,)`` transformations onto the averages.
    labels
        ``(n,)`` class of each image, -1 for none, on the CPU.
    classes
        Number of classes.
    generator
        For the phases of the decoys, on the CPU.

    Returns
    -------
    torch.Tensor
        ``(n,)`` bool on the CPU; False for images without a class.
    """
    settings = engine.settings
    cutoff = settings.cutoffs[-1]
    search = engine.search(cutoff, normalise=True)
    averages, _ = segment_averages(
        engine.images, planar, labels, classes, index=index, workers=engine.workers
    )
    references = search.references(lowpass_images(averages, cutoff, settings.ff))
    offsets = planar.pre_rotation_offset().to(engine.device)
    passed = torch.zeros(len(labels), dtype=torch.bool)
    for number in range(classes):
        rows = torch.nonzero(labels == number)[:, 0]
        phases = 2 * math.pi * torch.rand(DECOYS, search.correlator.n_m, generator=generator)
        if len(rows) < FEWEST:
            continue
        own = references[:, :, number : number + 1]
        both = torch.cat([own, _decoys(search, own, phases)], dim=2)
        images = take_images(engine.images, index[rows], engine.device)
        start = offsets[rows.to(engine.device)]
        scores = search.best(images, start, both).scores.double()
        part = _own_part(search, images, start, cutoff, settings.ff)
        count = len(rows)
        # what an image adds to the average does not count for it
        fair = (count * scores[:, 0] - part) / (count - 1)
        decoys = scores[:, 1:]
        expected = decoys.mean(1)
        spread = (decoys - expected[:, None]).square().sum() / (count * (DECOYS - 1))
        passed[rows] = (fair > expected + LIMIT * spread.sqrt()).cpu()
    return passed


def _decoys(search: MultiReference, reference: Tensor, phases: Tensor) -> Tensor:
    """Return references ``(rows, 2, d)`` with the power of one ``(rows, 2, 1)``, other phases ``(d, m)``."""
    frequency = search.grid.row_m
    known = frequency < phases.shape[1]
    turn = phases.to(reference.device)[:, frequency.clamp(max=phases.shape[1] - 1)].T  # (rows, d)
    cos, sin = torch.cos(turn), torch.sin(turn)
    # The mean of each ring is real: only its sign can change. Decoys with the right one would resemble every
    # particle that is round.
    still = (frequency == 0)[:, None]
    cos, sin = torch.where(still, -1.0, cos), torch.where(still, 0.0, sin)
    real, imaginary = reference[:, 0], reference[:, 1]
    made = torch.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=1)
    return made * known[:, None, None]


def _own_part(
    search: MultiReference, images: Tensor, offsets: Tensor, cutoff: float, falloff: float
) -> Tensor:
    """Return ``(n,)`` the score of each image against itself as it is in an average, in place."""
    grid, correlator = search.grid, search.correlator
    table = grid.table(2 * grid.radius + 3)
    places = offsets.round().long()
    filtered = lowpass_images(images, cutoff, falloff)
    seen = grid.coefficients(windows(images, places, grid.radius + 1), table, normalise=True)
    added = correlator.weighted(grid.coefficients(windows(filtered, places, grid.radius + 1), table))
    fold = torch.where(grid.row_m == 0, 1.0, 2.0) * (grid.row_m < correlator.n_m)
    return torch.einsum("r,rcn,rcn->n", fold.double(), added.double(), seen.double())
