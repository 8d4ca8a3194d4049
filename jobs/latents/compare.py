"""Do two latent spaces say the same of the same particles? Neighbours, and canonical correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from jobs.core.errors import UserError

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.floating]

#: Neighbours are looked for of so many particles at most; all particles may be neighbours.
_QUERIES: Final = 5000
#: Directions with less than this part of the largest variance are left out.
_FLAT: Final = 1e-10


@dataclass(frozen=True)
class Comparison:
    """How far two latent spaces agree.

    Attributes
    ----------
    n
        Particles compared.
    neighbours
        How many nearest neighbours of a particle were compared.
    overlap, overlap_shuffled
        Mean share of them that are neighbours in both; the same with the particles of one space shuffled.
    correlations, correlations_shuffled
        Canonical correlations, of particles that were not fitted; the same shuffled.
    """

    n: int
    neighbours: int
    overlap: float
    overlap_shuffled: float
    correlations: tuple[float, ...]
    correlations_shuffled: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """The result in words."""
        best = self.correlations[0] if self.correlations else 0.0
        chance = max((abs(c) for c in self.correlations_shuffled), default=0.0)
        shared = sum(c > max(0.3, 2 * chance) for c in self.correlations)
        listed = ", ".join(f"{c:.2f}" for c in self.correlations)
        if self.overlap > 0.9 and best > 0.95:
            verdict = "They say the same of the particles."
        elif not shared and self.overlap < 2 * self.overlap_shuffled + 0.02:
            verdict = "They have nothing in common beyond chance."
        else:
            kinds = f"{shared} direction{'s' if shared != 1 else ''}"
            verdict = f"They share {kinds} of {len(self.correlations)}, and differ otherwise."
        return (
            f"Of the {self.neighbours} nearest neighbours of a particle, {100 * self.overlap:.1f} % are "
            f"neighbours in both latent spaces (shuffled: {100 * self.overlap_shuffled:.1f} %); canonical "
            f"correlations of particles that were not fitted are {listed} (shuffled: at most {chance:.2f}). "
            f"{verdict}"
        )


def compare(first: Places, second: Places, neighbours: int = 20, seed: int = 0) -> Comparison:
    """Compare places ``(P, A)`` and ``(P, B)`` of the same particles.

    Parameters
    ----------
    first, second
        Row by row the same particles.
    neighbours
        Number of nearest neighbours.
    seed
        Of what is drawn: which particles are asked, halves, shuffled orders.

    Raises
    ------
    UserError
        When the numbers of particles differ, or there are too few.
    """
    if len(first) != len(second):
        raise UserError(
            f"latent places of {len(first):,} particles are compared with those of {len(second):,}"
        )
    least = 2 * max(first.shape[1], second.shape[1]) + 4
    if len(first) < max(least, 5):
        raise UserError(f"{max(least, 5)} particles at least are needed to compare, not {len(first)}")
    count = min(neighbours, len(first) - 2)
    rng = np.random.default_rng(seed)
    shuffled = second[rng.permutation(len(second))]
    return Comparison(
        len(first),
        count,
        neighbour_overlap(first, second, count, seed),
        neighbour_overlap(first, shuffled, count, seed),
        tuple(canonical_correlations(first, second, seed).tolist()),
        tuple(canonical_correlations(first, shuffled, seed).tolist()),
    )


def neighbour_overlap(first: Places, second: Places, neighbours: int, seed: int = 0) -> float:
    """Mean share of a particle's nearest neighbours that are so in both spaces; Euclidean distances."""
    n = len(first)
    queries = np.arange(n)
    if n > _QUERIES:
        queries = np.sort(np.random.default_rng(seed).choice(n, _QUERIES, replace=False))
    near = [_nearest(np.asarray(places, np.float64), queries, neighbours) for places in (first, second)]
    # Sorted together, a neighbour in both stands twice in a row.
    together = np.sort(np.concatenate(near, axis=1), axis=1)
    return float((together[:, 1:] == together[:, :-1]).sum() / (len(queries) * neighbours))


def _nearest(places: Floats, queries: npt.NDArray[np.int64], neighbours: int) -> npt.NDArray[np.int64]:
    """The nearest others ``(q, k)`` of some rows."""
    found = np.asarray(cKDTree(places).query(places[queries], neighbours + 1)[1], np.int64)
    own = found == queries[:, None]
    # Among several in one place a particle may not find itself: the farthest then goes.
    own[~own.any(1), -1] = True
    return found[~own].reshape(len(queries), neighbours)


def canonical_correlations(first: Places, second: Places, seed: int = 0) -> Floats:
    """Canonical correlations ``(min(A, B),)`` on held-out halves: fitted on one, measured on the other.

    Both ways, averaged. In particles that were fitted correlations would be above zero for any two spaces.
    """
    n = len(first)
    order = np.random.default_rng(seed).permutation(n)
    parts = order[: n // 2], order[n // 2 :]
    found = []
    for fitted, held in (parts, parts[::-1]):
        a, b = canonical_directions(first[fitted], second[fitted])
        x = (np.asarray(first[held], np.float64) - first[held].mean(0)) @ a
        y = (np.asarray(second[held], np.float64) - second[held].mean(0)) @ b
        size = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
        found.append((x * y).sum(0) / np.where(size > 0, size, 1))
    k = min(len(part) for part in found)
    return 0.5 * (found[0][:k] + found[1][:k])


def canonical_directions(first: Places, second: Places) -> tuple[Floats, Floats]:
    """Directions ``(A, K)`` and ``(B, K)`` whose projections correlate most, one pair after another."""
    white = [_whiten(np.asarray(places, np.float64)) for places in (first, second)]
    left, _, right = np.linalg.svd(white[0][0].T @ white[1][0], full_matrices=False)
    return white[0][1] @ left, white[1][1] @ right.T


def _whiten(places: Floats) -> tuple[Floats, Floats]:
    """Orthonormal columns that span the centred places, and the matrix that makes them."""
    centred = places - places.mean(0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    kept = s > max(float(s[0]) if len(s) else 0.0, 1e-300) * _FLAT**0.5
    return u[:, kept], vt[kept].T / s[kept]
