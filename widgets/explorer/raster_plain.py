"""Pictures of points with numpy alone: what is seen until the compiled functions are there, and densities."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from widgets.explorer.view import View

#: More would hold up the window for longer than it takes to notice.
MOST_POINTS: Final = 25_000


def pixels_of(
    xy: NDArray[np.float32], view: View, size: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Return column and row (0 on top) of points, and which of them are in view."""
    width, height = size
    with np.errstate(invalid="ignore", over="ignore"):
        across = (xy[:, 0].astype(np.float64) - view.x_low) * (width / view.width)
        down = (view.y_high - xy[:, 1].astype(np.float64)) * (height / view.height)
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    # NaN and places far outside become 0 before the conversion, which could not hold them
    column = np.where(inside, across, 0).astype(np.intp)
    return column, np.where(inside, down, 0).astype(np.intp), inside


def discs(
    column: NDArray[np.intp],
    row: NDArray[np.intp],
    rgb: NDArray[np.uint8],
    alpha: NDArray[np.float32],
    radius: float,
    size: tuple[int, int],
) -> NDArray[np.uint32]:
    """Return a premultiplied picture ``(H, W)`` 0xAARRGGBB with a disc per point, without blending."""
    width, height = size
    picture = np.zeros((height, width), np.uint32)
    reach = int(np.ceil(radius))
    offsets = [(dx, dy) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    # opaque middles last, so that a soft edge never covers the middle of another disc
    for dx, dy in sorted(offsets, key=lambda o: -(o[0] ** 2 + o[1] ** 2)):
        cover = min(1.0, radius + 0.5 - float(np.hypot(dx, dy)))
        if cover <= 0:
            continue
        x, y = column + dx, row + dy
        keep = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        picture[y[keep], x[keep]] = _premultiplied(rgb[keep], alpha[keep] * np.float32(cover))
    return picture


def _premultiplied(rgb: NDArray[Any], alpha: NDArray[np.floating]) -> NDArray[np.uint32]:
    parts = (rgb * alpha[..., None] + 0.5).astype(np.uint32)
    opacity = (255 * alpha + 0.5).astype(np.uint32)
    return opacity << 24 | parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]


def smooth(counts: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return counts ``(H, W)`` under a Gaussian of `sigma` pixels; nothing lies outside."""
    reach = int(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        room = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        wide = np.pad(counts, room)
        result = np.zeros_like(counts)
        for k, weight in enumerate(weights):
            part = wide[k : k + counts.shape[0]] if axis == 0 else wide[:, k : k + counts.shape[1]]
            result += weight * part
        counts = result
    return counts


def density_picture(
    bright: NDArray[np.float32], dimmed: NDArray[np.float32], table: NDArray[np.uint8], logarithmic: bool
) -> NDArray[np.uint32]:
    """Return a premultiplied picture ``(H, W)`` of densities through a table; the densest takes its end.

    Where points are dimmed the picture keeps a part of its opacity, in the proportion of their number.
    """
    total = bright + dimmed
    top = float(total.max(initial=0.0))
    if top <= 0:
        return np.zeros(total.shape, np.uint32)
    if logarithmic:
        # one smoothed particle has this much in its middle of a single particle
        single = 0.04
        share = np.log1p(total / single) / np.log1p(top / single)
    else:
        share = total / top
    rgb = table[(share * (len(table) - 1) + 0.5).astype(np.intp)]
    # fades into the ground over the lowest steps, so that empty regions stay empty
    alpha = np.minimum(share * (8 if logarithmic else 24), 1)
    alpha *= 0.18 + 0.82 * bright / np.maximum(total, 1e-12)
    return _premultiplied(rgb, alpha)
