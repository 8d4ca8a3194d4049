"""The pictures of a report: curves of metrics, figures of the tasks, latent space, and maps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.report import html, latent_picture
from app.report.contents import LatentCloud, TaskPart
from app.report.latent_picture import LatentPicture
from app.report.map_pictures import MapPicture
from app.report.plots import Line, draw_figure, draw_lines
from app.report.png import data_address
from app.report.scatter_picture import scatter_plots
from widgets.curve_data import CurveData, Name
from widgets.volume_slices import AXES, bar_length_a


def metric_plots(task: TaskPart) -> str:
    """Return the curves of a task over its steps, the half-sets of one quantity together."""
    data = CurveData()
    data.add(task.records)
    if not data.names():
        return ""
    phases = [(phase.step, phase.name) for phase in data.phases_with_room("step", 0.12)]
    found = []
    for title, names in _together(data.quantities()).items():
        several = len(names) > 1 and not names[0].half
        lines = [line for name in names if (line := _line(data, name, several)) is not None]
        if several:
            lines = [replace(line, colour=number) for number, line in enumerate(lines)]
        if lines:
            drawing = draw_lines(lines, data.step_name.lower(), "", title, 360.0, phases=phases)
            found.append(html.figure(_capital(title), drawing))
    return html.grid(found, "three")


def _together(quantities: Mapping[str, list[Name]]) -> dict[str, list[Name]]:
    """Return the quantities with those in one plot that begin with the same word and have the same unit."""
    first = Counter(_kin(names) for names in quantities.values())
    found: dict[str, list[Name]] = {}
    for title, names in quantities.items():
        word, unit = kin = _kin(names)
        if word and first[kin] > 2:
            found.setdefault(f"{word} ({unit})", []).extend(names)
        else:
            found[title] = names
    return found


def _kin(names: list[Name]) -> tuple[str, str]:
    """Return first word and unit of a quantity of no half-set; nothing of others."""
    name = names[0]
    return ("", "") if name.half or not name.unit else (name.quantity.partition("_")[0], name.unit)


def _line(data: CurveData, name: Name, several: bool) -> Line | None:
    """Return a curve, None when it never changed or has a single value: a number says that better."""
    x, y = data.xy(name.key, "step")
    known = y[np.isfinite(y)]
    if len(known) < 3 or float(np.ptp(known)) == 0.0:
        return None
    words = name.quantity.partition("_")[2].replace("_", " ") if several else ""
    return Line(name.series if name.half else words, x.tolist(), y.tolist(), max(0, name.half - 1))


def figure_plots(task: TaskPart) -> str:
    """Return the figures that a task described."""
    found = []
    for figure in task.figures:
        if figure.kind == "table":
            rows = list(figure.rows)
            notes = dict[int, list[str]]()
            for row, note in figure.notes:
                notes.setdefault(row, []).append(note)
            if notes:
                rows = [(*cells, " ".join(notes.get(k, ()))) for k, cells in enumerate(rows)]
            titles = (*figure.columns, "remarks") if notes else figure.columns
            found.append(html.figure(figure.title, html.table(titles, rows)))
        elif figure.x and figure.series:
            found.append(html.figure(figure.title, draw_figure(figure)))
    clouds = [plot for cloud in task.clouds for plot in scatter_plots(cloud)]
    return html.grid(clouds) + html.grid(found)


def latent_space(cloud: LatentCloud | None) -> str:
    """Return the particles over the main axes of the latent space."""
    picture = latent_picture.draw(cloud) if cloud is not None else None
    if cloud is None or picture is None:
        return ""
    shape = f"{cloud.points.shape[1]} dimensions along the two axes in which the particles differ most"
    count = f"{len(cloud.points):,} particles"
    found = [html.figure(f"Density of {count}", _axes(picture, picture.density, "Density"), shape)]
    if picture.limits is not None:
        scale = data_address(latent_picture.colour_table()[None, :, :])
        first, last = picture.limits
        key = (
            f'<div class="key"><span>{html.text(cloud.value_name)}</span><span>{first:.3g}</span>'
            f'<img alt="colours from low to high" src="{scale}"><span>{last:.3g}</span></div>'
        )
        words = f"{_capital(cloud.value_name)} of {count}"
        found.insert(0, html.figure(words, _axes(picture, picture.pixels, words) + key, shape))
    return html.grid(found)


def _axes(picture: LatentPicture, pixels: NDArray[np.uint8], words: str) -> str:
    (left, right), (low, high) = picture.spans
    shares = [f"main axis {k} ({100 * s:.0f} % of the variance)" for k, s in enumerate(picture.shares, 1)]
    shares += [""] * (2 - len(shares))
    return (
        f'<div class="latent"><div class="y"><span>{low:.3g}</span><span>{shares[1]}</span>'
        f'<span>{high:.3g}</span></div><img alt="{html.text(words)}, latent space" '
        f'src="{data_address(pixels)}"><div class="x"><span>{left:.3g}</span><span>{shares[0]}</span>'
        f"<span>{right:.3g}</span></div></div>"
    )


def map_slices(maps: tuple[MapPicture, ...]) -> str:
    """Return the maps as their three middle slices with a scale bar."""
    return html.grid([_map(picture) for picture in maps])


def _map(picture: MapPicture) -> str:
    parts = []
    for axis, grey in zip(AXES, picture.slices, strict=True):
        words = f"{picture.title}, slice across {axis} through the middle"
        parts.append(f'<div><img alt="{html.text(words)}" src="{data_address(grey)}">across {axis}</div>')
    body = f'<div class="slices">{"".join(parts)}</div>'
    length = bar_length_a(picture.width_a) if math.isfinite(picture.width_a) else 0.0
    if length > 0:
        share = 100 * length / picture.width_a
        body += f'<div class="scale"><div><span style="width:{share:.2f}%">{length:g} Å</span></div></div>'
    box = f"{picture.box[0]}³" if len(set(picture.box)) == 1 else " × ".join(map(str, picture.box))
    size = f"{box} voxels" + (f" of {picture.voxel_size_a:.4g} Å" if picture.voxel_size_a > 0 else "")
    detail = f"{picture.detail} · {size}" if picture.detail else size
    return html.figure(picture.title, body, detail)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
