"""Pictures of point clouds of any size: discs for thousands of points, density for millions. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DISC_LIMIT: Final = 50_000
"""Up to this many points in view each is drawn as a disc; beyond, the density is drawn."""

Floats = NDArray[np.floating]
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """The rectangle of the plane that is looked at, and the pixels it is shown with."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    width: int
    height: int

    def pixels(self, xy: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Return column, row (rows count upward) and whether inside, for points ``(P, 2)``."""
        column = _bins(xy[:, 0], self.x_low, self.x_high, self.width)
        row = _bins(xy[:, 1], self.y_low, self.y_high, self.height)
        inside = (column >= 0) & (column < self.width) & (row >= 0) & (row < self.height)
        return column, row, inside


def _bins(values: Floats, low: float, high: float, count: int) -> NDArray[np.int32]:
    scale = np.float32(count / (high - low)) if high > low else np.float32(0)
    place = (values.astype(np.float32, copy=False) - np.float32(low)) * scale
    # beyond the picture, and NaN, become -1 before the conversion to integers, which could not hold them
    place = np.where((place >= 0) & (place < count), place, np.float32(-1))
    return np.floor(place).astype(np.int32)


def colour_indices(
    values: Floats | None, limits: tuple[float, float], count: int
) -> NDArray[np.uint8] | None:
    """Return for each value its place (0 … `count` - 1) in a colour table; NaN gets 0."""
    if values is None:
        return None
    low, high = limits
    scaled = (values.astype(np.float32, copy=False) - np.float32(low)) / np.float32(max(high - low, 1e-30))
    return (np.clip(np.nan_to_num(scaled), 0, 1) * np.float32(count - 1)).astype(np.uint8)


def colour_limits(values: Floats) -> tuple[float, float]:
    """Return the 1st and 99th percentile of the finite values, so that outliers do not flatten the rest."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    # every so manieth value is enough for a percentile
    sample = finite[:: max(1, finite.size // 50_000)]
    low, high = (float(v) for v in np.percentile(sample, (1, 99)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def draw_points(
    xy: Floats,
    colour: NDArray[np.uint8] | None,
    table: Picture,
    view: View,
    *,
    radius_px: float = 2.0,
) -> Picture:
    """Return an RGBA picture of the points in view.

    Parameters
    ----------
    xy : (P, 2) array
        Points.
    colour : (P,) uint8 array, optional
        Row of the colour table for each point; without it discs take the table's last row, and a density
        runs through the table.
    table : (C, 3) uint8 array
        Colours.
    view : View
        What is looked at, and its size in pixels.
    radius_px : float
        Radius of the discs.

    Returns
    -------
    (H, W, 4) uint8 array
        Row 0 is the lower edge (mathematical orientation); empty pixels are transparent.
    """
    column, row, inside = view.pixels(xy)
    shown = np.flatnonzero(inside)
    column, row = column[shown], row[shown]
    colour = colour[shown] if colour is not None else None
    if len(shown) <= DISC_LIMIT:
        return _discs(column, row, colour, table, view, radius_px)
    return _density(column, row, colour, table, view)


def _discs(
    column: NDArray[np.int32],
    row: NDArray[np.int32],
    colour: NDArray[np.uint8] | None,
    table: Picture,
    view: View,
    radius_px: float,
) -> Picture:
    reach = int(np.ceil(radius_px))
    # a frame around the picture takes what discs at its rim reach beyond it
    across, up = view.width + 2 * reach, view.height + 2 * reach
    picture = np.zeros((up, across, 4), np.uint8)
    pixels = picture.reshape(-1, 4).view(np.uint32)[:, 0]
    place = (row.astype(np.int64) + reach) * across + column + reach
    rgba = np.empty((len(column), 4), np.uint8)
    rgba[:, :3] = table[colour] if colour is not None else table[-1]
    # opaque middles last, so that a disc's soft edge never covers the middle of another
    offsets = [(dx, dy) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    for dx, dy in sorted(offsets, key=lambda o: -(o[0] ** 2 + o[1] ** 2)):
        cover = min(1.0, radius_px + 0.5 - float(np.hypot(dx, dy)))
        if cover > 0:
            rgba[:, 3] = round(255 * cover)
            pixels[place + (dy * across + dx)] = rgba.view(np.uint32)[:, 0]
    return np.ascontiguousarray(picture[reach : reach + view.height, reach : reach + view.width])


def _density(
    column: NDArray[np.int32],
    row: NDArray[np.int32],
    colour: NDArray[np.uint8] | None,
    table: Picture,
    view: View,
) -> Picture:
    pixels = view.width * view.height
    flat = row * np.int32(view.width) + column
    count = np.bincount(flat, minlength=pixels).astype(np.float32)
    filled = count > 0
    # a logarithm, because the middle of a cloud is thousands of times denser than its rim
    strength = np.log1p(count)
    top = float(np.percentile(strength[filled], 99.5)) if filled.any() else 1.0
    strength = np.minimum(strength / max(top, 1e-6), 1)
    picture = np.zeros((pixels, 4), np.uint8)
    if colour is None:
        picture[:, :3] = table[(strength * (len(table) - 1)).astype(np.uint8)]
        picture[filled, 3] = 255
    else:
        mean = np.bincount(flat, weights=colour, minlength=pixels) / np.maximum(count, 1)
        picture[:, :3] = table[mean.astype(np.uint8)]
        picture[filled, 3] = (90 + 165 * strength[filled]).astype(np.uint8)
    return picture.reshape(view.height, view.width, 4)
