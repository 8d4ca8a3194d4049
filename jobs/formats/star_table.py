"""One table of a STAR file: cells stay the bytes of the file, columns become arrays when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.columns import missing_columns
from jobs.formats.star_scan import IntArray, OffsetArray, RawBlock, find_fields
from jobs.formats.star_text import format_values, unquote

FloatArray = npt.NDArray[np.float64]
TextArray = npt.NDArray[np.object_]

# Rows turned into numbers at a time; bounds the memory of the fixed-width copies.
_ROWS_AT_ONCE = 1 << 16
# A number is never longer; anything longer is text and goes the careful way.
_NUMBER_BYTES = 64
NEW_VERSION = 50001


@dataclass(frozen=True, eq=False)
class StarTable:
    """A table (or a list of pairs: one row) of a STAR file.

    Tables are never changed; :meth:`select`, :meth:`with_columns` and :meth:`without_columns` return new ones
    that share the text. A million rows of 25 columns cost the text itself and 100 bytes per row.

    Attributes
    ----------
    name
        Text after ``data_``; may be empty.
    columns
        Labels without the leading underscore, in file order.
    is_loop
        False for ``_label value`` pairs, which are kept as one row.
    version
        Number in the ``# version`` line above the block; None without such a line (RELION 3.0 and older).
    path
        File the table was read from, for messages; None for a table made here.
    """

    name: str
    columns: tuple[str, ...]
    is_loop: bool
    version: int | None
    path: Path | None
    _text: bytes = field(repr=False)
    _start: IntArray = field(repr=False)
    _end: IntArray = field(repr=False)
    _field_start: OffsetArray = field(repr=False)
    _field_end: OffsetArray = field(repr=False)
    _line: IntArray = field(repr=False)

    @classmethod
    def from_columns(
        cls,
        name: str,
        columns: Mapping[str, npt.ArrayLike],
        *,
        is_loop: bool = True,
        version: int | None = NEW_VERSION,
    ) -> StarTable:
        """Make a table from columns of equal length: numbers, booleans or text.

        Parameters
        ----------
        name
            Name of the block, without ``data_``.
        columns
            Labels without underscore, and one-dimensional values. Pairs (``is_loop=False``) take one value.
        is_loop, version
            As the attributes.

        Raises
        ------
        ValueError
            When lengths differ, or a text holds a line break.
        """
        cells = {label: format_values(np.atleast_1d(np.asarray(v))) for label, v in columns.items()}
        lengths = {label: len(values) for label, values in cells.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")
        if not is_loop and set(lengths.values()) - {1}:
            raise ValueError("pairs take one value each")
        rows = [b" ".join(row) for row in zip(*cells.values(), strict=True)]
        return cls.from_rows(name, tuple(cells), rows, is_loop=is_loop, version=version)

    @classmethod
    def from_rows(
        cls,
        name: str,
        columns: Sequence[str],
        rows: Sequence[bytes],
        *,
        is_loop: bool = True,
        version: int | None = NEW_VERSION,
    ) -> StarTable:
        """Make a table from rows of STAR text, one value per column, quoted where needed."""
        text = b"\n".join(rows)
        length = np.fromiter((len(row) for row in rows), np.int64, len(rows))
        end = np.cumsum(length + 1) - 1
        return cls.from_text(
            text,
            end - length,
            end,
            RawBlock(name, version, 0, list(columns), is_loop),
            np.arange(len(rows), dtype=np.int64),
            None,
        )

    @classmethod
    def from_text(
        cls, text: bytes, start: IntArray, end: IntArray, block: RawBlock, line: IntArray, path: Path | None
    ) -> StarTable:
        """Make a table from the rows that lie at ``start`` to ``end`` in ``text``.

        Parameters
        ----------
        text
            The file, or any text.
        start, end
            `(n,)` positions of the rows.
        block
            Name, version and columns.
        line
            `(n,)` line of each row from 0, for messages.
        path
            File, for messages.
        """
        field_start, field_end, end = find_fields(text, start, end, block, line, path)
        return cls(
            block.name,
            tuple(block.columns),
            block.is_loop,
            block.version,
            path,
            text,
            start,
            end,
            field_start,
            field_end,
            line,
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._start)

    def __len__(self) -> int:
        return self.n_rows

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def line(self, row: int) -> int:
        """Return the line of the file, from 1, in which a row (from 0) stands."""
        return int(self._line[row]) + 1

    def require(self, columns: Iterable[str]) -> None:
        """Check that all of these columns are there.

        Raises
        ------
        FormatError
            Lists all missing columns together, each with the nearest name present.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise missing_columns(missing, self.columns, f"table data_{self.name}", self.path)

    def text(self, column: str) -> TextArray:
        """Return a column as `(n,)` Python strings, without quotes.

        Raises
        ------
        FormatError
            When the column does not exist.
        """
        raw = self._raw(column)
        out = np.empty(len(raw), object)
        out[:] = [unquote(r) if r[:1] in (b'"', b"'") else r.decode("utf-8", "surrogateescape") for r in raw]
        return out

    def floats(self, column: str) -> FloatArray:
        """Return a column as `(n,)` numbers; ``nan`` and ``inf`` are numbers here.

        Raises
        ------
        FormatError
            When the column does not exist, or a cell is not a number; names row and line.
        """
        j = self._index(column)
        out = np.empty(self.n_rows)
        buffer = np.frombuffer(self._text, np.uint8)
        for a in range(0, self.n_rows, _ROWS_AT_ONCE):
            b = min(a + _ROWS_AT_ONCE, self.n_rows)
            begin = self._start[a:b] + self._field_start[a:b, j]
            length = self._field_end[a:b, j].astype(np.int64) - self._field_start[a:b, j]
            width = int(length.max())
            if width > _NUMBER_BYTES:
                out[a:b] = self._careful_floats(column, a, b)
                continue
            offset = np.arange(width)
            at = np.minimum(begin[:, None] + offset, len(buffer) - 1)
            cells = np.where(offset < length[:, None], buffer[at], 0).astype(np.uint8)
            if (cells == ord("_")).any():  # Python would read 1_000 as a thousand
                out[a:b] = self._careful_floats(column, a, b)
                continue
            try:
                out[a:b] = np.ascontiguousarray(cells).view(f"S{width}").ravel().astype(np.float64)
            except ValueError:
                out[a:b] = self._careful_floats(column, a, b)
        return out

    def ints(self, column: str) -> IntArray:
        """Return a column as `(n,)` whole numbers; ``2.000000`` counts as 2.

        Raises
        ------
        FormatError
            When the column does not exist, or a cell is not a whole number.
        """
        values = self.floats(column)
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.int64)
        wrong = np.flatnonzero(whole != values)
        if len(wrong):
            raise self.cell_error(int(wrong[0]), column, "a whole number is expected")
        return whole

    def vectors(self, column: str) -> list[FloatArray]:
        """Return a column of ``[a,b,c]`` cells, one array per row (lengths may differ).

        Raises
        ------
        FormatError
            When a cell is not a bracketed list of numbers.
        """
        out: list[FloatArray] = []
        for row, cell in enumerate(self.text(column)):
            inner = cell.strip()[1:-1].replace(",", " ").split()
            if not (cell.startswith("[") and cell.endswith("]")):
                raise self.cell_error(row, column, "numbers in brackets, as [0.1,0.2], are expected")
            try:
                out.append(np.array([float(x) for x in inner]))
            except ValueError as error:
                raise self.cell_error(row, column, "numbers in brackets are expected") from error
        return out

    def row(self, row: int) -> dict[str, str]:
        """Return one row (from 0) as text by column."""
        base = int(self._start[row])
        spans = zip(self._field_start[row].tolist(), self._field_end[row].tolist(), strict=True)
        return {
            column: unquote(self._text[base + a : base + b])
            for column, (a, b) in zip(self.columns, spans, strict=True)
        }

    def cell_error(self, row: int, column: str, expected: str, hint: str = "") -> FormatError:
        """Return the error that says what a cell holds, what was expected, and where it stands."""
        found = self.row(row)[column]
        where = f" (line {self.line(row)})" if self.path is not None else ""
        return FormatError(
            f"{column} is '{found}'{where}, but {expected}",
            path=self.path,
            row=row + 1,
            column=column,
            hint=hint,
        )

    def select(self, rows: npt.ArrayLike) -> StarTable:
        """Return the rows of these indices (from 0, any order) or of this boolean mask; text unchanged."""
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        return replace(
            self,
            _start=self._start[chosen],
            _end=self._end[chosen],
            _field_start=self._field_start[chosen],
            _field_end=self._field_end[chosen],
            _line=self._line[chosen],
        )

    def with_columns(self, columns: Mapping[str, npt.ArrayLike]) -> StarTable:
        """Return the table with further columns at the end; columns of the same name are replaced in place.

        Parameters
        ----------
        columns
            Labels without underscore and `(n,)` values: numbers, booleans or text.

        Raises
        ------
        ValueError
            When a column's length is not the number of rows.
        """
        names = list(self.columns)
        rows = self.rows()
        for label, values in columns.items():
            cells = format_values(np.asarray(values))
            if len(cells) != self.n_rows:
                raise ValueError(f"{label} has {len(cells)} values for {self.n_rows} rows")
            if label not in self.columns:
                names.append(label)
                rows = [row.rstrip() + b" " + cell for row, cell in zip(rows, cells, strict=True)]
        # From the right, so that the positions of the fields to the left stay true.
        for j in reversed(range(len(self.columns))):
            if self.columns[j] in columns:
                cells = format_values(np.asarray(columns[self.columns[j]]))
                spans = zip(self._field_start[:, j].tolist(), self._field_end[:, j].tolist(), strict=True)
                rows = [
                    row[:a] + cell + row[b:] for row, cell, (a, b) in zip(rows, cells, spans, strict=True)
                ]
        table = StarTable.from_rows(self.name, names, rows, is_loop=self.is_loop, version=self.version)
        return table.placed(self._line, self.path)

    def without_columns(self, columns: Iterable[str]) -> StarTable:
        """Return the table without these columns; names that are not there are ignored."""
        gone = set(columns)
        kept = [c for c in self.columns if c not in gone]
        cells = [self._raw(c) for c in kept]
        rows = [b" ".join(row) for row in zip(*cells, strict=True)]
        table = StarTable.from_rows(self.name, kept, rows, is_loop=self.is_loop, version=self.version)
        return table.placed(self._line, self.path)

    def renamed(self, name: str, version: int | None) -> StarTable:
        """Return the same rows under another block name and version."""
        return replace(self, name=name, version=version)

    def placed(self, line: IntArray, path: Path | None) -> StarTable:
        """Return the same rows with the file and the lines (from 0) that messages shall name."""
        return replace(self, path=path, _line=line)

    def rows(self) -> list[bytes]:
        """Return the text of every row as it stands in the file."""
        ends = self._end.tolist()
        return [self._text[a:b] for a, b in zip(self._start.tolist(), ends, strict=True)]

    def stretches(self) -> Iterable[bytes | memoryview]:
        """Yield the text of the rows, neighbours in the file together, without the last line break."""
        view = memoryview(self._text)
        cuts = (np.flatnonzero(self._start[1:] != self._end[:-1] + 1) + 1).tolist()
        if len(cuts) > self.n_rows // 4:  # shuffled: one join is quicker than many small writes
            yield b"\n".join(self.rows())
            return
        for a, b in zip([0, *cuts], [*cuts, self.n_rows], strict=True):
            if b > a:
                yield view[self._start[a] : self._end[b - 1]]

    def _index(self, column: str) -> int:
        self.require([column])
        return self.columns.index(column)

    def _raw(self, column: str, a: int = 0, b: int | None = None) -> list[bytes]:
        j = self._index(column)
        begin = self._start[a:b] + self._field_start[a:b, j]
        end = self._start[a:b] + self._field_end[a:b, j]
        text = self._text
        return [text[p:q] for p, q in zip(begin.tolist(), end.tolist(), strict=True)]

    def _careful_floats(self, column: str, a: int, b: int) -> list[float]:
        """Convert cell by cell, to allow quoted numbers and to find the row at fault."""
        values = []
        for row, raw in enumerate(self._raw(column, a, b), start=a):
            try:
                values.append(float(unquote(raw).replace("_", "?")))
            except ValueError as error:
                raise self.cell_error(row, column, "a number is expected") from error
        return values
