"""Groups of particles: k-means and mixtures of Gaussians, the largest group first."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from jobs.core.errors import UserError
from jobs.explore.linear_embeddings import chosen

#: Particles from which k-means, a mixture, and the starts of a mixture are learnt.
_MOST_FITTED, _MIXTURE_FITTED, _ROUGHLY_FITTED = 100_000, 30_000, 5_000
_ROWS_AT_ONCE = 65_536


class Groups(NamedTuple):
    """Labels ``(P,)`` as of :func:`clusters`, and how likely a mixture finds them, ``(P,)``, else None."""

    labels: NDArray[np.int32]
    probability: NDArray[np.float32] | None


def clusters(
    points: NDArray[np.floating], method: Literal["kmeans", "gmm"] | str, count: int, seed: int
) -> NDArray[np.int32]:
    """Return the cluster ``(P,)`` of each point ``(P, d)``; see :func:`groups`."""
    return groups(points, method, count, seed).labels


def groups(
    points: NDArray[np.floating], method: Literal["kmeans", "gmm"] | str, count: int, seed: int
) -> Groups:
    """Divide points ``(P, d)`` into clusters.

    Parameters
    ----------
    points
        Latent or shown coordinates.
    method
        ``kmeans``: round groups of like size; ``gmm``: mixture of Gaussians, for long or unlike groups.
    count
        How many; fewer come out when there are fewer different points.
    seed
        Source of randomness.

    Returns
    -------
    Groups
        0 for the largest cluster, then by falling size; -1 for points that are not finite. The probability
        of a mixture is that of the cluster of each point, NaN for those.

    Raises
    ------
    UserError
        When there is no such method, no point, or the count makes no sense.
    """
    if method not in ("kmeans", "gmm"):
        raise UserError(f"There is no clustering called {method}", hint="Choose kmeans or gmm")
    finite = np.isfinite(points).all(axis=1)
    rows = np.flatnonzero(finite)
    if not 1 <= count <= 1000:
        raise UserError(f"The number of clusters must lie between 1 and 1000, not {count}")
    if len(rows) == 0:
        raise UserError("No particle has finite coordinates, so there is nothing to cluster")
    # centred, of unit size: single precision is enough then, whatever the units
    centre = points[rows].mean(axis=0, dtype=np.float64)
    scale = float(points[rows].std(dtype=np.float64, axis=0).max()) or 1.0
    scaled = ((points[rows] - centre) / scale).astype(np.float32)
    sample = scaled[chosen(np.arange(len(rows)), _MOST_FITTED, seed)]
    different = len(np.unique(sample, axis=0)) if count > 1 else 1
    count = min(count, different)
    labels = np.full(len(points), -1, np.int32)
    # sums of several threads differ in their last bits from run to run, and threads that wait for each other
    # take the processor from a window
    with threadpool_limits(1, user_api="openmp"):
        if method == "kmeans":
            labels[rows] = _by_size(_k_means(sample, scaled, count, seed))
            return Groups(labels, None)
        found, likely = _mixture(sample, scaled, count, seed)
    labels[rows] = _by_size(found)
    probability = np.full(len(points), np.nan, np.float32)
    probability[rows] = likely
    return Groups(labels, probability)


def centres(points: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the row of the particle nearest to the mean of each cluster, in the order of labels.

    Parameters
    ----------
    points
        ``(P, d)``.
    labels
        ``(P,)`` as :func:`clusters` gives them; negative ones belong to no cluster.
    """
    rows = []
    for label in range(int(labels.max(initial=-1)) + 1):
        members = np.flatnonzero(labels == label)
        if len(members) == 0:
            continue
        of_cluster = points[members].astype(np.float64)
        squares = ((of_cluster - of_cluster.mean(axis=0)) ** 2).sum(axis=1)
        rows.append(int(members[squares.argmin()]))
    return np.array(rows, np.int64)


def _k_means(
    sample: NDArray[np.float32], points: NDArray[np.float32], count: int, seed: int
) -> NDArray[np.intp]:
    from sklearn.cluster import KMeans

    means = KMeans(count, n_init=4, random_state=seed).fit(sample).cluster_centers_.astype(np.float64)
    squares = (means**2).sum(axis=1)
    labels = np.empty(len(points), np.intp)
    for begin in range(0, len(points), _ROWS_AT_ONCE):
        block = points[begin : begin + _ROWS_AT_ONCE].astype(np.float64)
        labels[begin : begin + _ROWS_AT_ONCE] = (squares - 2 * block @ means.T).argmin(axis=1)
    return labels


def _mixture(
    sample: NDArray[np.float32], points: NDArray[np.float32], count: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Fit a mixture of Gaussians from many starts to few particles, then the likeliest of them to many.

    A single start often ends in the wrong place: round groups, as k-means gives them, cut long ones across.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    # a mixture does not mind how axes are stretched, and its starts are better with all of them alike
    stretch = 1.0 / np.maximum(sample.std(axis=0, dtype=np.float64), 1e-6)
    many = sample[chosen(np.arange(len(sample)), _MIXTURE_FITTED, seed)] * stretch
    few = many[chosen(np.arange(len(many)), _ROUGHLY_FITTED, seed)]
    # the added variance keeps flat groups, and dimensions in which nothing varies, from dividing by zero
    settings: dict[str, Any] = {"reg_covar": 1e-5, "random_state": seed}
    with warnings.catch_warnings():
        # overlapping groups may creep for long; the last iteration is as good an answer
        warnings.simplefilter("ignore", ConvergenceWarning)
        rough = [
            GaussianMixture(count, init_params=start, n_init=tries, max_iter=30, **settings).fit(few)
            for start, tries in (("kmeans", 1), ("k-means++", 2), ("random_from_data", 3))
        ]
        best: Any = max(rough, key=lambda fit: float(fit.lower_bound_))
        model: Any = GaussianMixture(
            count,
            init_params="random_from_data",
            weights_init=best.weights_,
            means_init=best.means_,
            precisions_init=best.precisions_,
            max_iter=100,
            **settings,
        ).fit(many)
    labels = np.empty(len(points), np.intp)
    probability = np.empty(len(points), np.float32)
    for begin in range(0, len(points), _ROWS_AT_ONCE):
        part = slice(begin, begin + _ROWS_AT_ONCE)
        likely = model.predict_proba(points[part] * stretch)
        labels[part], probability[part] = likely.argmax(axis=1), likely.max(axis=1)
    return labels, probability


def _by_size(labels: NDArray[np.intp]) -> NDArray[np.int32]:
    """Number clusters anew, the largest first; without gaps where a cluster has no member."""
    sizes = np.bincount(labels)
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(len(sizes), np.int32)
    number[order] = np.arange(len(sizes))
    return number[labels]
