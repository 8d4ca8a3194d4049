"""Heuristics of convergence that need latent places only: how they move, and what held-out images say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def shifts(places: Callable[[int], Array], epochs: Sequence[int]) -> Array:
    """Return how latent places move from epoch to epoch.

    With ``a`` the step of a particle into an epoch and ``b`` that out of it, each row holds the medians over
    all particles of the product ``a . b``, of the length of ``b`` and of ``1 - cos(a, b)``.

    Parameters
    ----------
    places
        Gives the places ``(P, L)`` of an epoch; three are in memory at a time.
    epochs
        In order, all one apart for the numbers to be comparable.

    Returns
    -------
    numpy.ndarray
        ``(E - 2, 3)`` for ``E`` epochs; no rows for fewer than three.
    """
    found = []
    before: Array | None = None
    last: Array | None = None
    for epoch in epochs:
        now = places(epoch).astype(np.float64)
        if last is not None:
            step = now - last
            if before is not None:
                product = (before * step).sum(axis=1)
                length = np.linalg.norm(step, axis=1)
                size = np.linalg.norm(before, axis=1) * length
                cosine = np.divide(product, size, out=np.zeros_like(product), where=size > 0)
                found.append((np.median(product), np.median(length), np.median(1 - cosine)))
            before = step
        last = now
    return np.array(found, np.float64).reshape(-1, 3)


def last_steps(places: Callable[[int], Array], epochs: Sequence[int]) -> Array:
    """Return the median length ``(E - 1,)`` of the steps of the particles between epochs, per epoch."""
    found = []
    last: Array | None = None
    for number, epoch in enumerate(epochs):
        now = places(epoch).astype(np.float64)
        if last is not None:
            length = np.linalg.norm(now - last, axis=1)
            found.append(float(np.median(length)) / max(1, epoch - epochs[number - 1]))
        last = now
    return np.array(found)


def spread(places: Array) -> float:
    """Root mean square distance of places ``(P, L)`` from their mean."""
    return float(np.sqrt(places.astype(np.float64).var(axis=0).sum()))


def divergence(mean: Array, log_variance: Array, other_mean: Array, other_log_variance: Array) -> Array:
    """Return the divergence ``(P,)`` in nats of diagonal Gaussians from others, by Kullback and Leibler.

    All arguments are ``(P, L)``.
    """
    a, b = log_variance.astype(np.float64), other_log_variance.astype(np.float64)
    apart = mean.astype(np.float64) - other_mean
    return 0.5 * (b - a + (np.exp(a) + apart**2) / np.exp(b) - 1).sum(axis=1)


def log_high(values: Array, percentile: float = 90.0) -> float:
    """Return the logarithm of a high percentile of positive values."""
    return float(np.log(max(float(np.percentile(values, percentile)), 1e-12)))


def representatives(places: Array, members: Sequence[Array]) -> tuple[Array, Array]:
    """Return the particles ``(m,)`` nearest to the median place of each group, and where they are ``(m, L)``.

    The nearest is looked for among all particles.
    """
    from jobs.tomodrgn.analysis_latent import nearest_rows

    medians = np.array([np.median(places[rows], axis=0) for rows in members])
    rows = nearest_rows(places, medians)
    return rows, places[rows]
