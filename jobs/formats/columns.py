"""Words for columns that a table should have and does not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from jobs.core.errors import FormatError


def nearest(name: str, present: Sequence[str]) -> str:
    """Return the name among ``present`` that resembles ``name`` most, or an empty text."""
    folded = {p.lower(): p for p in present}
    close = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.75)
    return folded[close[0]] if close else ""


def missing_columns(
    missing: Iterable[str], present: Sequence[str], where: str, path: Path | None, hint: str = ""
) -> FormatError:
    """Return one error that lists all missing columns, each with the nearest name present.

    Parameters
    ----------
    missing
        Labels (or phrases such as ``rlnOriginX or rlnOriginXAngst``) that are wanted.
    present
        Labels of the table.
    where
        The table in words.
    path
        The file.
    hint
        What to do.
    """
    parts = []
    wanted = list(missing)
    for name in wanted:
        close = nearest(name.split()[0], present)
        parts.append(f"{name} (there is {close})" if close else name)
    noun = "column" if len(parts) == 1 else "columns"
    return FormatError(
        f"the {where} lacks the {noun} {', '.join(parts)}",
        path=path,
        column=wanted[0] if len(wanted) == 1 else None,
        hint=hint,
    )
