"""Smoothing and dividing of paths. numpy and scipy only."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from jobs.core.errors import UserError

Floats = NDArray[np.float32]

#: Points by which a path is described while it is smoothed.
DENSE: Final = 400
# Standard deviation of the smoothing of a hand's tremor, as a fraction of the path.
TREMOR: Final = 0.015


def smooth_path(points: ArrayLike, span: ArrayLike = (1.0, 1.0)) -> NDArray[np.float64]:
    """Return a path drawn by hand without the hand's tremor, ``(400, 2)``; both ends stay.

    Raises
    ------
    UserError
        If it has no length.
    """
    drawn = np.asarray(points, np.float64).reshape(-1, 2)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    with_length(drawn / np.asarray(span))
    return smoothed(resample(drawn, DENSE, span).astype(np.float64), TREMOR)


def resample(path: ArrayLike, count: int, span: ArrayLike = (1.0, 1.0)) -> Floats:
    """Return points equally far apart along a path ``(M, d)``, in lengths where ``span`` counts as 1."""
    corners = np.asarray(path, np.float64)
    step = np.linalg.norm(np.diff(corners, axis=0) / np.asarray(span, np.float64), axis=1)
    kept = np.r_[True, step > 0]
    along = np.r_[0.0, np.cumsum(step)][kept]
    corners = corners[kept]
    wanted = np.linspace(0, along[-1], count)
    found = np.column_stack([np.interp(wanted, along, column) for column in corners.T])
    found[-1] = corners[-1]
    return found.astype(np.float32)


def smoothed(path: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return a path of equal steps smoothed by a Gaussian whose width is given as a fraction of it.

    It is continued point-symmetrically beyond its ends, which stay in place.
    """
    n = len(path) - 1
    before, after = 2 * path[0] - path[n:0:-1], 2 * path[n] - path[n - 1 :: -1]
    longer = np.concatenate([before, path, after])
    return np.asarray(gaussian_filter1d(longer, width * n, axis=0)[n : 2 * n + 1])


def knots_of(length: NDArray[np.float64], frames: int) -> NDArray[np.int64]:
    """Return the frames ``(H,)`` of H anchors with these distances ``(H - 1,)``, each later than the last."""
    ideal = np.r_[0.0, np.cumsum(length) / length.sum()] * (frames - 1)
    knots = np.rint(ideal).astype(np.int64)
    order = np.arange(len(knots))
    # at least one step for each, from the left, then leaving room to the right
    knots = np.maximum.accumulate(knots - order) + order
    return np.minimum(knots, frames - 1 - order[::-1])


def between(frame: NDArray[Any], knots: NDArray[np.int64], values: NDArray[np.float64]) -> Floats:
    """Return ``(F, d)`` by linear interpolation between the values ``(H, d)`` of knots ``(H,)``."""
    found = np.column_stack([np.interp(frame, knots, column) for column in values.T])
    return found.astype(np.float32)


def with_length(path: NDArray[Any]) -> None:
    """Refuse a path ``(M, 2)`` whose points all lie in one place.

    Raises
    ------
    UserError
        If it has no length.
    """
    if len(path) < 2 or not np.linalg.norm(np.diff(path, axis=0), axis=1).sum() > 0:
        raise UserError("the path has no length", hint="Press, draw, and let go at its end.")
