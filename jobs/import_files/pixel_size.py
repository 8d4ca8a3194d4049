"""Another pixel size for particles whose files state a wrong one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.optics import PIXEL_SIZE_COLUMNS, OpticsReader
from jobs.formats.star_table import StarTable

_ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")


def replaced(
    tables: dict[str, StarTable], particles: str, size_a: float, path: Path
) -> tuple[dict[str, StarTable], tuple[str, ...]]:
    """Return the tables with this pixel size of the images, and what was changed, in words.

    Origins in Å are scaled by the same factor, so that particles stay centred; defoci stay.

    Raises
    ------
    FormatError
        When the file has no place for a pixel size.
    """
    table, optics = tables[particles], tables.get("optics")
    reader = OpticsReader(table, optics, path)
    known = not reader.missing(permissive=True, pixel_size_a=None)
    old = reader.read(None).pixel_size_a if known else np.full(table.n_rows, size_a)
    target = optics if optics is not None else table
    column = next((c for c in PIXEL_SIZE_COLUMNS if c in target), None)
    if column is None and "rlnDetectorPixelSize" in target and "rlnMagnification" in target:
        values = target.floats("rlnMagnification") * size_a / 1e4
        new = target.with_columns({"rlnDetectorPixelSize": values})
    elif optics is not None or column is not None:
        new = target.with_columns({column or "rlnImagePixelSize": np.full(target.n_rows, size_a)})
    else:
        raise FormatError(
            "the file has no column that could state a pixel size",
            path=path,
            hint="Give it rlnDetectorPixelSize and rlnMagnification, or an optics table.",
        )
    result = {**tables, new.name: new}
    factor = size_a / old
    origins = {c: result[particles].floats(c) * factor for c in _ORIGINS if c in table}
    if origins and not np.allclose(factor, 1.0):
        result[particles] = result[particles].with_columns(origins)
    stated = ", ".join(f"{value:.5g}" for value in np.unique(old)[:4]) if known else "none"
    return result, (f"The pixel size is now {size_a:g} Å (the file stated {stated}); defoci are unchanged.",)
