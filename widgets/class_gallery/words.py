"""How columns of classes are called, and what is written below an average."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from jobs.core.class_set import (
    ACCEPTED,
    CLASS_NUMBER,
    GENERATION,
    MAIN,
    PIXEL_ERROR,
    RESOLUTION,
    SIZE,
    ClassSet,
)
from widgets.star_table_source import number_text

_TITLES: Final = {
    SIZE: "Particles",
    PIXEL_ERROR: "Pixel error (px)",
    RESOLUTION: "Resolution (Å)",
    CLASS_NUMBER: "Class number",
    GENERATION: "Generation",
    MAIN: "Main iteration",
    ACCEPTED: "Accepted",
    "distribution": "Share of particles",
    "accuracy_rotations_deg": "Accuracy of rotations (°)",
    "accuracy_translations_px": "Accuracy of shifts (px)",
    "accuracy_translations_a": "Accuracy of shifts (Å)",
    "completeness": "Completeness",
    "score": "Class score",
}
_SEPARATOR: Final = " · "
_UNITS: Final = {PIXEL_ERROR: ("px", 2), RESOLUTION: ("Å", 1)}


def column_title(name: str) -> str:
    """Return a column in words."""
    return _TITLES.get(name, name.removeprefix("rln"))


def cell(value: Any) -> str:
    """Return a value as it is read."""
    if isinstance(value, np.bool_ | np.integer):
        return str(int(value))
    return number_text(float(value)) if isinstance(value, np.floating | float) else str(value)


def numeric_columns(classes: ClassSet) -> list[str]:
    """Return the columns of numbers that differ between classes; the well-known ones first."""
    found = [
        name
        for name, values in classes.columns.items()
        if np.asarray(values).dtype.kind in "iufb" and np.isfinite(np.asarray(values, np.float64)).any()
    ]
    known = [name for name in _TITLES if name in found]
    return known + [name for name in found if name not in _TITLES]


def shown_columns(classes: ClassSet) -> list[str]:
    """Return all columns by which classes may be sorted and filtered; the well-known ones first."""
    numeric = numeric_columns(classes)
    texts = [name for name, values in classes.columns.items() if np.asarray(values).dtype.kind in "OUS"]
    return numeric + texts


def judging_column(classes: ClassSet) -> str:
    """Return the column that judges classes besides their size: the pixel error, else the resolution."""
    numeric = numeric_columns(classes)
    others = (*(name for name in numeric if name not in (SIZE, CLASS_NUMBER)), SIZE)
    return next((name for name in (PIXEL_ERROR, RESOLUTION) if name in numeric), others[0])


def caption(classes: ClassSet, k: int, parts: int = 3) -> str:
    """Return size, pixel error and resolution of a class, as far as they are known; of these, so many."""
    words = [f"{int(classes.columns[SIZE][k]):,}"]
    for name, (unit, digits) in _UNITS.items():
        if len(words) < parts and name in classes.columns:
            value = float(classes.columns[name][k])
            if np.isfinite(value) and value < 999:
                words.append(f"{value:.{digits}f} {unit}")
    return _SEPARATOR.join(words)


def captions(classes: ClassSet, fits: Callable[[str], bool]) -> list[str]:
    """Return what is written below all averages: as much of it as has room below each of them."""
    for parts in (3, 2):
        found = [caption(classes, k, parts) for k in range(len(classes))]
        if fits(max(found, key=len, default="")):
            return found
    return [caption(classes, k, 1) for k in range(len(classes))]
