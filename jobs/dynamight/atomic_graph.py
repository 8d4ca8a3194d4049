"""The restraint of motions by an atomic model: what is bonded in it keeps its length.

In place of neighbours in space, whose distances may be those of any two parts that happen to touch, the
edges are bonds of the coarse-grained model and neighbours along its chains, and their lengths are those of
the model. This pulls the result towards the model, in both half-sets alike; see :data:`BIAS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.formats.residues import Beads

#: Beads of one unbroken stretch this many residues apart, and this near, keep their distance as well.
NEIGHBOUR_RESIDUES = 3
NEIGHBOUR_REACH_A = 8.0

BIAS: Final = (
    "The motion is restrained by the atomic model, so the result is biased towards it: bonds and chains of "
    "the model are kept whether the images bear them out or not, and agreement with the model is no "
    "evidence. Both half-sets share the model, so their agreement, and any FSC between them, is partly that "
    "of the model with itself. The authors of DynaMight advise against it; compare with a training without."
)


@dataclass(frozen=True)
class ModelGraph:
    """Edges of an atomic model.

    Attributes
    ----------
    edges
        ``(2, E)`` int64 pairs of Gaussians, each once, smaller index first, in lexical order; bonds and
        neighbours together.
    lengths_a
        ``(E,)`` their lengths in the model, Å.
    n_bonds
        How many of them are bonds.
    """

    edges: Tensor
    lengths_a: Tensor
    n_bonds: int

    def to(self, device: torch.device) -> ModelGraph:
        """The same on a device."""
        return ModelGraph(self.edges.to(device), self.lengths_a.to(device), self.n_bonds)


def model_graph(beads: Beads, member: NDArray[np.int64], points_a: NDArray[np.float64]) -> ModelGraph:
    """Connect Gaussians as the beads in them are connected.

    Parameters
    ----------
    beads: Beads
        The coarse-grained model.
    member: numpy.ndarray
        ``(n_beads,)`` Gaussian of each bead, -1 for none.
    points_a: numpy.ndarray
        ``(n, 3)`` Gaussians in Å.
    """
    bonds = _between(beads.bonds, member)
    pairs = np.unique(np.concatenate((bonds, _between(_neighbours(beads), member))), axis=0)
    lengths = np.linalg.norm(points_a[pairs[:, 0]] - points_a[pairs[:, 1]], axis=1)
    return ModelGraph(
        torch.from_numpy(pairs.T.astype(np.int64).copy()), torch.from_numpy(lengths).float(), len(bonds)
    )


def _neighbours(beads: Beads) -> NDArray[np.int64]:
    """Pairs ``(m, 2)`` of beads that are neighbours along a chain but not bonded."""
    found = []
    # A residue has one to three beads, so neighbours in sequence are near in the list.
    for step in range(1, 3 * NEIGHBOUR_RESIDUES + 3):
        a = np.arange(len(beads) - step)
        b = a + step
        near = (beads.chain[a] == beads.chain[b]) & (
            np.abs(beads.residue[a] - beads.residue[b]) <= NEIGHBOUR_RESIDUES
        )
        a, b = a[near], b[near]
        close = np.linalg.norm(beads.xyz_a[a] - beads.xyz_a[b], axis=1) <= NEIGHBOUR_REACH_A
        found.append(np.stack((a[close], b[close]), axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _between(pairs: NDArray[np.int64], member: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same pairs between groups, without what lies within one or outside of all."""
    groups = np.sort(member[pairs], axis=1)
    real = (groups[:, 0] >= 0) & (groups[:, 0] != groups[:, 1])
    return np.unique(groups[real], axis=0).reshape(-1, 2)


def length_error(coefficients: Tensor, basis: Tensor, positions_a: Tensor, graph: ModelGraph) -> Tensor:
    """Mean squared deviation ``(b,)`` in Å² of the edges' lengths from the model, in each particle.

    As :func:`jobs.dynamight.geometry.length_change`, but with the lengths of the model instead of those of
    the consensus, so that the consensus is held as well. ``coefficients`` are ``(b, K)``, ``basis`` is
    ``(n, 3, K)`` in Å, ``positions_a`` ``(n, 3)``.
    """
    first, second = graph.edges
    # index_select has a deterministic gradient on the CPU, indexing with a tensor has not.
    rest = positions_a.index_select(0, first) - positions_a.index_select(0, second)
    change = basis.index_select(0, first) - basis.index_select(0, second)
    n_edges, _, n_modes = change.shape
    moved = rest + torch.matmul(coefficients, change.reshape(-1, n_modes).T).view(
        len(coefficients), n_edges, 3
    )
    length = torch.sqrt((moved**2).sum(-1) + 1e-8)
    return ((length - graph.lengths_a) ** 2).sum(1) / max(1, n_edges)


def sampled(graph: ModelGraph, generator: torch.Generator, limit: int) -> ModelGraph:
    """Return the graph, or ``limit`` of its edges drawn at random."""
    n_edges = graph.edges.shape[1]
    if n_edges <= limit:
        return graph
    drawn = torch.randint(n_edges, (limit,), generator=generator, device=graph.edges.device)
    return ModelGraph(graph.edges[:, drawn], graph.lengths_a[drawn], graph.n_bonds)
