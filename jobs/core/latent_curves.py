"""Curves through latent space that stay where particles are; numpy only, for window and command line."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Groups into which particles are gathered, so that a million cost as little as a thousand.
_GROUPS: Final = 512
#: Width of the neighbourhood that is averaged, as a part of the way, and particles it should hold at least.
_WIDTH: Final = 0.06
_FEWEST: Final = 12.0


def follow_particles(coordinate: ArrayLike, latent: ArrayLike, at: ArrayLike) -> NDArray[np.float32]:
    """Return mean states of the particles along a coordinate.

    Where the particles lie on a bent band, a straight line along a principal component leaves them; the local
    means do not.  Local linear regression with a Gaussian neighbourhood, which has no bias at the ends.

    Parameters
    ----------
    coordinate
        ``(P,)`` where particles lie.
    latent
        ``(P, L)`` their states.
    at
        ``(F,)`` places along the coordinate.

    Returns
    -------
    ndarray
        ``(F, L)`` float32 states.
    """
    x = np.asarray(coordinate, np.float64)
    places = np.atleast_1d(np.asarray(at, np.float64))
    good = np.isfinite(x)
    states = np.asarray(latent)[good]
    x = x[good]
    low, high = float(x.min()), float(x.max())
    group = np.minimum(((x - low) / max(high - low, 1e-30) * _GROUPS).astype(np.int64), _GROUPS - 1)
    count = np.bincount(group, minlength=_GROUPS).astype(np.float64)
    filled = count > 0
    mean_x = np.bincount(group, weights=x, minlength=_GROUPS)[filled] / count[filled]
    columns = [np.bincount(group, weights=column, minlength=_GROUPS)[filled] for column in states.T]
    mean_z = np.stack(columns, 1) / count[filled, None]
    count = count[filled]
    width = max(_WIDTH, _FEWEST / len(x)) * max(high - low, 1e-30)
    result = np.empty((len(places), mean_z.shape[1]))
    for k, place in enumerate(places):
        away = mean_x - place
        weight = count * np.exp(-0.5 * np.square(away / width))
        weight /= weight.sum()
        centre = weight @ away
        spread = weight @ np.square(away - centre)
        middle = weight @ mean_z
        if spread > 1e-12 * width**2:
            slope = (weight * (away - centre)) @ mean_z / spread
            middle = middle - slope * centre
        result[k] = middle
    return result.astype(np.float32)
