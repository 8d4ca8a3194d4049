"""Small pictures of many particles in every pair of some dimensions; numpy only, made for a thread."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from widgets.explorer.colouring import Colouring, sample_of

Picture = NDArray[np.uint8]
#: Up to this many particles are drawn as small discs, more as dots of one pixel.
FEW = 20_000


@dataclass(frozen=True, eq=False)
class PairOrder:
    """What is to be drawn.

    Attributes
    ----------
    columns
        ``(P,)`` values of each dimension.
    side
        Width and height of a cell in pixels.
    colouring
        Of the particles; None for one colour.
    shown
        ``(P,)`` bool, which are drawn; None for all.
    selected
        ``(P,)`` bool, which stand out; None for no selection.
    ground, quiet, strong
        ``(3,)`` colours of the empty cell, of what does not stand out, and of what does.
    """

    columns: tuple[NDArray[np.floating], ...]
    side: int
    colouring: Colouring | None
    shown: NDArray[np.bool_] | None
    selected: NDArray[np.bool_] | None
    ground: tuple[int, int, int]
    quiet: tuple[int, int, int]
    strong: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class PairPictures:
    """The pictures.

    Attributes
    ----------
    order
        What was asked for.
    cells
        ``(side, side, 3)`` pictures by row and column; row 0 of a picture is its upper edge. The dimension of
        the column runs to the right, that of the row upwards.
    limits
        Lowest and highest value drawn of each dimension.
    correlation
        Of each pair of dimensions, of the particles that are drawn.
    """

    order: PairOrder
    cells: dict[tuple[int, int], Picture] = field(default_factory=dict)
    limits: tuple[tuple[float, float], ...] = ()
    correlation: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


def draw_pairs(order: PairOrder) -> PairPictures:
    """Draw histograms on the diagonal, colours below it, densities above."""
    limits = tuple(_limits(values) for values in order.columns)
    bins = [_bins(values, ends, order.side) for values, ends in zip(order.columns, limits, strict=True)]
    rgb = _colours(order)
    cells: dict[tuple[int, int], Picture] = {}
    for row, up in enumerate(bins):
        cells[row, row] = _histogram(up, order)
        for column in range(row):
            across = bins[column]
            flat = (order.side - 1 - up) * order.side + across
            flat[(up < 0) | (across < 0)] = -1
            cells[row, column] = _coloured(flat, order, rgb)
            # the same points with both axes exchanged: the mirror image at the rising diagonal
            density = _density(flat, order)
            cells[column, row] = np.ascontiguousarray(density[::-1, ::-1].transpose(1, 0, 2))
    return PairPictures(order, cells, limits, _correlations(order))


def _colours(order: PairOrder) -> Picture:
    """Return the colours of the particles, ``(P, 3)``, or one for all, ``(3,)``."""
    made = order.colouring
    if made is not None and made.rgb is not None:
        return made.rgb
    if made is not None and made.index is not None:
        return made.table[made.index]
    return np.array(order.strong, np.uint8)


def _limits(values: NDArray[np.floating]) -> tuple[float, float]:
    sample = sample_of(values)
    if not sample.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(sample, (0.1, 99.9)))
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _bins(values: NDArray[np.floating], limits: tuple[float, float], count: int) -> NDArray[np.int32]:
    low, high = limits
    place = (values.astype(np.float32, copy=False) - np.float32(low)) * np.float32(count / (high - low))
    with np.errstate(invalid="ignore"):
        inside = (place >= 0) & (place < count)
    return np.where(inside, place, np.float32(-1)).astype(np.int32)


def _drawn(order: PairOrder, flat: NDArray[np.int32], selected: bool) -> NDArray[np.bool_]:
    """Return which particles are drawn: those in the cell and shown, and of them the selected ones or not."""
    drawn = flat >= 0
    if order.shown is not None:
        drawn &= order.shown
    if order.selected is not None:
        drawn &= order.selected if selected else ~order.selected
    return drawn


def _coloured(flat: NDArray[np.int32], order: PairOrder, rgb: Picture) -> Picture:
    picture = np.empty((order.side, order.side, 3), np.uint8)
    picture[:] = order.ground
    if order.selected is not None:
        rows = np.flatnonzero(_drawn(order, flat, False))
        picture = _splat(picture, flat[rows], np.array(order.quiet, np.uint8), order.side)
    rows = np.flatnonzero(_drawn(order, flat, True))
    return _splat(picture, flat[rows], rgb[rows] if rgb.ndim == 2 else rgb, order.side)


def _splat(picture: Picture, flat: NDArray[np.int32], rgb: Picture, side: int) -> Picture:
    """Put particles into a picture: the mean colour of each pixel, stronger where there are more of them."""
    if not len(flat):
        return picture
    size = side * side
    count = np.bincount(flat, minlength=size).astype(np.float64)
    sums = np.empty((3, size))
    for k in range(3):
        sums[k] = np.bincount(flat, rgb[:, k], size) if rgb.ndim == 2 else count * float(rgb[k])
    if len(flat) <= FEW:
        count, sums = _widened(count, sums, side)
    filled = count > 0
    mean = sums[:, filled] / count[filled]
    middle = float(np.median(count[filled]))
    strength = (
        np.clip(0.45 + 0.3 * count[filled] / middle, 0, 1)
        if len(flat) > FEW
        else np.minimum(count[filled], 1)
    )
    flat_picture = picture.reshape(size, 3).astype(np.float64)
    flat_picture[filled] += (mean.T - flat_picture[filled]) * strength[:, None]
    return np.rint(flat_picture).astype(np.uint8).reshape(side, side, 3)


def _widened(
    count: NDArray[np.float64], sums: NDArray[np.float64], side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread each particle over its neighbours, so that single ones are seen."""
    stack = np.concatenate([count[None], sums]).reshape(4, side, side)
    result = stack.copy()
    soft = 0.45
    for axis in (1, 2):
        for step in (1, -1):
            moved = np.roll(stack, step, axis=axis)
            edge: list[slice | int] = [slice(None)] * 3
            edge[axis] = 0 if step == 1 else -1
            moved[tuple(edge)] = 0
            result += soft * moved
    flat = result.reshape(4, -1)
    return flat[0], flat[1:]


