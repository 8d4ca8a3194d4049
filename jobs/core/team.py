"""Processes that train one model together: each takes its part of every batch.

Of a batch of ``n`` particles member ``r`` of ``s`` takes those at the places ``r, r + s, r + 2s, …``.  Random
numbers are drawn for the whole batch by everybody, from the same seed, and sums over a batch become sums over
the members.  So a step does what one process would have done, up to the order in which numbers are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Team:
    """One member's view of its team.

    Attributes
    ----------
    rank, size
        Which of how many members we are.
    group
        Process group of the members, None = all processes there are.
    """

    rank: int = 0
    size: int = 1
    group: Any = None

    def part(self, batch: Tensor) -> Tensor:
        """Our rows of something that has a row for every particle of a batch."""
        return batch if self.size == 1 else batch[self.rank :: self.size]

    def count(self, n: int) -> int:
        """How many of the first ``n`` particles of a batch are ours."""
        return len(range(self.rank, n, self.size))

    def order(self, particles: Tensor, batch_size: int) -> tuple[Tensor, list[Tensor]]:
        """Our particles of a pass in their order, and the batches of everybody, ``(p,)`` each."""
        batches = list(particles.split(batch_size)) if len(particles) else []
        if self.size == 1:
            return particles, batches
        return torch.cat([particles[:0], *(self.part(batch) for batch in batches)]), batches

    @torch.no_grad()
    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over the members, which get the same bits each."""
        if self.size == 1 or not tensors:
            return
        # One message for all: what takes time is the number of messages.
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(flat, group=self.group)
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()
