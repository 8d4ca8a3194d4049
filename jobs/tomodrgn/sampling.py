"""Some of the pixels of each image, drawn so that the misfit and its gradient stay right on average.

A pixel is drawn with a probability proportional to what it is expected to add to the gradient: what the
forward model multiplies the network's answer with, times the residual of the image before the network has
said anything. A pixel that is drawn counts for those that are not: it is divided by its probability. Sums
over drawn pixels then have the sums over all as their mean, whatever the probabilities are; the better these
foresee the gradient, the less the drawing adds to its scatter.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.tomodrgn.batches import Batch, PixelDraw

#: Smallest expected size of a pixel, relative to the mean of its image: bounds the weight of rare pixels.
_FLOOR = 0.05
#: Size of pixels that do not count at all: they are taken only when no others are left.
_NOTHING = 1e-6
#: Images of a particle are drawn with offsets that are spread evenly.
_GOLDEN = 0.6180339887498949


def kept_pixels(fraction: float, m: int) -> int:
    """Pixels drawn of ``m``; even, so that portions of them are regular, and at least 2.

    Raises
    ------
    UserError
        When the fraction is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise UserError(f"the fraction of pixels must be above 0 and at most 1, not {fraction:g}")
    return m if fraction == 1 else min(m, max(2, 2 * round(fraction * m / 2)))


def with_draw(batch: Batch, fraction: float, uniform: Tensor) -> Batch:
    """Let the misfit of a batch look at a part of the pixels only.

    Parameters
    ----------
    batch
        Images.
    fraction
        Part of the pixels; with 1 the batch is returned as it is.
    uniform
        ``(p,)`` random numbers in [0, 1), one for each particle.
    """
    m = batch.ctf.shape[1]
    kept = kept_pixels(fraction, m)
    if kept == m:
        return batch
    place = torch.arange(len(batch.owner), device=batch.owner.device) - batch.first[batch.owner]
    there = uniform.to(batch.ctf.device, non_blocking=True)[batch.owner]
    return replace(batch, draw=PixelDraw(kept, (there + _GOLDEN * place) % 1.0))


def expected_sizes(ctf: Tensor, weight: Tensor | None, residual: Tensor) -> Tensor:
    """How large the gradient at each pixel is expected to be, ``(n, m)``, positive.

    Parameters
    ----------
    ctf
        ``(n, m)`` factor of the network's answer.
    weight
        ``(n, m)`` inverse noise variance, None = 1.
    residual
        ``(n, m, 2)`` what is known of the difference of model and image.
    """
    square = residual.square().sum(-1)
    # The network changes the residual, so no pixel is taken to be as good as described already.
    noise = 0.5 if weight is None else 0.5 / weight.clamp(min=1e-12)
    size = ctf.abs() * (square + noise).sqrt()
    if weight is None:
        return torch.maximum(size, _FLOOR * size.mean(-1, keepdim=True).clamp(min=1e-30))
    size = size * weight
    mean = size.mean(-1, keepdim=True).clamp(min=1e-30)
    return torch.maximum(size, torch.where(weight > 0, _FLOOR, _NOTHING) * mean)


def inclusion(sizes: Tensor, kept: int) -> Tensor:
    """Probabilities ``(n, m)`` proportional to sizes ``(n, m)``, at most 1, with the sum ``kept`` in rows.

    Pixels that would have more than 1 are always drawn; the others share what is left.
    """
    ordered = sizes.double().sort(-1, descending=True).values
    left = ordered.flip(-1).cumsum(-1).flip(-1)
    still = kept - torch.arange(sizes.shape[1], device=sizes.device)
    # With the k largest always drawn, is the next one below 1?
    fits = ordered * still <= left
    always = fits.byte().argmax(-1, keepdim=True)
    factor = still[always] / left.gather(-1, always)
    return (sizes.double() * factor).clamp(max=1.0)


def systematic(probability: Tensor, draw: PixelDraw) -> Tensor:
    """Pixels drawn with these probabilities ``(n, m)``: ``(n, kept)``, ascending and all different.

    Probabilities are laid side by side on a line, and points one apart are put on it; the offset says where
    the first one lies.
    """
    line = probability.cumsum(-1)
    line = line * (draw.kept / line[:, -1:])
    points = draw.offset.double()[:, None] + torch.arange(draw.kept, device=line.device)
    chosen = torch.searchsorted(line, points, right=True)
    return chosen.clamp_(max=line.shape[1] - 1)
