"""The latent space on paper: its two main axes, as discs or as a density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.report.contents import LatentCloud
from widgets.latent_raster import View, colour_indices, colour_limits, draw_points

_SIDE = 640
#: Viridis at nine places, made with its published table.
_ANCHORS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class LatentPicture:
    """The particles over the two axes along which they differ most.

    Attributes
    ----------
    pixels
        RGBA, row 0 above; transparent where there is no particle.
    shares
        Part of the variance along each axis shown.
    spans
        Lowest and highest place of each axis.
    limits
        Values of the ends of the colours, None without values.
    """

    pixels: NDArray[np.uint8]
    shares: tuple[float, ...]
    spans: tuple[tuple[float, float], tuple[float, float]]
    limits: tuple[float, float] | None


def colour_table() -> NDArray[np.uint8]:
    """Return 256 colours from dark blue to yellow."""
    places = np.linspace(0, 255, len(_ANCHORS))
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
    return LatentPicture(np.flipud(pixels), shares, (spans[0], spans[1]), limits)


def _span(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
