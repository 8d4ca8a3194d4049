"""Plots as files: scatter, density and lines, drawn without a window."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

#: Points drawn at most; of more, as many at random.
_MOST_POINTS: Final = 200_000
_CELLS: Final = 60
_DPI: Final = 150
#: Left, right, bottom and top in inches; a small plot has no labels on its axes.
_MARGINS: Final = np.array([0.75, 0.6, 0.6, 0.35])
_SMALL_MARGINS: Final = np.array([0.1, 0.1, 0.1, 0.25])
_SMALL: Final = 2.5
FORMATS: Final = ("png", "svgz")


def new_figure(rows: int = 1, columns: int = 1, size: float = 4.5) -> tuple[Figure, list[Axes]]:
    """Make a figure with a grid of axes, which are returned row by row."""
    from matplotlib.figure import Figure as Made

    width, height = size * columns, size * rows
    figure = Made(figsize=(width, height))
    grid = figure.subplots(rows, columns, squeeze=False)
    left, right, bottom, top = (_MARGINS if size > _SMALL else _SMALL_MARGINS) / np.array(
        [width, width, height, height]
    )
    # Margins in inches, not by an automatic layout, which draws everything twice.
    gap = 0.25 if size > _SMALL else 0.12
    figure.subplots_adjust(left, bottom, 1 - right, 1 - top, wspace=gap, hspace=gap)
    return figure, list(grid.ravel())


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the name says."""
    with warnings.catch_warnings():
        # Letters of a column's name that the font does not have.
        warnings.filterwarnings("ignore", message="Glyph")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=_DPI)


@dataclass(frozen=True)
class Plane:
    """Two coordinates of the particles, and what they are called.

    Attributes
    ----------
    points
        ``(P, 2)``.
    names
        Of both axes.
    stem
        Beginning of file names: ``z_pca`` or ``z_umap``.
    """

    points: Array
    names: tuple[str, str]
    stem: str

    def label(self, axes: Axes) -> None:
        """Name the axes."""
        axes.set_xlabel(self.names[0])
        axes.set_ylabel(self.names[1])


def shown_rows(count: int) -> Array:
    """Rows of the points that are drawn one by one, in random order so that none always lies on top."""
    return np.random.default_rng(0).permutation(count)[:_MOST_POINTS]


def scatter(axes: Axes, plane: Plane, colour: Array | str = "tab:blue", **details: Any) -> Any:
    """Draw the particles as points; ``colour`` may be ``(P,)`` values."""
    rows = shown_rows(len(plane.points))
    size = float(np.clip(4000 / max(1, len(plane.points)), 0.3, 12))
    c = colour if isinstance(colour, str) else colour[rows]
    plane.label(axes)
    x, y = plane.points[rows].T
    return axes.scatter(x, y, c=c, s=size, linewidths=0, alpha=0.6, rasterized=True, **details)


def hexbin(axes: Axes, x: Array, y: Array, names: tuple[str, str]) -> None:
    """Draw how many particles lie where."""
    keep = np.isfinite(x) & np.isfinite(y)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    if keep.any():
        # A column of one value has no width of its own.
        extent = (*_span(x[keep]), *_span(y[keep]))
        axes.hexbin(x[keep], y[keep], gridsize=_CELLS, mincnt=1, bins="log", extent=extent)


