"""Which points lie inside a polygon, exactly, for a million points and a thousand corners."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from widgets.explorer import compiled

_CHUNK: Final = 65_536


def inside(xy: NDArray[Any], polygon: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which points lie inside a polygon by the even-odd rule.

    A point is inside when a ray to the right crosses the outline an odd number of times; what a crossing
    outline encloses twice is outside. Each edge owns its lower end and not its upper one, so that polygons
    which share an edge share no point. May be called from any thread.

    Parameters
    ----------
    xy : (P, 2) array
        Points; those with NaN are outside. Compared as float32.
    polygon : (M, 2) array
        Corners; the last is joined with the first. Fewer than three enclose nothing.

    Returns
    -------
    (P,) bool array

    Raises
    ------
    ValueError
        If shapes are wrong or a corner is not finite.
    """
    points = np.ascontiguousarray(xy, np.float32)
    corners = np.asarray(polygon, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points have shape {points.shape}, expected (points, 2)")
    if corners.ndim != 2 or corners.shape[1] != 2:
        raise ValueError(f"the polygon has shape {corners.shape}, expected (corners, 2)")
    if not np.isfinite(corners).all():
        raise ValueError("the polygon has corners that are not finite numbers")
    if len(corners) < 3 or not len(points):
        return np.zeros(len(points), np.bool_)
    edges = np.ascontiguousarray(np.hstack([corners, np.roll(corners, -1, axis=0)]))
    kernels = compiled.polygon_kernels()
    if kernels is None:
        return _inside_plain(points, edges)
    if not points.flags.writeable:
        points = points.copy()
    result = np.empty(len(points), np.uint8)
    kernels.inside(points, edges, result)
    return result.view(np.bool_)


def _inside_plain(points: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Do the same with numpy, edge by edge over the points at its height (in chunks that stay in cache)."""
    result = np.zeros(len(points), np.bool_)
    low, high = edges.reshape(-1, 2).min(axis=0), edges.reshape(-1, 2).max(axis=0)
    x, y = points[:, 0], points[:, 1]
    near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
    near = near[np.argsort(y[near], kind="stable")]
    for begin in range(0, len(near), _CHUNK):
        rows = near[begin : begin + _CHUNK]
        across, up = x[rows].astype(np.float64), y[rows].astype(np.float64)
        odd = np.zeros(len(rows), np.bool_)
        # an edge crosses the rays of points from its lower end (included) to its upper end (excluded)
        first = np.searchsorted(up, np.minimum(edges[:, 1], edges[:, 3]), side="left")
        last = np.searchsorted(up, np.maximum(edges[:, 1], edges[:, 3]), side="left")
        for k in np.flatnonzero(last > first):
            x1, y1, x2, y2 = edges[k]
            part = slice(first[k], last[k])
            odd[part] ^= across[part] < x1 + (up[part] - y1) * ((x2 - x1) / (y2 - y1))
        result[rows] = odd
    return result
