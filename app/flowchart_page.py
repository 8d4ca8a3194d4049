"""The flowchart on paper: cards, lines, title and date, in the light theme, as SVG or PDF."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from app.project.flowchart import Flowchart
from app.project.tags import Tags
from app.vector_file import Box, Curve, Shape, Words, elided, pdf_bytes, svg_text, text_width
from jobs.core.errors import UserError
from widgets.graph_data import GraphJob, GraphLink
from widgets.graph_geometry import CARD_HEIGHT, CARD_WIDTH, Grid
from widgets.palette import LIGHT

_MARGIN, _HEAD = 36.0, 64.0
_STATUS = {
    "Running": (LIGHT.info, LIGHT.info_soft),
    "Scheduled": (LIGHT.muted, LIGHT.neutral_soft),
    "Succeeded": (LIGHT.success, LIGHT.success_soft),
    "Failed": (LIGHT.danger, LIGHT.danger_soft),
    "Aborted": (LIGHT.warning, LIGHT.warning_soft),
}
FORMATS = (".svg", ".pdf")


def chart_jobs(chart: Flowchart, tags: Tags) -> tuple[list[GraphJob], list[GraphLink]]:
    """Return the chart in the terms of the drawing."""
    jobs = [
        GraphJob(
            name=job.name,
            number=job.number,
            title=job.short_alias or job.directory,
            kind=job.directory,
            status=job.status,
            tags=tuple((tag.word, tag.colour) for tag in tags.of(job.name)),
            layer=int(chart.layout.layers[at]),
            column=int(chart.layout.columns[at]),
        )
        for at, job in enumerate(chart.jobs)
    ]
    links = [
        GraphLink(link.source, link.target, link.label, link.files, lane)
        for link, lane in zip(chart.links, chart.layout.lanes, strict=True)
    ]
    return jobs, links


def write_flowchart(
    path: Path, jobs: Sequence[GraphJob], links: Sequence[GraphLink], title: str, *, down: bool = True
) -> Path:
    """Write a chart as a vector graphic.

    Parameters
    ----------
    path
        The file; its ending, ``.svg`` or ``.pdf``, says which kind.
    jobs, links
        What is drawn.
    title
        Stands above, with the date.
    down
        Descendants below (True) or to the right.

    Raises
    ------
    UserError
        For another ending, without any job, or when the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UserError(f"A flowchart cannot be written as {path.name}", hint="End the name in .svg or .pdf")
    if not jobs:
        raise UserError("There are no jobs to draw", hint="Run one first")
    shapes, width, height = _page(jobs, links, title, Grid(down))
    if ending == ".svg":
        content = svg_text(shapes, width, height, title).encode()
    else:
        content = pdf_bytes(shapes, width, height, title)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UserError(f"The flowchart cannot be written ({error.strerror or error})", path=path) from error
    return path


def _page(
    jobs: Sequence[GraphJob], links: Sequence[GraphLink], title: str, grid: Grid
) -> tuple[list[Shape], float, float]:
    chart_width, chart_height = grid.size(jobs)
    top = _MARGIN + _HEAD
    count = f"{len(jobs):,} {'job' if len(jobs) == 1 else 'jobs'}"
    under = f"{count} · {datetime.now():%Y-%m-%d %H:%M} · Heteroscope"
    width = 2 * _MARGIN + max(chart_width, text_width(title, 20, bold=True), text_width(under, 11))
    height = top + chart_height + _MARGIN
    shapes: list[Shape] = [
        Box(0, 0, width, height, fill=LIGHT.surface),
        Words(_MARGIN, _MARGIN + 16, title, 20, LIGHT.text, bold=True),
        Words(_MARGIN, _MARGIN + 36, under, 11, LIGHT.muted),
    ]
    return [*shapes, *_cards_and_lines(jobs, links, grid, _MARGIN, top)], width, height


def chart_shapes(
    jobs: Sequence[GraphJob], links: Sequence[GraphLink], *, down: bool = True
) -> tuple[list[Shape], float, float]:
    """Return a chart alone, without title and margin, and its width and height."""
    grid = Grid(down)
    width, height = grid.size(jobs)
    return _cards_and_lines(jobs, links, grid, 1, 1), width + 2, height + 2


def _cards_and_lines(
    jobs: Sequence[GraphJob], links: Sequence[GraphLink], grid: Grid, left: float, top: float
) -> list[Shape]:
    shapes: list[Shape] = []
    lines = grid.lines(jobs, links)
    for line in lines:
        pieces = tuple(tuple((x + left, y + top) for x, y in piece) for piece in line.pieces)
        shapes.append(Curve((line.start[0] + left, line.start[1] + top), pieces, LIGHT.outline))
    for link, line in zip(links, lines, strict=True):
        shapes += _label(link.label, line.middle[0] + left, line.middle[1] + top)
    for job in jobs:
        x, y = grid.corner(job.layer, job.column)
        shapes += _card(job, x + left, y + top)
    return shapes


def _label(text: str, x: float, y: float) -> list[Shape]:
    if not text:
        return []
    text = elided(text, 10, 100)
    width = text_width(text, 10) + 10
    return [
        Box(x - width / 2, y - 8, width, 16, 8, LIGHT.surface, LIGHT.line),
        Words(x, y + 3.5, text, 10, LIGHT.muted, anchor="middle"),
    ]


def _card(job: GraphJob, x: float, y: float) -> list[Shape]:
    colour, soft = _STATUS.get(job.status, (LIGHT.muted, LIGHT.neutral_soft))
    room = CARD_WIDTH - 28
    word = job.status or "Unknown"
    badge = text_width(word, 10) + 16
    shapes: list[Shape] = [
        Box(x, y, CARD_WIDTH, CARD_HEIGHT, 8, LIGHT.raised, LIGHT.line),
        Box(x, y + 8, 4, CARD_HEIGHT - 16, 2, colour),
        Words(x + 14, y + 21, elided(job.title, 13, room, bold=True), 13, LIGHT.text, bold=True),
        Words(x + 14, y + 38, elided(job.name.rstrip("/"), 11, room), 11, LIGHT.muted),
        Box(x + 14, y + 49, badge, 18, 9, soft),
        Words(x + 22, y + 61.5, word, 10, colour),
    ]
    left, right = x + 14 + badge + 6, x + CARD_WIDTH - 10
    for word, number in job.tags:
        width = text_width(word, 10) + 14
        if left + width > right:
            break
        line = LIGHT.series[number % len(LIGHT.series)]
        shapes.append(Box(left, y + 49, width, 18, 4, LIGHT.surface, line))
        shapes.append(Words(left + 7, y + 61.5, word, 10, line))
        left += width + 4
    return shapes
