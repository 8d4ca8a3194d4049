"""The evaluation of 2D classes as one page that needs no other file: words, pictures, and every class."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.core.class_set import SIZE, Image
from jobs.core.figures import Figure
from jobs.formats.files import replacing
from jobs.isac2.evaluation import Evaluation

_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_DASHES: Final = ("-", "--", ":")
_TITLES: Final = {
    "size": ("particles", "{:.0f}"),
    "pixel_error_px": ("pixel error", "{:.2f} px"),
    "frc_resolution_a": ("resolution", "{:.1f} Å"),
    "nearest_correlation": ("likeness to nearest", "{:.2f}"),
    "nearest_class": ("nearest class", "{:.0f}"),
    "view_spread_deg": ("spread of directions", "{:.1f}°"),
    "repeat_jaccard": ("shared with other run", "{:.2f}"),
    "repeat_class": ("class there", "{:.0f}"),
}
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 1rem; }
figure { margin: 0; background: #fff; color: #222; border: 1px solid var(--line); border-radius: 6px;
  padding: .5rem; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: .85rem; padding: 0 .5rem .25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; vertical-align: bottom; } td img { width: 64px; height: 64px; display: block; }
@media (prefers-color-scheme: dark) { figure { filter: invert(.9) hue-rotate(180deg); } }
tr:nth-child(even) { background: var(--soft); } th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
"""


def write_report(evaluation: Evaluation, pictures: Sequence[Figure], path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    evaluation
        What was found.
    pictures
        Curves and histograms that go with it.
    path
        Target, which an existing page keeps until the new one is complete.
    """
    sentences = "".join(f"<li>{html.escape(text)}</li>" for text in evaluation.sentences)
    drawn = "".join(_figure(picture) for picture in pictures)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Evaluation of 2D classes</title>'
        f"<style>{_STYLE}</style></head><body><h1>Evaluation of 2D classes</h1>"
        f"<p>{html.escape(_place(evaluation.classes.path))}</p><ul>{sentences}</ul>"
        f'<h2>Pictures</h2><div class="figures">{drawn}</div>'
        f"<h2>Classes</h2>{_table(evaluation)}</body></html>\n"
    )
    with replacing(path) as file:
        file.write(page.encode())


def _place(class_file: Path) -> str:
    """Folders of the job and its file: what stays true when the project is moved."""
    return "/".join(class_file.parts[-3:])


def _table(evaluation: Evaluation) -> str:
    columns = {name: values for name, values in evaluation.columns().items() if name in _TITLES}
    head = "".join(f"<th>{html.escape(_TITLES[name][0])}</th>" for name in columns)
    rows = []
    for k in np.argsort(-evaluation.classes.columns[SIZE], kind="stable").tolist():
        cells = "".join(
            f"<td>{html.escape(_shown(values[k], _TITLES[name][1]))}</td>" for name, values in columns.items()
        )
        picture = thumbnail(evaluation.classes.read(k))
        rows.append(
            f'<tr><td>{k + 1}</td><td><img alt="average {k + 1}" src="{picture}"></td>{cells}</tr>',
        )
    return (
        f'<div class="scroll"><table><thead><tr><th>class</th><th>average</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _shown(value: float, form: str) -> str:
    return form.format(value) if np.isfinite(value) else "not known"


def thumbnail(image: Image) -> str:
    """Return an image as a data address, grey values from the second to the last but one percent."""
    from matplotlib.image import imsave

    low, high = np.percentile(image, (2, 99.5))
    buffer = io.BytesIO()
    # A flat image has no range of its own.
    shown: npt.NDArray[np.float32] = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1)
    imsave(buffer, shown, cmap="gray", vmin=0, vmax=1, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _figure(picture: Figure) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(5.6, 3.4), layout="constrained")
    axes = drawing.subplots()
    x = np.array(picture.x)
    for series in picture.series:
        values = np.array(series.values)
        colour = _COLOURS[series.colour % len(_COLOURS)]
        if picture.kind == "histogram":
            axes.bar(x[:-1], values, np.diff(x), align="edge", color=colour, alpha=0.75, label=series.name)
        else:
            axes.plot(x, values, color=colour, linestyle=_DASHES[series.line % 3], label=series.name)
    for mark in picture.marks:
        draw = axes.axvline if picture.kind == "histogram" else axes.axhline
        draw(mark.value, color="#555", linestyle=_DASHES[mark.line % 3], linewidth=1, label=mark.name)
    if picture.reciprocal:
        # The length that a frequency stands for is what people know.
        places = [tick for tick in axes.get_xticks() if x[0] <= tick <= x[-1] and tick > 0]
        top = axes.secondary_xaxis("top")
        top.set_xticks(places, [f"{1 / tick:.3g} Å" for tick in places])
    axes.set_xlabel(picture.x_title)
    axes.set_ylabel(picture.y_title)
    axes.set_title(picture.title, fontsize=11)
    axes.spines[["right", "top"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    buffer = io.StringIO()
    # Words stay words; the salt makes the same picture the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "evaluation"}):
        drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    facts = "; ".join(
        f"{fact.title}: {fact.value}" + (f" ({fact.detail})" if fact.detail else "") for fact in picture.facts
    )
    caption = f"<figcaption>{html.escape(facts)}</figcaption>" if facts else ""
    return f"<figure>{drawn[drawn.index('<svg') :]}{caption}</figure>"
