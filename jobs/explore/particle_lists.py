"""Lists of particles as people have them: STAR files, names, or rows of the particle file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.explore.subsets import read_names, read_particle_tables
from jobs.formats.image_names import identity

_HINT_NUMBERS = "Numbers such as 0,4,10-19 are rows of the particle file, the first is 0"


def wanted_names(text: str, star: Callable[[], Path]) -> list[str]:
    """Read which particles are wanted.

    Parameters
    ----------
    text
        A STAR file, a text file with names or row numbers, an ``.npy`` file of row numbers, or row numbers
        themselves such as ``0,4,10-19``.
    star
        Finds the particle file of the job, in which rows are counted from 0; called only when needed.

    Returns
    -------
    list of str
        Identities, each once, in the order of the list.

    Raises
    ------
    UserError
        When the list is empty, cannot be read, or has a row that the particle file has not.
    """
    path = Path(text)
    if path.is_file():
        rows = _rows_in(path)
        names = list(read_names(path)) if rows is None else _names_at(rows, star())
    elif (given := _numbers(text)) is not None:
        names = _names_at(given, star())
    else:
        raise UserError("there is no such list of particles", path=path, hint=_HINT_NUMBERS)
    once = {identity(name): name for name in reversed(names)}
    return [once.pop(key) for key in map(identity, names) if key in once]


def _rows_in(path: Path) -> list[int] | None:
    """Row numbers of a file that holds nothing else, else None."""
    if path.suffix.lower() == ".npy":
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"the list of rows cannot be read: {error}", path=path) from error
        if array.dtype.kind not in "iu":
            raise UserError(f"whole numbers are expected, not {array.dtype}", path=path)
        return [int(row) for row in array.ravel()]
    if path.suffix.lower() == ".star":
        return None
    lines = path.read_text("utf-8", "replace").splitlines()
    return _numbers(" ".join(line for line in lines if not line.lstrip().startswith("#")))


def _numbers(text: str) -> list[int] | None:
    """Whole numbers and ranges of them, None when there is anything else."""
    found: list[int] = []
    for part in text.replace(",", " ").split():
        low, dash, high = part.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            return None
        found += range(int(low), int(high if dash else low) + 1)
    return found or None


def _names_at(rows: Sequence[int], star: Path) -> list[str]:
    names = read_particle_tables(star).image_names()
    wrong = [row for row in rows if not 0 <= row < len(names)]
    if wrong:
        raise UserError(
            f"row {wrong[0]} is asked for, but the particle file has {len(names)} particles",
            path=star,
            hint="Rows count from 0.",
        )
    return [str(names[row]) for row in rows]
