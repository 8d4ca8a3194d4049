"""Weights of particles by their distance from a latent place, as wide as wanted particles take part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

KERNELS: Final = ("epanechnikov", "gaussian")
#: Beyond this many bandwidths a Gaussian weight (0.2 %) is taken as zero, so that few images are read.
_GAUSSIAN_REACH: Final = 3.5
_STEPS: Final = 60


@dataclass(frozen=True, eq=False)
class Whitening:
    """Makes distances those of Mahalanobis: every direction counts in its own standard deviations.

    Attributes
    ----------
    mean
        ``(L,)``.
    matrix
        ``(L, R)``; directions without variance are left out.
    """

    mean: Floats
    matrix: Floats

    @classmethod
    def of(cls, latent: npt.NDArray[np.floating]) -> Whitening:
        """Whitening of places ``(P, L)``."""
        values = np.asarray(latent, np.float64)
        mean = values.mean(0)
        covariance = (
            np.atleast_2d(np.cov(values - mean, rowvar=False)) if len(values) > 1 else np.zeros((1, 1))
        )
        power, axes = np.linalg.eigh(covariance)
        kept = power > max(float(power[-1]), 0.0) * 1e-10
        return cls(mean, axes[:, kept] / np.sqrt(power[kept]))

    def __call__(self, places: npt.NDArray[np.floating]) -> Floats:
        """Return places ``(..., L)`` in whitened coordinates ``(..., R)``."""
        return (np.asarray(places, np.float64) - self.mean) @ self.matrix


def effective_number(weights: Floats) -> float:
    """How many equal weights scatter as much: ``(sum w)^2 / sum w^2``."""
    square = float((weights**2).sum())
    return float(weights.sum()) ** 2 / square if square > 0 else 0.0


def kernel_weights(distance: Floats, bandwidth: float, kernel: str = KERNELS[0]) -> Floats:
    """Weights ``(P,)``, 1 at distance zero.

    Epanechnikov: ``1 - (d/h)^2`` within the bandwidth. Gaussian: ``exp(-d^2 / 2 h^2)``, zero beyond 3.5 h.
    """
    scaled = distance / bandwidth
    if kernel == KERNELS[0]:
        return np.clip(1 - scaled**2, 0, None)
    return np.where(scaled <= _GAUSSIAN_REACH, np.exp(-0.5 * np.minimum(scaled, 40) ** 2), 0.0)


def weights_for(distance: Floats, wanted: float, kernel: str = KERNELS[0]) -> tuple[Floats, float]:
    """Weights whose effective number of particles is as wanted.

    Parameters
    ----------
    distance
        ``(P,)`` distances from the place.
    wanted
        Effective number; all particles count alike when there are no more than that.
    kernel
        One of :data:`KERNELS`.

    Returns
    -------
    tuple
        Weights ``(P,)`` and the bandwidth, infinite when all count alike.
    """
    distance = np.asarray(distance, np.float64)
    if wanted >= len(distance):
        return np.ones(len(distance)), float("inf")
    scale = max(float(distance.max()), 1e-12)
    nearest = np.partition(distance, int(wanted))[int(wanted)]
    low, high = np.log(max(nearest, 1e-9 * scale) * 0.1), np.log(scale * 1e3)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if effective_number(kernel_weights(distance, float(np.exp(middle)), kernel)) < wanted:
            low = middle
        else:
            high = middle
    bandwidth = float(np.exp(high))
    return kernel_weights(distance, bandwidth, kernel), bandwidth