def _span(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def save_plane(plane: Plane, folder: Path, ending: str) -> None:
    """Write ``<stem>_scatter`` and ``<stem>_hexbin``."""
    for kind in ("scatter", "hexbin"):
        save(_drawn(plane, kind)[0], folder / f"{plane.stem}_{kind}.{ending}")


def _drawn(plane: Plane, kind: str) -> tuple[Figure, Axes]:
    figure, (axes,) = new_figure()
    if kind == "scatter":
        scatter(axes, plane)
    else:
        hexbin(axes, plane.points[:, 0], plane.points[:, 1], plane.names)
    return figure, axes


def save_annotated(
    plane: Plane, rows: Array, what: str, folder: Path, ending: str, joined: bool = False
) -> None:
    """Write both plots with particles pointed out: ``<stem>_scatter_annotate<what>`` and its hexbin.

    Parameters
    ----------
    plane
        Where particles are.
    rows
        Which are pointed out, numbered from 0 in this order.
    what, folder, ending
        End of the name, folder, and format.
    joined
        Whether a line leads from one to the next.
    """
    for kind in ("scatter", "hexbin"):
        figure, axes = _drawn(plane, kind)
        x, y = plane.points[rows].T
        axes.plot(x, y, "-" if joined else "", marker="o", color="k", markersize=3, linewidth=0.8)
        for number, place in enumerate(zip(x, y, strict=True)):
            axes.annotate(str(number), place, xytext=(3, 3), textcoords="offset points", fontsize=8)
        save(figure, folder / f"{plane.stem}_{kind}_annotate{what}.{ending}")


def save_by_label(plane: Plane, labels: Array, what: str, folder: Path, ending: str) -> None:
    """Write ``<stem>_scatter_color<what>``, and ``<stem>_scatter_subplot<what>`` with one plot per label."""
    count = int(labels.max()) + 1
    figure, (axes,) = new_figure(size=5.0)
    drawn = scatter(axes, plane, labels, cmap="turbo", vmin=-0.5, vmax=count - 0.5)
    figure.colorbar(drawn, ax=axes, label="class", ticks=range(0, count, 1 + count // 25))
    save(figure, folder / f"{plane.stem}_scatter_color{what}.{ending}")
    columns = int(np.ceil(np.sqrt(count)))
    lines = -(-count // columns)
    figure, grid = new_figure(lines, columns, size=2.2)
    rows = shown_rows(len(labels))
    back = rows[:20_000]
    for label, axes in enumerate(grid):
        if label >= count:
            axes.set_axis_off()
            continue
        mine = rows[labels[rows] == label]
        for chosen, colour, size in ((back, "0.85", 1), (mine, "tab:blue", 2)):
            x, y = plane.points[chosen].T
            axes.scatter(x, y, c=colour, s=size, linewidths=0, rasterized=True)
        axes.set_title(f"class {label} ({int((labels == label).sum())})", fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
    save(figure, folder / f"{plane.stem}_scatter_subplot{what}.{ending}")


def save_coloured(plane: Plane, values: Array, name: str, path: Path) -> None:
    """Write the particles coloured by a value."""
    figure, (axes,) = new_figure(size=5.0)
    low, high = np.nanpercentile(values, (1, 99))
    drawn = scatter(axes, plane, values, cmap="viridis", vmin=low, vmax=max(high, low + 1e-12))
    figure.colorbar(drawn, ax=axes, label=name)
    save(figure, path)


def save_lines(
    path: Path,
    x: Sequence[float] | Array,
    curves: Mapping[str, Array],
    names: tuple[str, str],
    *,
    marker: str = "",
    levels: Sequence[float] = (),
    change: Callable[[Axes], None] | None = None,
) -> None:
    """Write curves over one axis, with a legend where there are several but not too many."""
    figure, (axes,) = new_figure(size=4.5)
    for name, values in curves.items():
        axes.plot(x, values, label=name, marker=marker, markersize=3, linewidth=1.2)
    for level in levels:
        axes.axhline(level, color="0.6", linestyle="--", linewidth=0.8)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    if 1 < len(curves) <= 24:
        axes.legend(fontsize=6, ncols=1 + len(curves) // 12)
    if change is not None:
        change(axes)
    save(figure, path)


def save_matrix(path: Path, values: Array, names: Sequence[str], title: str, low: float = -1.0) -> None:
    """Write a matrix as colours with its numbers."""
    figure, (axes,) = new_figure(size=5.0)
    shown = axes.imshow(values, cmap="viridis", vmin=min(low, float(np.nanmin(values))), vmax=1.0)
    figure.colorbar(shown, ax=axes)
    axes.set_xticks(range(values.shape[1]), names[: values.shape[1]], fontsize=7)
    axes.set_yticks(range(values.shape[0]), names[: values.shape[0]], fontsize=7)
    axes.set_title(title)
    if values.size <= 400:
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=5, color="w")
    save(figure, path)
