"""The latent space on paper: its two main axes, as discs or as a density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.report.contents import LatentCloud
from widgets.latent_raster import View, colour_indices, colour_limits, draw_points

_SIDE = 640
#: Cells of the density along each side.
_CELLS = 160
_DENSITY = (46, 118, 222)
#: Viridis at nine places, made with its published table.
_ANCHORS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip


Span = tuple[float, float]


@dataclass(frozen=True, eq=False)
class LatentPicture:
    """The particles over the two axes along which they differ most.

    Attributes
    ----------
    pixels
        RGBA, row 0 above; transparent where there is no particle.
    density
        The same place by place: how many particles there are, from few (transparent) to most.
    shares
        Part of the variance along each axis shown.
    spans
        Lowest and highest place of each axis.
    limits
        Values of the ends of the colours, None without values.
    """

    pixels: NDArray[np.uint8]
    density: NDArray[np.uint8]
    shares: tuple[float, ...]
    spans: tuple[Span, Span]
    limits: tuple[float, float] | None


def colour_table() -> NDArray[np.uint8]:
    """Return 256 colours from blue to yellow, without the darkest, which dark paper would hide."""
    places = np.linspace(-64, 255, len(_ANCHORS))
    anchors = np.asarray(_ANCHORS, float)
    table = [np.interp(np.arange(256), places, anchors[:, k]) for k in range(3)]
    return np.stack(table, axis=1).round().astype(np.uint8)


def main_axes(points: NDArray[np.floating]) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """Return the particles along their two main axes ``(P, 2)``, and the share of variance of each."""
    centred = np.asarray(points, np.float64)
    centred = centred - centred.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(variance)[::-1][:2]
    total = float(variance.sum()) or 1.0
    xy = centred @ axes[:, order]
    if xy.shape[1] == 1:
        xy = np.concatenate([xy, np.zeros_like(xy)], axis=1)
    return xy.astype(np.float32), tuple(float(v) / total for v in variance[order])


def draw(cloud: LatentCloud) -> LatentPicture | None:
    """Return the picture, None when no particle has a place."""
    known = np.isfinite(cloud.points).all(axis=1)
    if int(known.sum()) < 2:
        return None
    xy, shares = main_axes(cloud.points[known])
    spans = tuple(_span(xy[:, k]) for k in range(2))
    values = cloud.values[known] if cloud.values is not None else None
    limits = colour_limits(values) if values is not None else None
    table = colour_table()
    colour = colour_indices(values, limits, len(table)) if limits is not None else None
    view = View(*spans[0], *spans[1], _SIDE, _SIDE)
    flat = table if colour is not None else np.repeat(table[96:97], 2, axis=0)
    pixels = draw_points(xy, colour, flat, view, radius_px=4.0 if len(xy) < 5000 else 2.5)
    density = _density(xy, spans[0], spans[1])
    return LatentPicture(np.flipud(pixels), density, shares, (spans[0], spans[1]), limits)


def _density(
    xy: NDArray[np.float32], across: tuple[float, float], up: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return the smoothed number of particles as RGBA, row 0 above."""
    count = np.histogram2d(xy[:, 1], xy[:, 0], bins=_CELLS, range=(up, across))[0]
    # wider where there are few particles: what is left of chance is then about the same
    width = float(np.clip(_CELLS * 0.2 * len(xy) ** (-1 / 3), 1.0, 8.0))
    offsets = np.arange(-round(3 * width), round(3 * width) + 1)
    kernel = np.exp(-0.5 * (offsets / width) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        count = np.apply_along_axis(np.convolve, axis, count, kernel, "same")
    # the root shows the thin rim of a cloud beside its middle
    strength = np.sqrt(count / (count.max() or 1.0))
    # one colour that stands out on light and on dark paper
    picture = np.zeros((*count.shape, 4), np.uint8)
    picture[..., :3] = _DENSITY
    picture[..., 3] = strength * 255
    return np.flipud(picture)


def _span(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
