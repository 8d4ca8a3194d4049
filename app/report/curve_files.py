"""Correlations that other programs leave in STAR files, as figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.viewing.curves import sheets_of
from jobs.core.errors import UserError
from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.formats.star import read_star_tables
from widgets.fsc_viewer_data import CurveSheet, resolution_words

#: Where RELION's jobs leave their correlations, the most telling first.
_FILES = ("postprocess.star", "run_model.star", "run_half1_model.star")
_LARGEST = 40 * 2**20
_LEVEL = 0.143


def figures_of_star(folder: Path) -> tuple[Figure, ...]:
    """Return the correlation curves of the first file of a job that has some."""
    for name in _FILES:
        path = folder / name
        try:
            if path.stat().st_size > _LARGEST:
                continue
            sheets = [sheet for sheet in sheets_of(read_star_tables(path)) if sheet.kind == "fsc"]
        except (UserError, OSError, ValueError):
            continue
        if sheets:
            return tuple(_figure(sheet) for sheet in sheets)
    return ()


def _figure(sheet: CurveSheet) -> Figure:
    x = np.asarray(sheet.curves[0].x, np.float64)
    series = []
    facts = []
    for number, curve in enumerate(sheet.curves):
        if len(curve.x) != len(x):
            continue
        series.append(Series(curve.name, tuple(float(v) for v in curve.y), colour=number))
        # a curve of chance correlations has no resolution
        if "random" not in curve.name and "fraction" not in curve.name:
            facts.append(Fact(f"Resolution, {curve.name}", resolution_words(curve, _LEVEL), f"FSC {_LEVEL}"))
    return Figure(
        kind="curves",
        task="",
        title=sheet.title,
        x_title="spatial frequency (1/Å)",
        y_title="FSC",
        x=tuple(x.tolist()),
        series=tuple(series),
        marks=(Mark(_LEVEL, f"{_LEVEL}"), Mark(0.5, "0.5")),
        reciprocal=True,
        facts=tuple(facts[:3]),
    )
