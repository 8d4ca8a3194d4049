"""The restraint on motions: neighbouring Gaussians keep their distance.

Per edge the penalty is the square of the change of its length in Å (DynaMight's regularity term).  Rigid
motions of any part cost nothing; stretching, shearing and tearing do.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Edges and particles looked at per step: a random part gives the same gradient on average at a fraction of
#: the cost.
EDGES_PER_STEP = 6000
PARTICLES_PER_STEP = 16


def sample_edges(edges: Tensor, generator: torch.Generator, limit: int = EDGES_PER_STEP) -> Tensor:
    """Return all ``(2, E)`` edges, or ``limit`` of them drawn at random."""
    if edges.shape[1] <= limit:
        return edges
    drawn = torch.randint(edges.shape[1], (limit,), generator=generator, device=edges.device)
    return edges[:, drawn]


def length_change(coefficients: Tensor, basis: Tensor, positions_a: Tensor, edges: Tensor) -> Tensor:
    """Mean squared change of edge length of every particle.

    Parameters
    ----------
    coefficients: torch.Tensor
        ``(b, K)`` mode coefficients.
    basis: torch.Tensor
        ``(n, 3, K)`` modes at the Gaussians, Å.
    positions_a: torch.Tensor
        ``(n, 3)`` consensus positions, Å.
    edges: torch.Tensor
        ``(2, E)`` pairs of Gaussians.

    Returns
    -------
    torch.Tensor
        ``(b,)`` in Å².
    """
    first, second = edges
    # index_select has a deterministic gradient on the CPU, indexing with a tensor has not.
    rest = positions_a.index_select(0, first) - positions_a.index_select(0, second)
    change = basis.index_select(0, first) - basis.index_select(0, second)
    n_edges, _, n_modes = change.shape
    moved = rest + torch.matmul(coefficients, change.reshape(-1, n_modes).T).view(
        len(coefficients), n_edges, 3
    )
    length = torch.sqrt((moved**2).sum(-1) + 1e-8)
    # A cloud of one Gaussian has no edges, and no mean over them.
    return ((length - rest.detach().norm(dim=-1)) ** 2).sum(1) / max(1, n_edges)
