"""Particles over two columns on paper, coloured by a third: scatter figures that tasks leave."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.report import html
from app.report.clouds import PointCloud
from app.report.latent_picture import colour_table
from app.report.png import data_address
from widgets.latent_raster import View, colour_indices, colour_limits, draw_points

_SIDE: Final = 640
#: Pairs of columns that are drawn beside the one that the figure begins with.
_ALSO: Final = (("UMAP1", "UMAP2"), ("PC1", "PC2"))
#: Colours of groups that are told apart on light and on dark paper, in the order in which they are taken.
_GROUPS: Final = (
    (46, 118, 222), (226, 120, 30), (36, 160, 90), (205, 65, 80), (140, 100, 205), (150, 105, 80),
    (215, 110, 180), (125, 130, 140), (170, 165, 40), (30, 170, 190), (95, 75, 160), (240, 165, 120),
    (120, 190, 130), (235, 145, 155), (185, 165, 225), (80, 140, 120), (200, 160, 60), (110, 170, 235),
    (160, 60, 120), (70, 100, 60),
)  # fmt: skip


def scatter_plots(cloud: PointCloud) -> list[str]:
    """Return the pictures of a figure: its own pair of columns, and other planes that it knows."""
    columns = [series.name for series in cloud.figure.series]
    pairs = dict.fromkeys(((cloud.figure.x_title, cloud.figure.y_title), *_ALSO))
    return [
        drawn
        for across, up in pairs
        if across in columns and up in columns and (drawn := _plot(cloud, columns, across, up))
    ]


def _plot(cloud: PointCloud, columns: list[str], across: str, up: str) -> str:
    xy = cloud.points[:, [columns.index(across), columns.index(up)]]
    known = np.isfinite(xy).all(axis=1)
    if known.sum() < 2:
        return ""
    xy = xy[known].astype(np.float32)
    name = cloud.figure.colour if cloud.figure.colour in columns else ""
    values = cloud.points[known, columns.index(name)] if name else None
    index, table, key = _colours(values, name)
    spans = [_span(xy[:, k]) for k in range(2)]
    view = View(*spans[0], *spans[1], _SIDE, _SIDE)
    pixels = np.flipud(draw_points(xy, index, table, view, radius_px=4.0 if len(xy) < 5000 else 2.5))
    words = f"{cloud.figure.title}: {up} over {across}" + (f", coloured by {name}" if name else "")
    (left, right), (low, high) = spans
    body = (
        f'<div class="latent"><div class="y"><span>{low:.3g}</span><span>{html.text(up)}</span>'
        f'<span>{high:.3g}</span></div><img alt="{html.text(words)}" src="{data_address(pixels)}">'
        f'<div class="x"><span>{left:.3g}</span><span>{html.text(across)}</span><span>{right:.3g}</span>'
        "</div></div>"
    )
    return html.figure(words, body + key, f"{len(xy):,} particles")


def _colours(
    values: NDArray[np.float64] | None, name: str
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8], str]:
    """Return the place of each particle in a table of colours, the table, and its key."""
    scale = colour_table()
    if values is None or not np.isfinite(values).any():
        return None, np.repeat(scale[96:97], 2, axis=0), ""
    kinds = np.unique(values[np.isfinite(values)])
    if len(kinds) <= len(_GROUPS) and np.array_equal(kinds, np.round(kinds)):
        index = np.searchsorted(kinds, np.nan_to_num(values, nan=kinds[0])).clip(0, len(kinds) - 1)
        table = np.array(_GROUPS[: len(kinds)], np.uint8)
        labels = "".join(
            f'<span><span style="color:rgb({r},{g},{b})">●</span> {kind:.0f}</span>'
            for kind, (r, g, b) in zip(kinds, table.tolist(), strict=True)
        )
        return index.astype(np.uint8), table, f'<div class="key"><span>{html.text(name)}</span>{labels}</div>'
    limits = colour_limits(values.astype(np.float32))
    key = (
        f'<div class="key"><span>{html.text(name)}</span><span>{limits[0]:.3g}</span>'
        f'<img alt="colours from low to high" src="{data_address(scale[None, :, :])}">'
        f"<span>{limits[1]:.3g}</span></div>"
    )
    return colour_indices(values, limits, len(scale)), scale, key


def _span(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
