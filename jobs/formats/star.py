"""Read and write STAR files: every block, column, row and character of a value survives a round trip.

Fields stay bytes of the file until a column is asked for, which reads a million particles in a few seconds
and writes back exactly what was read. RELION's own pipeline and job files have a reader of their own
(:mod:`jobs.core.relion_star`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole, replacing, unreadable
from jobs.formats.star_scan import Lines, RawBlock, find_blocks, find_lines
from jobs.formats.star_table import StarTable
from jobs.formats.star_text import split_fields

_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class StarHead:
    """The beginning of a STAR file.

    Attributes
    ----------
    path
        The file.
    tables
        First rows of each block seen; columns complete.
    n_rows
        Rows of each block: exact, or estimated from the file size for a block that goes on behind the part
        read.
    complete
        Whether the whole file was read, so that ``n_rows`` is exact and no block is missing.
    """

    path: Path
    tables: dict[str, StarTable]
    n_rows: dict[str, int]
    complete: bool


def read_star_tables(path: str | Path) -> dict[str, StarTable]:
    """Read all tables of a STAR file by block name, in file order.

    Raises
    ------
    FormatError
        When the file is missing, unreadable, no text, or not a STAR file; names line and row.
    """
    path = Path(path)
    return parse_star(read_whole(path), path)


def parse_star(data: bytes, path: Path | None = None) -> dict[str, StarTable]:
    """Read the tables of STAR text. Parameters, result and errors as in :func:`read_star_tables`."""
    data = _as_text(data, path)
    lines = find_lines(data)
    blocks = find_blocks(data, lines, path)
    return {block.name: _table(data, lines, block, path) for block in blocks}


def read_star_head(path: str | Path, n_rows: int = 5, max_bytes: int = _HEAD_BYTES) -> StarHead:
    """Read block names, columns and the first rows, at the cost of one megabyte at most.

    Meant for checks while somebody types a file name. Blocks that begin behind ``max_bytes`` are not seen;
    ``complete`` tells.

    Parameters
    ----------
    path
        STAR file.
    n_rows
        Rows kept of each table.
    max_bytes
        Bytes read.

    Raises
    ------
    FormatError
        As :func:`read_star_tables`, for the part read.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    data = read_whole(path, max_bytes)
    complete = len(data) >= size
    if not complete:  # the last line is cut somewhere
        data = data[: data.rfind(b"\n") + 1]
    tables = parse_star(data, path)
    counts = {name: table.n_rows for name, table in tables.items()}
    if not complete:
        last = list(tables)[-1]
        body = sum(len(row) + 1 for row in tables[last].rows())
        if counts[last]:
            counts[last] += round((size - len(data)) * counts[last] / body)
    shown = {name: t.select(np.arange(min(n_rows, t.n_rows))) for name, t in tables.items()}
    return StarHead(path, shown, counts, complete)


def write_star_tables(path: str | Path, tables: Mapping[str, StarTable] | Iterable[StarTable]) -> None:
    """Write tables in RELION's layout; the old file stays until the new one is complete.

    Each table gets its version line if it has a version. A table without rows is left out, because RELION
    cannot read one.

    Raises
    ------
    UserError
        When the file cannot be written; the old one is then unchanged.
    """
    chosen = tables.values() if isinstance(tables, Mapping) else tables
    with replacing(path) as file:
        for table in chosen:
            for part in _parts(table):
                file.write(part)


def format_star(tables: Mapping[str, StarTable] | Iterable[StarTable]) -> bytes:
    """Return the text that :func:`write_star_tables` writes."""
    chosen = tables.values() if isinstance(tables, Mapping) else tables
    return b"".join(bytes(part) for table in chosen for part in _parts(table))


def _as_text(data: bytes, path: Path | None) -> bytes:
    """Check that the bytes are text; drop a byte order mark and carriage returns."""
    if b"\0" in data[: 1 << 16]:
        raise FormatError(
            "this is not a text file", path=path, hint="Choose the STAR file, not an image or map."
        )
    if not data or data.isspace():  # strip() would copy all of it, and let nobody else work meanwhile
        raise FormatError("the file is empty", path=path)
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def _table(data: bytes, lines: Lines, block: RawBlock, path: Path | None) -> StarTable:
    rows = block.lines
    if block.is_loop:
        return StarTable.from_text(data, lines.start[rows], lines.end[rows], block, rows, path)
    table = StarTable.from_rows(
        block.name,
        block.columns,
        [b" ".join(block.values)] if block.columns else [],
        is_loop=False,
        version=block.version,
    )
    return table.placed(rows[:1], path)


def _parts(table: StarTable) -> Iterator[bytes | memoryview]:
    """Yield the pieces of one table as text."""
    if not table.n_rows:
        return
    version = f"\n# version {table.version}\n" if table.version is not None else ""
    heading = f"{version}\ndata_{table.name}\n\n"
    labels = [label.encode("utf-8", "surrogateescape") for label in table.columns]
    yield heading.encode("utf-8", "surrogateescape")
    if table.is_loop:
        yield b"loop_ \n" + b"".join(b"_%s #%d \n" % (label, i + 1) for i, label in enumerate(labels))
        for stretch in table.stretches():
            yield stretch
            yield b"\n"
    else:
        row = table.rows()[0]
        width = max(len(label) for label in labels) + 1
        for label, (a, b) in zip(labels, split_fields(row), strict=True):
            yield b"%s %12s\n" % ((b"_" + label).ljust(width), row[a:b])
    yield b" \n"
