"""Curves and histograms as drawings in the light theme; the page gives them the colours of the reader's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.vector_file import Box, Curve, Shape, Words, elided, svg_text, text_width
from jobs.core.figures import Figure, Mark
from widgets.curve_data import short_number
from widgets.figure_axes import decade_ticks, length_ticks, round_ticks
from widgets.palette import LIGHT

_LEFT, _RIGHT, _TOP, _PLOT_HIGH = 52.0, 14.0, 34.0, 190.0
#: Readers' fonts may be wider than the one whose widths are known.
_WIDER = 1.2
_DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 3))
#: More points than these cannot be told apart on paper.
_MOST_POINTS = 500

Place = Callable[[float], float]


@dataclass(frozen=True)
class Line:
    """One curve with places of its own; nan leaves a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    line: int = 0


@dataclass(frozen=True)
class Area:
    """The field inside the axes, and where values fall on it."""

    x: Place
    y: Place
    right: float
    bottom: float


def inline(shapes: Sequence[Shape], width: float, height: float, title: str, cut: float = 0.0) -> str:
    """Return a drawing to stand inside a page: named for those who hear it, `cut` off above."""
    drawing = svg_text(shapes, width, height, title).partition("\n")[2]
    _, _, rest = drawing.partition(">")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:g}" height="{height - cut:g}" '
        f'viewBox="0 {cut:g} {width:g} {height - cut:g}" '
        f'font-family="system-ui, Helvetica, Arial, sans-serif">{rest}'
    )


def draw_figure(figure: Figure, width: float = 480.0) -> str:
    """Return curves or a histogram as a drawing."""
    if figure.kind == "histogram":
        return _histogram(figure, width)
    lines = [Line(s.name, figure.x, s.values, s.colour, s.line) for s in figure.series]
    return draw_lines(
        lines,
        figure.x_title,
        figure.y_title,
        figure.title,
        width,
        marks=figure.marks,
        logarithmic=figure.logarithmic,
        reciprocal=figure.reciprocal,
    )


def draw_lines(
    lines: Sequence[Line],
    x_title: str,
    y_title: str,
    title: str,
    width: float = 480.0,
    *,
    marks: Sequence[Mark] = (),
    phases: Sequence[tuple[float, str]] = (),
    logarithmic: bool = False,
    reciprocal: bool = False,
) -> str:
    """Return curves over an axis as a drawing.

    Parameters
    ----------
    lines
        The curves.
    x_title, y_title, title
        What the axes and the whole are.
    width
        Of the drawing.
    marks
        Levels across the plot.
    phases
        Places on the axis where something begins, with its name.
    logarithmic
        The places are spaced by factors.
    reciprocal
        The axis is in 1/Å; above stands the length.
    """
    x_low, x_high = _ends([v for line in lines for v in line.x], positive=logarithmic)
    y_low, y_high = _ends([v for line in lines for v in line.y] + [mark.value for mark in marks])
    if reciprocal:
        y_low, y_high = min(0.0, y_low), max(1.0, y_high)
    elif y_low > 0 and y_low < 0.4 * y_high:
        y_low = 0.0
    room = 0.04 * (y_high - y_low)
    y_low, y_high = (y_low if y_low == 0.0 else y_low - room), y_high + (0.0 if reciprocal else room)
    area, shapes = _frame((x_low, x_high, y_low, y_high), width, logarithmic, x_title, y_title)
    if reciprocal:
        apart = (x_high - x_low) * 42 / (area.right - _LEFT)
        for place, text in length_ticks(x_low, x_high, apart):
            shapes.append(Words(area.x(place), _TOP - 5, text, 10, LIGHT.muted, anchor="middle"))
    for place, text in phases:
        if x_low < place < x_high:
            shapes.append(
                _straight(area.x(place), _TOP, area.x(place), area.bottom, LIGHT.outline, 1, (2, 3))
            )
            shapes.append(Words(area.x(place), _TOP - 5, text, 9, LIGHT.muted))
    for mark in marks:
        at = area.y(mark.value)
        shapes.append(_straight(_LEFT, at, area.right, at, LIGHT.outline, 1, (4, 3)))
        shapes.append(Words(area.right - 3, at - 3, mark.name, 9, LIGHT.muted, anchor="end"))
    for line in lines:
        shapes += _curve(line, area)
    names = [(line.name, line.colour, line.line) for line in lines if line.name]
    legend, height = _legend(names, width, area.bottom + 42)
    told = "; ".join(name for name, _, _ in names)
    return inline(
        [*shapes, *legend], width, height, f"{title}: {told}" if told else title, 0 if y_title else 16
    )


def _histogram(figure: Figure, width: float) -> str:
    edges = figure.x
    x_low, x_high = _ends(edges, positive=figure.logarithmic)
    highest = max((v for s in figure.series for v in s.values if math.isfinite(v)), default=1.0) or 1.0
    area, shapes = _frame(
        (x_low, x_high, 0.0, 1.06 * highest), width, figure.logarithmic, figure.x_title, figure.y_title
    )
    for series in figure.series:
        outline: list[tuple[float, float]] = [(area.x(edges[0]), area.bottom)]
        for value, left, right in zip(series.values, edges[:-1], edges[1:], strict=True):
            top = area.y(value if math.isfinite(value) else 0.0)
            outline += [(area.x(left), top), (area.x(right), top)]
        outline.append((area.x(edges[-1]), area.bottom))
        shapes.append(_path(outline, _colour(series.colour), 1.6, _DASHES[series.line % 3]))
    for mark in figure.marks:
        if x_low <= mark.value <= x_high:
            at = area.x(mark.value)
            shapes.append(_straight(at, _TOP, at, area.bottom, _colour(mark.colour), 1, (4, 3)))
    names = [(s.name, s.colour, s.line) for s in figure.series]
    names += [(mark.name, mark.colour, 1) for mark in figure.marks if mark.name]
    legend, height = _legend(names, width, area.bottom + 42)
    return inline([*shapes, *legend], width, height, f"{figure.title}: {'; '.join(n for n, _, _ in names)}")


