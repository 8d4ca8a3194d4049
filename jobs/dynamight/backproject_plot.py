"""Fourier shell correlations: a plot as SVG, drawn without a plotting library, and figures of the monitor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.dynamight.backproject_maps import Curves
from jobs.formats.files import replacing

_WIDTH, _HEIGHT = 760, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 46, 56
#: Colours of reconstructions and dashes of masks.
_COLOURS = {"deformed": "#0b6e99", "ordinary": "#c2571a"}
_DASHES = {"": "2 3", "masked": "", "moving": "8 3", "static": "5 2 1 2", "given": "10 4 2 4"}
_WORDS = {"": "no mask", "masked": "masked", "moving": "moving part", "static": "static part"}


def plot_svg(curves: Curves, title: str) -> str:
    """Draw all curves over the frequency in 1/Å, with the resolution in Å on the upper axis.

    Parameters
    ----------
    curves: Curves
        What is drawn.
    title: str
        Heading.

    Returns
    -------
    str
        The SVG document.
    """
    frequency = curves.frequencies()
    last = float(frequency[-1])
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    lowest = min(0.0, *(float(v.min()) for v in curves.values.values()))
    lowest = -0.2 * -(lowest // 0.2)

    def x(value: float) -> float:
        return _LEFT + wide * value / last

    def y(value: float) -> float:
        return _TOP + high * (1.0 - value) / (1.0 - lowest)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="16" font-size="13">{escape(title)}</text>',
    ]
    for level, name in ((0.5, "0.5"), (0.143, "0.143")):
        parts.append(_line(x(0), y(level), x(last), y(level), "#bbbbbb"))
        parts.append(_text(x(last) + 4, y(level) + 4, name, "start"))
    steps = round((1.0 - lowest) / 0.2)
    for k in range(steps + 1):
        value = 1.0 - 0.2 * k
        parts.append(_line(x(0) - 4, y(value), x(0), y(value)))
        parts.append(_text(x(0) - 8, y(value) + 4, f"{value:.1f}".replace("-0.0", "0.0"), "end"))
    for k in range(6):
        value = last * k / 5
        parts.append(_line(x(value), y(lowest), x(value), y(lowest) + 4))
        parts.append(_text(x(value), y(lowest) + 18, f"{value:.3g}", "middle"))
        parts.append(_line(x(value), y(1.0) - 4, x(value), y(1.0)))
        parts.append(_text(x(value), y(1.0) - 8, "∞" if k == 0 else f"{1 / value:.3g} Å", "middle"))
    parts.append(
        f'<rect x="{_LEFT}" y="{_TOP}" width="{wide}" height="{high}" fill="none" stroke="#333333"/>'
    )
    parts.append(_text(_LEFT + wide / 2, _HEIGHT - 14, "Spatial frequency (1/Å)", "middle"))
    parts.append(
        f'<text transform="translate(16 {_TOP + high / 2:.1f}) rotate(-90)" text-anchor="middle">'
        "Fourier shell correlation</text>"
    )
    for number, ((kind, mask), values) in enumerate(curves.values.items()):
        points = " ".join(f"{x(f):.1f},{y(float(v)):.1f}" for f, v in zip(frequency, values, strict=True))
        style = f'fill="none" stroke="{_COLOURS.get(kind, "#444444")}" stroke-width="1.6"'
        style += f' stroke-dasharray="{_DASHES.get(mask, "")}"' if _DASHES.get(mask) else ""
        parts.append(f'<polyline points="{points}" {style}/>')
        row, column = _TOP + 12 + 18 * number, _WIDTH - _RIGHT + 44
        parts.append(f'<path d="M{column - 6} {row - 4}h24" {style}/>')
        parts.append(_text(column + 22, row, f"{kind}, {_WORDS.get(mask, mask)}", "start"))
    return "\n".join(parts) + "\n</svg>\n"


def write_plot(path: Path, curves: Curves, title: str) -> None:
    """Write the plot, whole or not at all."""
    with replacing(path) as file:
        file.write(plot_svg(curves, title).encode())


#: Masks of the two figures: the molecule as a whole, and its domains.
_FIGURES = (
    ("fsc", "FSC of the half-maps, masked", ("masked",)),
    ("fsc_domains", "FSC of the domains", ("moving", "static", "given")),
)
_KINDS = {"deformed": "motion undone", "ordinary": "ordinary"}
_PLACES = {"masked": "", "moving": "moving, ", "static": "static, ", "given": "given mask, "}
LEVEL = 0.143


def fsc_figures(curves: Curves) -> dict[str, Figure]:
    """The curves as figures: both reconstructions of the whole molecule in one, of its domains in another.

    Parameters
    ----------
    curves: Curves
        Correlations so far.

    Returns
    -------
    dict of Figure
        By the name under which they are stored.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in curves.values))
    found = {}
    for name, title, wanted in _FIGURES:
        masks = [mask for mask in wanted if (kinds[0], mask) in curves.values]
        if not masks:
            continue
        found[name] = Figure(
            kind="curves",
            task="reconstruct",
            title=title,
            x_title="spatial frequency (1/Å)",
            y_title="FSC",
            x=tuple(curves.frequencies().tolist()),
            series=tuple(
                Series(
                    f"{_PLACES[mask]}{_KINDS[kind]} {length(curves.resolution(kind, mask, LEVEL))}",
                    tuple(curves.values[kind, mask].double().tolist()),
                    colour=list(_KINDS).index(kind),
                    line=line,
                )
                for line, mask in enumerate(masks)
                for kind in kinds
            ),
            marks=(Mark(LEVEL, f"{LEVEL}"), Mark(0.5, "0.5")),
            reciprocal=True,
            facts=tuple(_fact(curves, mask, kinds) for mask in masks),
        )
    return found


def maps_figure(kinds: Sequence[str], percent: int, voxel_size_a: float) -> Figure:
    """The maps so far, those without motion first; ``map_<kind>`` are the names of their snapshots."""
    return Figure(
        kind="maps",
        task="reconstruct",
        title="Mean of both half-maps" + (f" after {percent} % of the images" if percent < 100 else ""),
        series=tuple(Series(_KINDS[kind], ()) for kind in kinds),
        arrays=tuple(f"map_{kind}" for kind in kinds),
        voxel_size_a=voxel_size_a,
    )


def _fact(curves: Curves, mask: str, kinds: Sequence[str]) -> Fact:
    """Resolution of the first reconstruction, beside that of the other."""
    first, *others = (length(curves.resolution(kind, mask, LEVEL)) for kind in kinds)
    beside = "".join(f", {_KINDS[kind]} {value}" for kind, value in zip(kinds[1:], others, strict=True))
    where = {"masked": "Resolution", "moving": "Moving part", "static": "Static part"}.get(
        mask, "In the mask"
    )
    return Fact(where, first, f"FSC {LEVEL}{beside}")


def length(value_a: float) -> str:
    """A resolution in words."""
    return f"{value_a:.2f} Å" if math.isfinite(value_a) else "none"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "#333333") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
