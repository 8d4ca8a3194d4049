"""From what is said of each image to what is said of the particle, whatever the number of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from jobs.tomodrgn.networks import new_linear


def positions_of(owner: Tensor, first: Tensor) -> Tensor:
    """Place ``(n,)`` of each image among those of its particle, from 0."""
    return torch.arange(len(owner), device=owner.device) - first[:-1][owner]


def to_slots(values: Tensor, owner: Tensor, first: Tensor, slots: int, empty: Tensor) -> Tensor:
    """Values ``(n, c)`` in slots ``(p, slots, c)`` by their place in the particle, ``empty`` elsewhere."""
    filled = empty.to(values.dtype).expand(len(first) - 1, slots, values.shape[1]).clone()
    return filled.index_put((owner, positions_of(owner, first)), values)


def pool_max(values: Tensor, owner: Tensor, first: Tensor) -> Tensor:
    """Largest of ``(n, c)`` over the images of each particle, ``(p, c)``; 0 for one without images."""
    start = values.new_zeros(len(first) - 1, values.shape[1])
    index = owner[:, None].expand_as(values)
    return start.scatter_reduce(0, index, values, "amax", include_self=False)


def pool_mean(values: Tensor, owner: Tensor, first: Tensor) -> Tensor:
    """Mean of ``(n, c)`` over the images of each particle, ``(p, c)``."""
    total = values.new_zeros(len(first) - 1, values.shape[1]).index_add(0, owner, values)
    return total / (first[1:] - first[:-1]).clamp(min=1)[:, None]


def pool_median(values: Tensor, owner: Tensor, first: Tensor, slots: int) -> Tensor:
    """Median of ``(n, c)`` over the images of each particle, ``(p, c)``; the lower one of an even number."""
    empty = torch.full((values.shape[1],), torch.inf, device=values.device)
    ordered = to_slots(values, owner, first, slots, empty).sort(dim=1).values
    middle = ((first[1:] - first[:-1] - 1) // 2).clamp(min=0)
    return ordered[torch.arange(len(middle), device=values.device), middle]


class Attention(nn.Module):
    """Questions attend to a set (Lee et al. 2019, multihead attention block), followed by a small network.

    Parameters
    ----------
    n_question, n_set, width
        Numbers per question and per member of the set, and of the answers.
    heads
        Of the attention; must divide the width.
    layer_norm
        Whether answers are normalised, after the attention and after the network.
    generator
        Source (CPU) of the initial weights.
    """

    def __init__(
        self,
        n_question: int,
        n_set: int,
        width: int,
        heads: int,
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        self.heads = heads
        self.question = new_linear(n_question, width, generator)
        self.key = new_linear(n_set, width, generator)
        self.value = new_linear(n_set, width, generator)
        self.out = new_linear(width, width, generator)
        self.norms = nn.ModuleList(nn.LayerNorm(width) if layer_norm else nn.Identity() for _ in range(2))

    def forward(self, questions: Tensor, members: Tensor, present: Tensor | None) -> Tensor:
        """Answers ``(p, q, width)`` to ``(p, q, a)`` questions by the members ``(p, t, b)`` of a set.

        ``present`` ``(p, t)`` tells which members there are; at least one of each set.
        """
        asked = self.question(questions)
        q, k, v = (self._split(x) for x in (asked, self.key(members), self.value(members)))
        # Scaled by the whole width, not by that of a head.
        score = q @ k.transpose(-1, -2) / asked.shape[-1] ** 0.5
        if present is not None:
            score = score.masked_fill(~present[:, None, None, :], -torch.inf)
        answer = (torch.softmax(score, dim=-1) @ v).transpose(1, 2).flatten(2)
        answer = self.norms[0](asked + answer)
        return self.norms[1](answer + relu(self.out(answer)))

    def _split(self, values: Tensor) -> Tensor:
        """``(p, t, width)`` by heads, ``(p, heads, t, width / heads)``."""
        return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class SetEncoder(nn.Module):
    """Set Transformer (Lee et al. 2019): two blocks among the images, seeds that ask, two blocks among seeds.

    Parameters
    ----------
    n_in, width, n_out
        Numbers per image, width of the blocks, numbers per particle.
    seeds, heads, layer_norm
        Learnt questions, heads of each block, normalisation.
    generator
        Source (CPU) of the initial weights.
    """

    def __init__(
        self,
        n_in: int,
        width: int,
        n_out: int,
        *,
        seeds: int,
        heads: int,
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        details = (heads, layer_norm, generator)
        self.among_images = nn.ModuleList(
            (Attention(n_in, n_in, width, *details), Attention(width, width, width, *details))
        )
        bound = (3 / width) ** 0.5
        self.seeds = nn.Parameter(torch.empty(seeds, width).uniform_(-bound, bound, generator=generator))
        self.asking = Attention(width, width, width, *details)
        self.among_seeds = nn.ModuleList(Attention(width, width, width, *details) for _ in range(2))
        self.last = new_linear(seeds * width, n_out, generator)

    def forward(self, values: Tensor, owner: Tensor, first: Tensor, slots: int) -> Tensor:
        """``(n, n_in)`` of the images to ``(p, n_out)`` of the particles."""
        members = to_slots(values, owner, first, slots, values.new_zeros(values.shape[1]))
        places = torch.arange(slots, device=values.device)
        present = places < (first[1:] - first[:-1]).clamp(min=1)[:, None]
        for block in self.among_images:
            members = block(members, members, present)
        answers = self.asking(self.seeds.expand(len(members), -1, -1), members, present)
        for block in self.among_seeds:
            answers = block(answers, answers, None)
        return self.last(answers.flatten(1))
