"""Classes of equal size: who goes where when every class takes the same number of images.

The rule, as the original states it, is sequential: go through all pairs of image and class from the highest
score down, and take a pair if the image is free and the class is not full; a class is full with ``N // K``
images, but the last one open takes all that are left.  Since images and classes rank pairs by the same score,
this is the only stable matching, and deferred acceptance (Gale and Shapley 1962, doi:10.2307/2312726) finds
it in parallel: every free image proposes to the best class that might still take it, every class keeps its
best ``N // K``.

Equal scores go to the lower class number first, then to the lower image number.
"""

from __future__ import annotations

import torch
from torch import Tensor


def equal_size(scores: Tensor) -> Tensor:
    """Assign images to classes of equal size.

    Parameters
    ----------
    scores: torch.Tensor
        ``(n, k)`` finite score of each image in each class, higher is better; ``n >= k``.

    Returns
    -------
    torch.Tensor
        ``(n,)`` int64 class of each image; ``n // k`` images in each class, and ``n % k`` more in one.

    Raises
    ------
    ValueError
        If there are fewer images than classes.
    """
    n, k = scores.shape
    if n < k or k < 1:
        raise ValueError(f"{n} images cannot fill {k} classes")
    if k == 1:
        return torch.zeros(n, dtype=torch.int64, device=scores.device)
    quota = n // k
    placed = torch.full((n,), k, dtype=torch.int64, device=scores.device)  # k: in no class
    # The worst pair that a full class holds; everything worse will be turned away.
    least = torch.full((k,), -torch.inf, dtype=scores.dtype, device=scores.device)
    last = torch.full((k,), n, dtype=torch.int64, device=scores.device)
    free = torch.arange(n, device=scores.device)
    while len(free):
        mine = scores[free]
        open_to = (mine > least) | ((mine == least) & (free[:, None] < last))
        best, choice = torch.where(open_to, mine, -torch.inf).max(1)
        wanted = best > -torch.inf
        # max() may take any of equal classes: the first is the rule
        choice = torch.where(open_to & (mine == best[:, None]), 1, 0).argmax(1)
        proposing, choice = free[wanted], choice[wanted]
        if len(proposing) == 0:
            break
        placed[proposing] = choice
        free = _turn_away(scores, placed, choice, quota, least, last)
    left = torch.nonzero(placed == k).flatten()
    if len(left):
        placed[left] = _last_open(least, last)
    return placed


def _turn_away(
    scores: Tensor, placed: Tensor, choice: Tensor, quota: int, least: Tensor, last: Tensor
) -> Tensor:
    """Let classes with new proposals keep their best; update their worst pairs; return who is free again."""
    k = scores.shape[1]
    asked = torch.zeros(k + 1, dtype=torch.bool, device=scores.device)
    asked[choice] = True
    members = torch.nonzero(asked[placed]).flatten()  # ascending image numbers
    where = placed[members]
    values = scores[members, where]
    order = torch.sort(values, descending=True, stable=True).indices
    order = order[torch.sort(where[order], stable=True).indices]
    members, where, values = members[order], where[order], values[order]
    counts = torch.bincount(where, minlength=k)
    first = torch.cumsum(counts, 0) - counts
    rank = torch.arange(len(members), device=scores.device) - first[where]
    worst = rank == quota - 1
    least[where[worst]] = values[worst]
    last[where[worst]] = members[worst]
    away = members[rank >= quota]
    placed[away] = k
    return torch.sort(away).values


def _last_open(least: Tensor, last: Tensor) -> int:
    """The class that the sequential rule fills last."""
    lowest = torch.nonzero(least == least.min()).flatten()
    # of pairs with equal scores, those of the class with the higher number come later
    return int(lowest[-1])