def _frame(
    ends: tuple[float, float, float, float], width: float, logarithmic: bool, x_title: str, y_title: str
) -> tuple[Area, list[Shape]]:
    x_low, x_high, y_low, y_high = ends
    right, bottom = width - _RIGHT, _TOP + _PLOT_HIGH
    low, high = (math.log10(x_low), math.log10(x_high)) if logarithmic else (x_low, x_high)

    def x(value: float) -> float:
        place = math.log10(max(value, 1e-300)) if logarithmic else value
        return _LEFT + (right - _LEFT) * (place - low) / (high - low)

    def y(value: float) -> float:
        return bottom - _PLOT_HIGH * (value - y_low) / (y_high - y_low)

    shapes: list[Shape] = [Box(_LEFT, _TOP, right - _LEFT, _PLOT_HIGH, fill=LIGHT.surface)]
    for value, text in round_ticks(y_low, y_high, 5):
        shapes.append(_straight(_LEFT, y(value), right, y(value), LIGHT.line, 0.8))
        shapes.append(Words(_LEFT - 6, y(value) + 3.5, _tick(value, text), 10, LIGHT.muted, anchor="end"))
    ticks = decade_ticks(x_low, x_high) if logarithmic else round_ticks(x_low, x_high, 6)
    for value, text in ticks:
        shapes.append(_straight(x(value), bottom, x(value), bottom + 4, LIGHT.outline, 1))
        shapes.append(Words(x(value), bottom + 16, _tick(value, text), 10, LIGHT.muted, anchor="middle"))
    shapes.append(_straight(_LEFT, bottom, right, bottom, LIGHT.outline, 1))
    shapes.append(Words((_LEFT + right) / 2, bottom + 31, x_title, 11, LIGHT.muted, anchor="middle"))
    shapes.append(Words(0, 12, y_title, 11, LIGHT.muted))
    return Area(x, y, right, bottom), shapes


def _tick(value: float, text: str) -> str:
    return text if len(text) <= 7 else short_number(value)


def _curve(line: Line, area: Area) -> list[Shape]:
    """Return the pieces of a curve between its gaps."""
    step = max(1, math.ceil(len(line.x) / _MOST_POINTS))
    chosen = sorted({*range(0, len(line.x), step), len(line.x) - 1} - {-1})
    pieces: list[list[tuple[float, float]]] = [[]]
    for k in chosen:
        if math.isfinite(line.x[k]) and math.isfinite(line.y[k]):
            pieces[-1].append((area.x(line.x[k]), area.y(line.y[k])))
        elif pieces[-1]:
            pieces.append([])
    colour = _colour(line.colour)
    found: list[Shape] = [
        _path(piece, colour, 1.8, _DASHES[line.line % 3]) for piece in pieces if len(piece) > 1
    ]
    found += [Box(p[0][0] - 2, p[0][1] - 2, 4, 4, 2, colour) for p in pieces if len(p) == 1]
    return found


def _legend(names: Sequence[tuple[str, int, int]], width: float, top: float) -> tuple[list[Shape], float]:
    """Return names with a piece of their line, as many in a row as there is room; and where they end."""
    shapes: list[Shape] = []
    x, y = _LEFT, top + 12
    for name, colour, line in names:
        text = elided(name, 11, (width - _LEFT - 40) / _WIDER)
        long = 30 + _WIDER * text_width(text, 11) + 16
        if x > _LEFT and x + long > width:
            x, y = _LEFT, y + 17
        shapes.append(_straight(x, y - 4, x + 22, y - 4, _colour(colour), 2.2, _DASHES[line % 3]))
        shapes.append(Words(x + 28, y, text, 11, LIGHT.text))
        x += long
    return shapes, (y if names else top) + 8


def _colour(number: int) -> str:
    return LIGHT.series[number % len(LIGHT.series)] if number >= 0 else LIGHT.muted


def _straight(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: tuple[float, ...] = ()
) -> Curve:
    return Curve((x1, y1), (((x2, y2),),), colour, width, dash)


def _path(points: Sequence[tuple[float, float]], colour: str, width: float, dash: tuple[float, ...]) -> Curve:
    return Curve(points[0], tuple((point,) for point in points[1:]), colour, width, dash)


def _ends(values: Sequence[float], *, positive: bool = False) -> tuple[float, float]:
    known = [v for v in values if math.isfinite(v) and (v > 0 or not positive)]
    if not known:
        return (0.1, 1.0) if positive else (0.0, 1.0)
    low, high = min(known), max(known)
    if high > low:
        return low, high
    return (low / 2, low * 2) if positive else (low - (abs(low) or 1) * 0.5, high + (abs(high) or 1) * 0.5)