def _density(flat: NDArray[np.int32], order: PairOrder) -> Picture:
    drawn = flat >= 0
    if order.shown is not None:
        drawn &= order.shown
    if order.selected is not None:
        drawn &= order.selected
    side = order.side
    count = np.bincount(flat[drawn], minlength=side * side).reshape(side, side).astype(np.float64)
    if drawn.sum() < 40 * side * side:  # few particles per pixel: coarser, smoother
        count = _smooth(_smooth(_smooth(count)))
    strength = np.log1p(8 * count / max(count.max(), 1e-12)) / np.log(9)
    stops = np.array([order.ground, _mix(order.ground, order.strong, 0.45), order.strong], np.float64)
    columns = [np.interp(strength, (0, 0.5, 1), stops[:, k]) for k in range(3)]
    return np.rint(np.stack(columns, axis=-1)).astype(np.uint8)


def _smooth(count: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(count, 1, mode="edge")
    padded = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4


def _mix(first: tuple[int, int, int], second: tuple[int, int, int], share: float) -> tuple[float, ...]:
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


def _histogram(bins: NDArray[np.int32], order: PairOrder) -> Picture:
    """Draw the values of one dimension; the selection in front, on a scale of its own."""
    side = order.side
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = order.ground
    drawn = bins >= 0 if order.shown is None else (bins >= 0) & order.shown
    parts = [(drawn, order.quiet if order.selected is not None else order.strong)]
    if order.selected is not None:
        parts.append((drawn & order.selected, order.strong))
    wide = 3  # pixels per bar
    up = np.arange(side)[::-1, None]
    whole = 0.0
    for part, colour in parts:
        count = np.bincount(bins[part] // wide, minlength=-(-side // wide)).astype(np.float64)
        whole = whole or max(float(count.max()), 1.0)
        height = np.repeat(count / whole * 0.72 * side, wide)[:side]
        picture[up < height[None]] = colour
    return picture


def _correlations(order: PairOrder) -> NDArray[np.float64]:
    """Return the linear correlation of each pair, over evenly chosen particles."""
    step = max(1, len(order.columns[0]) // 100_000) if order.columns else 1
    table = np.stack([values[::step].astype(np.float64) for values in order.columns])
    keep = np.isfinite(table).all(axis=0)
    for mask in (order.shown, order.selected):
        if mask is not None:
            keep &= mask[::step]
    table = table[:, keep]
    if table.shape[1] < 2:
        return np.full((len(table), len(table)), np.nan)
    table = table - table.mean(axis=1, keepdims=True)
    norm = np.sqrt((table**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (table @ table.T) / np.outer(norm, norm)
