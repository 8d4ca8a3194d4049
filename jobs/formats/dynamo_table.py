"""Read and write Dynamo's particle tables (``.tbl``) and volume indices (``.doc``).

A table is text without a header, one row per particle; columns as in the page "Table convention" of Dynamo's
wiki. Programs stop after the last column they use, so fewer than 42 columns are common; what is missing is 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole, replacing

FloatArray = npt.NDArray[np.float64]

COLUMNS: tuple[str, ...] = (
    "tag", "aligned", "averaged", "dx", "dy", "dz", "tdrot", "tilt", "narot", "cc", "cc2", "cpu", "ftype",
    "ymintilt", "ymaxtilt", "xmintilt", "xmaxtilt", "fs1", "fs2", "tomo", "reg", "class", "annotation",
    "x", "y", "z", "dshift", "daxis", "dnarot", "dcc", "otag", "npar", "unused33", "ref", "sref", "apix",
    "def", "unused38", "unused39", "unused40", "eig1", "eig2",
)  # fmt: skip
_PLACE = {name: i for i, name in enumerate(COLUMNS)}
_DAXIS = _PLACE["daxis"]
_COMPLEX = re.compile(r"^([+-]?[\d.]+(?:[eE][+-]?\d+)?|NaN)([+-](?:[\d.]+(?:[eE][+-]?\d+)?|NaN))[ij]$")
#: What the processor of the users' document wrote: 32 columns, these as %.3f, the others as whole numbers.
ORIGINAL_COLUMNS = 32
_ORIGINAL_DECIMALS = ("tdrot", "tilt", "narot", "x", "y", "z")
_SHIFTS = ("dx", "dy", "dz")


@dataclass(frozen=True, eq=False)
class DynamoTable:
    """A table.

    Attributes
    ----------
    values
        `(n, 42)` or wider, columns as :data:`COLUMNS`; of complex numbers the real part.
    daxis_imaginary
        `(n,)` imaginary part of column 28, which Dynamo writes where rounding left one.
    stored_columns
        Columns that the file had.
    path
        The file, None for a table made here.
    """

    values: FloatArray
    daxis_imaginary: FloatArray
    stored_columns: int = len(COLUMNS)
    path: Path | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> FloatArray:
        return self.values[:, _PLACE[name]]

    @property
    def angles_deg(self) -> FloatArray:
        """Angles tdrot, tilt, narot `(n, 3)`."""
        return self.values[:, _PLACE["tdrot"] : _PLACE["narot"] + 1]

    @property
    def shift(self) -> FloatArray:
        """Shifts dx, dy, dz `(n, 3)` in px."""
        return self.values[:, _PLACE["dx"] : _PLACE["dz"] + 1]

    @property
    def position(self) -> FloatArray:
        """Positions x, y, z `(n, 3)` in px as written."""
        return self.values[:, _PLACE["x"] : _PLACE["z"] + 1]

    def select(self, rows: npt.ArrayLike) -> DynamoTable:
        """Return the rows of a mask or of a list of row numbers."""
        rows = np.asarray(rows)
        return DynamoTable(self.values[rows], self.daxis_imaginary[rows], self.stored_columns, self.path)


def make_table(n: int, columns: Mapping[str, npt.ArrayLike]) -> DynamoTable:
    """Make a table of ``n`` rows from columns by name; others are 0, aligned and averaged 1, tag from 1 on.

    Raises
    ------
    ValueError
        When there is no such column.
    """
    values = np.zeros((n, len(COLUMNS)))
    values[:, _PLACE["tag"]] = np.arange(1, n + 1)
    values[:, [_PLACE["aligned"], _PLACE["averaged"]]] = 1
    for name, column in columns.items():
        if name not in _PLACE:
            raise ValueError(f"tables have no column {name!r}")
        values[:, _PLACE[name]] = np.asarray(column, float)
    return DynamoTable(values, np.zeros(n))


def read_table(path: str | Path) -> DynamoTable:
    """Read a table.

    Raises
    ------
    FormatError
        When the file is missing or no table: fewer than 26 columns, rows of unequal length, a cell that is no
        number, or a tag that stands there twice. Names row and column.
    """
    path = Path(path)
    data = read_whole(path)
    if b"\0" in data[: 1 << 16]:
        raise FormatError("this is not a text file, but a Dynamo table (.tbl) is expected", path=path)
    rows = [line.split() for line in data.decode("utf-8", "replace").splitlines()]
    numbers = [i for i, row in enumerate(rows, start=1) if row]
    rows = [row for row in rows if row]
    if not rows:
        raise FormatError("the table has no rows", path=path)
    width = len(rows[0])
    if width <= _PLACE["z"]:
        raise FormatError(
            f"a Dynamo table has {_PLACE['z'] + 1} to {len(COLUMNS)} columns, this file {width}",
            path=path,
            row=1,
        )
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != width:
            text = f"the row has {len(row)} columns, the first one {width}"
            raise FormatError(text, path=path, row=number)
    values = np.zeros((len(rows), max(width, len(COLUMNS))))
    imaginary = np.zeros(len(rows))
    for column in range(width):
        cells = [row[column] for row in rows]
        try:
            values[:, column] = np.array(cells, float)
        except ValueError:
            for i, cell in enumerate(cells):
                real, other = _number(cell, path, numbers[i], column)
                values[i, column] = real
                if column == _DAXIS:
                    imaginary[i] = other
    tags, first = np.unique(values[:, 0], return_index=True)
    if len(tags) < len(rows):
        again = int(np.setdiff1d(np.arange(len(rows)), first)[0])
        raise FormatError(
            f"the tag {values[again, 0]:g} stands there twice", path=path, row=numbers[again], column="tag"
        )
    return DynamoTable(values, imaginary, width, path)


def write_table(path: str | Path, table: DynamoTable) -> None:
    """Write a table, 42 columns (or as many as it has), ten significant digits.

    Raises
    ------
    UserError
        When the file cannot be written; an old one is then unchanged.
    ValueError
        When a value is not finite.
    """
    if not np.isfinite(table.values).all():
        raise ValueError("a table holds only finite numbers")
    values = table.values + 0.0  # no -0
    row_format = " ".join(["%.10g"] * values.shape[1])
    lines = [row_format % tuple(row) for row in values.tolist()]
    for i in np.flatnonzero(table.daxis_imaginary):
        cells = lines[i].split(" ")
        cells[_DAXIS] += f"{table.daxis_imaginary[i]:+.10g}i"
        lines[i] = " ".join(cells)
    _write(path, lines)


def write_original_table(path: str | Path, table: DynamoTable) -> None:
    """Write a table as the processor of the users' document did: 32 columns, angles and positions ``%.3f``.

    It had no shifts and wrote zeros; where there are some they are kept, ``%.3f`` as well.

    Raises
    ------
    UserError
        When the file cannot be written; an old one is then unchanged.
    """
    values = table.values[:, :ORIGINAL_COLUMNS] + 0.0
    decimals = _ORIGINAL_DECIMALS + (_SHIFTS if np.round(table.shift, 3).any() else ())
    row_format = " ".join("%.3f" if name in decimals else "%d" for name in COLUMNS[:ORIGINAL_COLUMNS])
    _write(path, [row_format % tuple(row) for row in values.tolist()])


def read_index(path: str | Path) -> dict[int, str]:
    """Read a volume index: paths by number, as written; they may hold blanks.

    Raises
    ------
    FormatError
        When a line is no number and path, or a number stands there twice.
    """
    path = Path(path)
    found: dict[int, str] = {}
    for row, line in enumerate(read_whole(path).decode("utf-8", "surrogateescape").splitlines(), start=1):
        if not line.strip():
            continue
        number, _, name = line.strip().replace("\t", " ", 1).partition(" ")
        if not number.isdigit() or not name.strip():
            raise FormatError(f"a number and a path are expected, not {line.strip()!r}", path=path, row=row)
        if int(number) in found:
            raise FormatError(f"the volume {number} stands there twice", path=path, row=row)
        found[int(number)] = name.strip()
    return found


def write_index(path: str | Path, volumes: Mapping[int, str | Path]) -> None:
    """Write a volume index, one ``<number> <path>`` per line in the order of the numbers.

    Raises
    ------
    UserError
        When the file cannot be written; an old one is then unchanged.
    ValueError
        When a path holds a line break.
    """
    lines = [f"{number} {volumes[number]}" for number in sorted(volumes)]
    if any("\n" in line for line in lines):
        raise ValueError("a path with a line break cannot stand in a volume index")
    _write(path, lines)


def _write(path: str | Path, lines: list[str]) -> None:
    with replacing(path) as file:
        file.write("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))


def _number(cell: str, path: Path, row: int, column: int) -> tuple[float, float]:
    """Real and imaginary part of a cell."""
    match = _COMPLEX.match(cell)
    try:
        return (float(match[1]), float(match[2])) if match else (float(cell), 0.0)
    except ValueError:
        name = COLUMNS[column] if column < len(COLUMNS) else str(column + 1)
        raise FormatError(f"a number is expected, not {cell!r}", path=path, row=row, column=name) from None
