"""Which images of each particle are looked at in an epoch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: Keeps the draws of an epoch apart from everything else that the seed decides.
_PRIME = 1_000_003


@dataclass(frozen=True)
class TiltDrawing:
    """Draws a number of images of each particle, always the same ones for a seed and an epoch.

    Attributes
    ----------
    first
        ``(P + 1,)`` first image of each particle, on the CPU.
    teach
        ``(N,)`` bool, images that may be drawn; None = all.
    number
        Images of each particle; those with fewer show all they have. None = all images.
    sequential
        Draw the first ones every time.
    seed
        Of the draws.
    """

    first: Tensor
    teach: Tensor | None
    number: int | None = None
    sequential: bool = False
    seed: int = 0

    def images(self, epoch: int) -> Tensor | None:
        """Images ``(N,)`` bool of an epoch; None = all of the set."""
        if self.number is None:
            return self.teach
        if self.sequential:
            return first_images(self.first, self.teach, self.number)
        generator = torch.Generator().manual_seed((self.seed * _PRIME + epoch) % 2**63)
        return _lowest(
            torch.rand(int(self.first[-1]), generator=generator), self.first, self.teach, self.number
        )


def first_images(first: Tensor, allowed: Tensor | None, number: int) -> Tensor:
    """The first images of each particle ``(N,)`` bool, of those that are allowed (None = all)."""
    return _lowest(torch.arange(int(first[-1])), first, allowed, number)


def _lowest(keys: Tensor, first: Tensor, allowed: Tensor | None, number: int) -> Tensor:
    """The images of each particle with the lowest keys, ``(N,)`` bool."""
    owner = torch.repeat_interleave(torch.arange(len(first) - 1), first.diff())
    if allowed is not None:
        keys = torch.where(allowed, keys.double(), torch.inf)
    order = keys.argsort(stable=True)
    order = order[owner[order].argsort(stable=True)]
    # The particles stand one after the other again, each ordered within.
    place = torch.arange(len(order)) - first[:-1][owner]
    chosen = torch.zeros(len(order), dtype=torch.bool)
    chosen[order[place < number]] = True
    return chosen if allowed is None else chosen & allowed
