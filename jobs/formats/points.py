"""Points in Å from atomic models (PDB, mmCIF) and from STAR or CSV tables with columns x, y, z."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.columns import missing_columns
from jobs.formats.files import read_whole
from jobs.formats.optics import check_finite
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.structures import MODEL_SUFFIXES, read_structure

_TABLE_SUFFIXES = {".star", ".csv", ".tsv", ".txt"}
_AXES = ("x", "y", "z")
_NAME_COLUMNS = ("name", "names", "id", "label")


@dataclass(frozen=True)
class Points:
    """Points in the frame in which ChimeraX shows the map: voxel (0, 0, 0) at the header's origin.

    Attributes
    ----------
    xyz_a
        `(n, 3)` x, y, z in Å, float64.
    names
        `n` names: ``A/ALA12/CA`` for atoms, the column ``name`` of a table, else ``point1`` ….
    """

    xyz_a: npt.NDArray[np.float64]
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)


def read_points(path: str | Path) -> Points:
    """Read points from a file whose ending tells its form.

    Parameters
    ----------
    path
        ``.pdb``, ``.ent``, ``.cif``, ``.mmcif``: all atoms of the first model. ``.star``: the first table
        with columns x, y, z. ``.csv``, ``.tsv``, ``.txt``: a first line that names the columns, separated by
        commas, semicolons or tabs; further columns are ignored but for ``name``.

    Raises
    ------
    FormatError
        When the file is unreadable, of unknown ending, lacks a column, or has no points or a coordinate that
        is not a finite number; names row and column.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in MODEL_SUFFIXES:
        points = _read_model(path)
    elif suffix == ".star":
        points = _read_star(path)
    elif suffix in _TABLE_SUFFIXES:
        points = _read_csv(path)
    else:
        known = ", ".join(sorted(MODEL_SUFFIXES | _TABLE_SUFFIXES))
        raise FormatError(
            f"points cannot be read from '{suffix or 'no ending'}': {known} are expected", path=path
        )
    if not len(points):
        raise FormatError("the file holds no points", path=path)
    return points


def _read_model(path: Path) -> Points:
    structure = read_structure(path)
    xyz: list[list[float]] = []
    names: list[str] = []
    for chain in structure[0] if len(structure) else ():
        for residue in chain:
            for atom in residue:
                xyz.append(atom.pos.tolist())
                names.append(f"{chain.name}/{residue.name}{residue.seqid}/{atom.name}")
    array = np.array(xyz, np.float64).reshape(-1, 3)
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(wrong):
        raise FormatError(f"the atom {names[wrong[0]]} has no position", path=path, row=int(wrong[0]) + 1)
    return Points(array, names)


def _read_star(path: Path) -> Points:
    tables = read_star_tables(path)
    for table in tables.values():
        columns = _axis_columns(table.columns)
        if columns is not None:
            return _from_table(table, columns)
    present = [c for table in tables.values() for c in table.columns]
    raise _without_axes(present, path)


def _from_table(table: StarTable, columns: list[str]) -> Points:
    arrays = []
    for column in columns:
        values = table.floats(column)
        check_finite(values, table, column)
        arrays.append(values)
    named = next((c for c in table.columns if c.lower() in _NAME_COLUMNS), None)
    names = [f"point{i + 1}" for i in range(table.n_rows)] if named is None else list(table.text(named))
    return Points(np.stack(arrays, axis=1), names)


def _read_csv(path: Path) -> Points:
    text = read_whole(path).decode("utf-8-sig", "replace")
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        return Points(np.zeros((0, 3)), [])
    delimiter = next((d for d in (",", ";", "\t") if d in lines[0][1]), ",")
    rows = csv.reader((line for _, line in lines), delimiter=delimiter, skipinitialspace=True)
    header = [cell.strip().lstrip("#_ ").strip() for cell in next(rows)]
    columns = _axis_columns(header)
    if columns is None:
        raise _without_axes(header, path)
    place = [header.index(c) for c in columns]
    named = next((i for i, c in enumerate(header) if c.lower() in _NAME_COLUMNS), None)
    xyz: list[list[float]] = []
    names: list[str] = []
    for row, (cells, (line, _)) in enumerate(zip(rows, lines[1:], strict=False), start=1):
        if len(cells) < len(header):
            raise FormatError(
                f"line {line} has {len(cells)} values, but {len(header)} are expected", path=path, row=row
            )
        xyz.append([_coordinate(cells[i], header[i], row, line, path) for i in place])
        names.append(f"point{row}" if named is None else cells[named].strip())
    return Points(np.array(xyz, np.float64).reshape(-1, 3), names)


def _coordinate(cell: str, column: str, row: int, line: int, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise FormatError(
            f"{column} is '{cell.strip()}' (line {line}), but a finite number is expected",
            path=path,
            row=row,
            column=column,
        )
    return value


def _axis_columns(present: list[str] | tuple[str, ...]) -> list[str] | None:
    """Return the columns of x, y, z as spelt in the file, or None."""
    folded = {c.lower(): c for c in reversed(present)}
    return [folded[a] for a in _AXES] if all(a in folded for a in _AXES) else None


def _without_axes(present: list[str], path: Path) -> FormatError:
    folded = [c.lower() for c in present]
    missing = [a for a in _AXES if a not in folded]
    hint = "The first line of a CSV file names its columns; coordinates are in Å."
    return missing_columns(missing or list(_AXES), present, "table of points", path, hint)
