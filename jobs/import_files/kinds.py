"""Which node type a file is, told by its ending, its content and its name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.mrc_header import MapHeader, read_map_header
from jobs.formats.star import read_star_head
from jobs.import_files import words

#: Ends of half-map names of RELION (half1), cryoSPARC (half_A) and Warp/M (half1).
_HALF = re.compile(r"(?<![a-z])half[_-]?(?:map)?[_-]?([12AB])(?![a-z0-9])", re.IGNORECASE)
_MASK_NAME = re.compile(r"(?<![a-z])(mask|msk)", re.IGNORECASE)


def node_type_of(path: Path, chosen: str) -> str:
    """Return the node type of a file: the chosen one, or what its content says.

    Raises
    ------
    FormatError
        When the file cannot be read, or is nothing that can be imported.
    """
    if chosen != words.AUTOMATIC:
        return chosen
    suffix = path.suffix.lower()
    if suffix == ".cs":
        return words.PARTICLES
    if suffix == ".star":
        return _of_star(path)
    if suffix in words.MODEL_SUFFIXES:
        return words.MODEL
    if suffix in words.MAP_SUFFIXES:
        return _of_map(path)
    raise FormatError(
        "files of this ending cannot be imported",
        path=path,
        hint="Choose STAR or .cs files of particles, maps (.mrc, .map) or atomic models (.pdb, .cif).",
    )


def half_of(path: Path) -> int:
    """Return 1 or 2 when a name says which half-map it is, else 0."""
    found = _HALF.search(path.stem)
    return {"1": 1, "a": 1, "2": 2, "b": 2}[found[1].lower()] if found else 0


def without_half(stem: str) -> str:
    """Return a name without its mark of a half-map."""
    return _HALF.sub("", stem).strip("_-. ").replace("__", "_")


def _of_star(path: Path) -> str:
    tables = read_star_head(path).tables
    columns = {column for table in tables.values() for column in table.columns}
    if "rlnTomoParticlesFile" in columns:
        return words.OPTIMISATION_SET
    if "rlnImageName" in columns:
        return words.PARTICLES
    found = ", ".join(f"data_{name}" for name in tables)
    raise FormatError(
        f"the file holds neither particles nor a tomography optimisation set (found {found})",
        path=path,
        hint="Import micrographs and movies with RELION's own Import job.",
    )


def _of_map(path: Path) -> str:
    if half_of(path):
        return words.HALF_MAP
    header = read_map_header(path, permissive=True)
    if _MASK_NAME.search(path.stem) or _is_mask(header):
        return words.MASK
    return words.MAP


def _is_mask(header: MapHeader) -> bool:
    """Tell whether all values lie between 0 and 1 and most are exactly one of the two."""
    count = header.sections_present * header.shape[1] * header.shape[2]
    if not count:
        return False
    data = np.memmap(header.path, header.dtype, "r", header.data_offset, (count,))
    middle = data[count // 2 - min(count, 1 << 16) // 2 :][: 1 << 16]
    if middle.min() < 0 or middle.max() > 1:
        return False
    if data.min() != 0 or data.max() != 1:
        return False
    return bool(np.count_nonzero((data == 0) | (data == 1)) > 0.5 * count)
