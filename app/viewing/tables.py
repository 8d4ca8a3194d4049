"""Tables of STAR and CSV-like files as the table view asks for them: by row, and by column as numbers."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError, UserError
from jobs.core.job_star import read_job_star
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable

FloatArray = NDArray[np.float64]
TextArray = NDArray[np.object_]
_ROWS_AT_ONCE = 50_000


class StarSource:
    """One table of a STAR file; cells stay text of the file until a column is asked for.

    Parameters
    ----------
    table
        The table.
    title
        How it is called; its block's name without it.
    """

    def __init__(self, table: StarTable, title: str = "") -> None:
        self.table = table
        self.name = title or table.name or "table"
        self.columns = table.columns
        self.n_rows = table.n_rows
        self.is_pairs = not table.is_loop

    def row(self, row: int) -> Sequence[str]:
        """Return the cells of one row as text."""
        return tuple(self.table.row(row).values())

    def numbers(self, column: str) -> FloatArray | None:
        """Return a column as numbers, None when it holds text."""
        try:
            return self.table.floats(column)
        except FormatError:
            return None

    def texts(self, column: str) -> TextArray:
        """Return a column as text."""
        return self.table.text(column)


class PlainSource:
    """A table held as lists of text."""

    def __init__(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.rows = [tuple(row) for row in rows]
        self.n_rows = len(self.rows)
        self.is_pairs = False

    def row(self, row: int) -> Sequence[str]:
        """Return the cells of one row."""
        return self.rows[row]

    def numbers(self, column: str) -> FloatArray | None:
        """Return a column as numbers, None when it holds text."""
        try:
            return np.array([float(cell) for cell in self._cells(column)], np.float64)
        except ValueError:
            return None

    def texts(self, column: str) -> TextArray:
        """Return a column as text."""
        out = np.empty(self.n_rows, object)
        out[:] = self._cells(column)
        return out

    def _cells(self, column: str) -> list[str]:
        at = self.columns.index(column)
        return [row[at] for row in self.rows]


Source = StarSource | PlainSource


def read_tables(path: Path) -> list[Source]:
    """Return all tables of a STAR file; those of single values are turned on their side to be read.

    Raises
    ------
    FormatError
        When the file cannot be read.
    """
    return sources_of(read_star_tables(path))


def sources_of(tables: dict[str, StarTable]) -> list[Source]:
    """Return tables as they are shown, in file order."""
    return [StarSource(table) if table.is_loop else pairs(table) for table in tables.values()]


def pairs(table: StarTable) -> PlainSource:
    """Return a list of single values as two columns."""
    values = table.row(0) if table.n_rows else {}
    return PlainSource(table.name or "values", ("label", "value"), list(values.items()))


def read_job(path: Path) -> list[Source]:
    """Return the settings in a ``job.star`` as options with their values.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    found = read_job_star(path)
    rows = [("Job type", found.label), *found.values.items()]
    return [PlainSource("parameters", ("option", "value"), rows)]


def read_csv(path: Path) -> list[Source]:
    """Return a table of separated values; the first line names the columns.

    Raises
    ------
    FormatError
        When it cannot be read, or is empty.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    except (OSError, csv.Error) as error:
        raise FormatError(f"the table cannot be read ({error})", path=path) from error
    if not rows:
        raise FormatError("the file is empty", path=path)
    names, width = rows[0], len(rows[0])
    return [PlainSource(path.stem, names, [(row + [""] * width)[:width] for row in rows[1:]])]


def write_csv(
    path: Path, source: Any, rows: NDArray[np.int64], cancelled: Callable[[], bool] = lambda: False
) -> Path:
    """Write rows of a table as comma-separated values, in the order given.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(source.columns)
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                if cancelled():
                    break
                writer.writerows(source.row(int(row)) for row in rows[start : start + _ROWS_AT_ONCE])
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"the table cannot be written ({error.strerror})", path=path) from error
    return path
