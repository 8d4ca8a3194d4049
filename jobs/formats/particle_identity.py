"""Find particles of one file in another by their names, however each program writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import TextArray

_NUMBER: Final = re.compile(r"^(.*?)[_/](\d+)(?:_[\d.]+A)?$")


def _stem(name: str) -> str:
    """Name of the file of a particle without folders, ending, and the section before it."""
    last = name.rpartition("@")[2].replace("\\", "/").rpartition("/")[2]
    for ending in (".mrcs", ".mrc"):
        last = last.removesuffix(ending)
    return last


def _tomogram_and_number(name: str) -> str:
    """Tomogram and running number in a name, however they are written; the name itself without a number."""
    stem = name.rpartition("@")[2].replace("\\", "/")
    if stem.endswith((".mrc", ".mrcs")):
        stem = _stem(stem)
    match = _NUMBER.match(stem)
    if match is None:
        return stem
    place = match[1].rpartition("/")[2].removesuffix(".tomostar").removesuffix(".mrc")
    return f"{place}#{int(match[2])}"


_WAYS: Final[tuple[Callable[[str], str], ...]] = (str, _stem, _tomogram_and_number)


def find_particles(own: TextArray, names: Iterable[str], path: Path) -> IntArray:
    """Return where particles of these names stand among others, whatever their order; -1: nowhere.

    Names are compared as they are, then as names of files, then by tomogram and running number, in the first
    of these ways in which a name is found and none stands for two.

    Raises
    ------
    UserError
        When none of them is there.
    """
    wanted = [str(name) for name in names]
    known = [str(name) for name in own]
    for way in _WAYS:
        keys = [way(name) for name in known]
        place = {key: row for row, key in enumerate(keys)}
        asked = [way(name) for name in wanted]
        if len(place) < len(known) or len(set(asked)) < len(asked):
            continue
        found = np.array([place.get(key, -1) for key in asked], np.int64)
        if (found >= 0).any():
            return found
    first, other = (wanted or ["nothing"])[0], (known or ["nothing"])[0]
    raise UserError(
        f"the particles of this file are other ones: {first} is not among them (their first is {other})",
        path=path,
        hint="Give the volume series that was exported with these images.",
    )
