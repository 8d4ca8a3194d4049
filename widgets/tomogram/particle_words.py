"""A particle in words."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from jobs.core.placing import Places
from widgets.explorer.colour_work import Shown


def words_about(names: NDArray[Any], places: Places, shown: Shown | None, row: int) -> str:
    """Say which particle a row is, where it lies, and what its colour means."""
    x, y, z = places.centre_a[row]
    words = [str(names[row]), f"x {x:,.0f}  y {y:,.0f}  z {z:,.0f} Å"]
    values = None if shown is None else shown.values
    if shown is not None and values is not None and values.numbers.ndim == 1:
        if values.codes is not None and values.kind == "categorical":
            code = int(values.codes[row])
            text = values.names[code] if code >= 0 else "no value"
        else:
            text = f"{float(values.numbers[row]):.4g}"
        words.append(f"{shown.order.source.label}: {text}")
    return "  ·  ".join(words)
