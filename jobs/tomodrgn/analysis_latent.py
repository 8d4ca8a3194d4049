"""Shape of a latent space: principal components, groups of particles, and places along the components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from jobs.core.errors import UserError

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

_ROWS_AT_ONCE: Final = 65_536
#: Particles from which k-means is learnt; all others join the nearest centre.
_MOST_FITTED: Final = 100_000
#: Percentiles between which the places along a component lie.
LIMITS: Final = (5.0, 95.0)


@dataclass(frozen=True)
class Pca:
    """Principal components of latent places.

    Attributes
    ----------
    mean
        ``(L,)``.
    axes
        ``(L, L)`` one unit vector per row, the most variable direction first; the largest entry of each is
        positive.
    variance
        ``(L,)`` along each axis (divided by ``P - 1``).
    coordinates
        ``(P, L)`` float32 of each particle.
    """

    mean: Doubles
    axes: Doubles
    variance: Doubles
    coordinates: NDArray[np.float32]

    @property
    def shares(self) -> Doubles:
        """Share of the whole variance along each axis; zeros when nothing varies."""
        total = self.variance.sum()
        return self.variance / total if total > 0 else np.zeros_like(self.variance)

    def along(self, component: int, values: Floats) -> NDArray[np.float32]:
        """Latent places ``(n, L)`` at values on one component (from 0), all others being zero."""
        return (self.mean + np.asarray(values)[:, None] * self.axes[component]).astype(np.float32)


def pca(z: Floats) -> Pca:
    """Return all principal components of ``(P, L)`` places.

    Sums are taken in double precision, block by block, so that a million particles need no second copy.
    """
    mean = z.mean(axis=0, dtype=np.float64)
    squares = np.zeros((z.shape[1], z.shape[1]))
    for begin in range(0, len(z), _ROWS_AT_ONCE):
        block = z[begin : begin + _ROWS_AT_ONCE] - mean
        squares += block.T @ block
    variance, vectors = np.linalg.eigh(squares / max(1, len(z) - 1))
    axes = vectors[:, ::-1].T.copy()
    axes *= np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(1)] < 0, -1.0, 1.0)[:, None]
    coordinates = np.empty(z.shape, np.float32)
    for begin in range(0, len(z), _ROWS_AT_ONCE):
        coordinates[begin : begin + _ROWS_AT_ONCE] = (z[begin : begin + _ROWS_AT_ONCE] - mean) @ axes.T
    return Pca(mean, axes, np.maximum(variance[::-1], 0.0), coordinates)


def values_along(coordinate: Floats, n: int, limits: tuple[float, float], percentiles: bool) -> Doubles:
    """Return ``n`` values on a component: at equally spaced percentiles, or equally spaced between two.

    Parameters
    ----------
    coordinate
        ``(P,)`` of the particles.
    n, limits
        How many, and the first and last percentile.
    percentiles
        Whether percentiles, rather than values, are equally spaced.
    """
    if percentiles:
        return np.percentile(coordinate, np.linspace(*limits, n)).astype(np.float64)
    low, high = np.percentile(coordinate, limits)
    return np.linspace(low, high, n)


def nearest_rows(z: Floats, places: Floats) -> Rows:
    """Return the particle ``(k,)`` nearest to each of ``(k, L)`` places."""
    best = np.full(len(places), np.inf)
    rows = np.zeros(len(places), np.int64)
    for begin in range(0, len(z), _ROWS_AT_ONCE):
        squares = _squares(z[begin : begin + _ROWS_AT_ONCE], places)
        found = squares.argmin(axis=0)
        closest = squares[found, np.arange(len(places))]
        nearer = closest < best
        best[nearer], rows[nearer] = closest[nearer], found[nearer] + begin
    return rows


@dataclass(frozen=True)
class Groups:
    """Groups of particles by k-means.

    Attributes
    ----------
    labels
        ``(P,)`` int32, from 0; neighbouring labels are like one another.
    means
        ``(K, L)`` mean place of each group.
    rows
        ``(K,)`` particle nearest to each mean.
    centres
        ``(K, L)`` float32 places of those particles.
    """

    labels: NDArray[np.int32]
    means: Doubles
    rows: Rows
    centres: NDArray[np.float32]


def groups(z: Floats, count: int, seed: int) -> Groups:
    """Divide ``(P, L)`` places into groups by k-means, ordered by hierarchical clustering of their means.

    Learnt from at most 100,000 particles; the others join the nearest mean. Means are then replaced by the
    nearest particles, so that volumes are made only of states that were seen.

    Raises
    ------
    UserError
        When the count makes no sense.
    """
    if count < 1:
        raise UserError(f"there is at least one group of particles, not {count}")
    if not len(z):
        raise UserError("there are no particles to divide into groups")
    from scipy.cluster.hierarchy import leaves_list, linkage
    from sklearn.cluster import KMeans

    sample = z
    if len(z) > _MOST_FITTED:
        rng = np.random.default_rng(seed)
        sample = z[np.sort(rng.choice(len(z), _MOST_FITTED, replace=False))]
    count = min(count, len(np.unique(sample, axis=0)))
    # Sums of several threads differ in their last bits from run to run.
    with threadpool_limits(1, user_api="openmp"):
        fitted = KMeans(count, n_init=4, random_state=seed).fit(np.asarray(sample, np.float64))
    means = fitted.cluster_centers_
    if count > 2:
        means = means[leaves_list(linkage(means, method="average", optimal_ordering=True))]
    labels = np.empty(len(z), np.int32)
    for begin in range(0, len(z), _ROWS_AT_ONCE):
        labels[begin : begin + _ROWS_AT_ONCE] = _squares(z[begin : begin + _ROWS_AT_ONCE], means).argmin(1)
    rows = nearest_rows(z, means)
    return Groups(labels, means, rows, z[rows].astype(np.float32))


def _squares(points: Floats, places: Floats) -> Doubles:
    """Squared distances ``(n, k)``, from centred numbers so that little is lost by rounding."""
    centre = places.mean(axis=0, dtype=np.float64)
    a, b = points - centre, np.asarray(places, np.float64) - centre
    found = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    return np.maximum(found, 0.0)
