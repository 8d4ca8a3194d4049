"""Find the blocks, columns, rows and fields in the bytes of a STAR file, a million rows in a few seconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.star_text import split_fields

IntArray = npt.NDArray[np.int64]
OffsetArray = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]

Failure = Callable[..., FormatError]

# Kinds of lines, as far as the first characters tell.
_ROW, _BLANK, _COMMENT, _LABEL, _DATA, _LOOP = range(6)
_VERSION = re.compile(rb"#\s*version\s+(\d+)\s*$")
# Fields are found in pieces that fit into the processor's cache.
_CHUNK_BYTES = 1 << 20


@dataclass
class RawBlock:
    """One ``data_`` block as found in the bytes of a file.

    Attributes
    ----------
    name
        Text after ``data_``; may be empty.
    version
        Number of the last ``# version`` line before the block, None without one.
    line
        Line of the ``data_`` line, counted from 1.
    columns
        Labels without the leading underscore, in file order.
    is_loop
        False for a list of ``_label value`` pairs.
    runs
        First and last + 1 line index (from 0) of each stretch of rows, or of each pair.
    values
        Raw values of the pairs when ``is_loop`` is False.
    """

    name: str
    version: int | None
    line: int
    columns: list[str] = field(default_factory=list)
    is_loop: bool = False
    runs: list[tuple[int, int]] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    @property
    def lines(self) -> IntArray:
        """Line index, from 0, of each row."""
        if not self.runs:
            return np.zeros(0, np.int64)
        return np.concatenate([np.arange(a, b, dtype=np.int64) for a, b in self.runs])


@dataclass(frozen=True)
class Lines:
    """Where the lines of a text begin and end (bytes, line break excluded), and of what kind each is."""

    start: IntArray
    end: IntArray
    kind: npt.NDArray[np.uint8]
    first: IntArray


def find_lines(data: bytes) -> Lines:
    """Split bytes at line feeds and classify each line by its first characters."""
    buffer = np.frombuffer(data, np.uint8)
    step = 1 << 24
    breaks = [np.flatnonzero(buffer[a : a + step] == 10) + a for a in range(0, len(buffer), step)]
    newline = np.concatenate(breaks) if breaks else np.zeros(0, np.int64)
    start = np.concatenate(([0], newline + 1)).astype(np.int64)
    end = np.concatenate((newline, [len(buffer)])).astype(np.int64)
    if start[-1] == end[-1] and len(start) > 1:  # nothing follows the last line break
        start, end = start[:-1], end[:-1]
    first = _first_character(data, buffer, start, end)
    return Lines(start, end, _kinds(data, buffer, first, end), first)


def _first_character(data: bytes, buffer: npt.NDArray[np.uint8], start: IntArray, end: IntArray) -> IntArray:
    """Return the position of the first character of each line that is no blank; its end if there is none."""
    first = start.copy()
    open_lines = np.flatnonzero(first < end)
    for _ in range(64):
        byte = buffer[first[open_lines]]
        open_lines = open_lines[(byte == 32) | (byte == 9)]
        if not len(open_lines):
            return first
        first[open_lines] += 1
        open_lines = open_lines[first[open_lines] < end[open_lines]]
    for i in open_lines:  # absurdly indented lines are not worth a loop over all
        line = data[first[i] : end[i]]
        first[i] = end[i] - len(line.lstrip(b" \t"))
    return first


def _kinds(
    data: bytes, buffer: npt.NDArray[np.uint8], first: IntArray, end: IntArray
) -> npt.NDArray[np.uint8]:
    kind = np.full(len(first), _ROW, np.uint8)
    kind[first >= end] = _BLANK
    filled = np.flatnonzero(kind == _ROW)
    lead = buffer[first[filled]]
    kind[filled[lead == ord("#")]] = _COMMENT
    kind[filled[lead == ord("_")]] = _LABEL
    for word, letter, found in ((b"data_", "d", _DATA), (b"loop_", "l", _LOOP)):
        candidates = filled[lead == ord(letter)]
        for offset in range(1, len(word)):
            candidates = candidates[first[candidates] + offset < end[candidates]]
            candidates = candidates[buffer[first[candidates] + offset] == word[offset]]
        for i in candidates:
            # A row may begin with an image path such as data_set1/stack.mrcs; a heading stands alone.
            words = data[first[i] : end[i]].split(None, 2)
            alone = len(words) == 1 or words[1].startswith(b"#")
            if alone and (found == _DATA or words[0] == word):
                kind[i] = found
    return kind


def find_blocks(data: bytes, lines: Lines, path: Path | None) -> list[RawBlock]:
    """Return the blocks of a STAR file in file order.

    Raises
    ------
    FormatError
        Text outside a block, a block without a name line, the same block or column twice, two tables in one
        block, or rows after an empty line (where RELION stops reading).
    """
    blocks: list[RawBlock] = []
    version: int | None = None
    state = "outside"  # outside | block | pairs | labels | rows | ended
    special = np.flatnonzero(lines.kind != _ROW)
    i, n = 0, len(lines.kind)

    def fail(message: str, hint: str = "") -> FormatError:
        return FormatError(f"line {i + 1}: {message}", path=path, hint=hint)

    while i < n:
        kind = int(lines.kind[i])
        if kind == _BLANK:
            state = "ended" if state == "rows" else state
        elif kind == _COMMENT:
            match = _VERSION.match(data[lines.first[i] : lines.end[i]])
            version = int(match.group(1)) if match else version
        elif kind == _DATA:
            name = (
                data[lines.first[i] : lines.end[i]].split(None, 1)[0][5:].decode("utf-8", "surrogateescape")
            )
            twice = next((b for b in blocks if b.name == name), None)
            if twice is not None:
                raise fail(f"the block data_{name} stands in the file twice, first in line {twice.line}")
            blocks.append(RawBlock(name, version, i + 1))
            state = "block"
        elif state == "outside":
            found = _excerpt(data, lines, i)
            raise fail(f"expected a line data_… but found '{found}'", "This does not look like a STAR file.")
        elif kind == _LOOP:
            if state != "block":
                raise fail(
                    f"the block data_{blocks[-1].name} holds a second table",
                    "Give each table its own data_ line.",
                )
            blocks[-1].is_loop = True
            state = "labels"
        elif kind == _LABEL and state in ("block", "pairs", "labels"):
            _add_label(blocks[-1], data[lines.first[i] : lines.end[i]], state == "labels", fail)
            blocks[-1].runs += [] if state == "labels" else [(i, i + 1)]
            state = "labels" if state == "labels" else "pairs"
        elif state in ("labels", "rows"):
            after = int(np.searchsorted(special, i + 1))
            stop = int(special[after]) if after < len(special) else n
            if state == "labels" and not blocks[-1].columns:
                raise fail("a table row stands before the first column label")
            blocks[-1].runs.append((i, stop))
            state = "rows"
            i = stop - 1
        else:
            raise _misplaced(state, blocks[-1], _excerpt(data, lines, i), fail)
        i += 1
    if not blocks:
        raise FormatError("the file holds no data_ block, so it is not a STAR file", path=path)
    return blocks


def _excerpt(data: bytes, lines: Lines, i: int) -> str:
    text = data[lines.first[i] : min(lines.end[i], lines.first[i] + 40)]
    return text.decode("utf-8", "replace").strip()


def _misplaced(state: str, block: RawBlock, found: str, fail: Failure) -> FormatError:
    """Return the error for a line that cannot stand where it does."""
    if state == "ended":
        return fail(
            f"'{found}' follows an empty line inside the table data_{block.name}",
            "RELION stops reading at the empty line; delete it, or what follows.",
        )
    return fail(f"expected a label that begins with _ in the block data_{block.name} but found '{found}'")


def _add_label(block: RawBlock, line: bytes, in_loop: bool, fail: Failure) -> None:
    label = line.split(None, 1)[0].split(b"#", 1)[0][1:].decode("utf-8", "surrogateescape")
    if not label:
        raise fail("a label without a name")
    if label in block.columns:
        raise fail(f"the column {label} is named twice in the block data_{block.name}")
    block.columns.append(label)
    if in_loop:
        return
    try:
        fields = split_fields(line)
    except ValueError as error:
        raise fail(f"{label}: {error}") from error
    if len(fields) != 2:
        raise fail(
            f"{label} has {len(fields) - 1} values but needs exactly one",
            "Put values with blanks in double quotes; a table needs a line loop_ before its labels.",
        )
    block.values.append(line[fields[1][0] : fields[1][1]])


def find_fields(
    data: bytes, start: IntArray, end: IntArray, block: RawBlock, lines: IntArray, path: Path | None
) -> tuple[OffsetArray, OffsetArray, IntArray]:
    """Return where each field of each row begins and ends, and where each row ends.

    Parameters
    ----------
    data
        The text.
    start, end
        `(n,)` first byte and end of each row.
    block
        Names the columns.
    lines
        `(n,)` line numbers from 0, for messages.
    path
        File, for messages.

    Returns
    -------
    tuple
        Field starts and ends `(n, columns)`, bytes relative to the row's start; row ends `(n,)`, from which
        a comment behind the last value is cut.

    Raises
    ------
    FormatError
        When a row has more or fewer values than there are columns.
    """
    n, columns = len(start), len(block.columns)
    longest = int((end - start).max(initial=0))
    dtype = np.uint16 if longest < 1 << 16 else np.uint32
    begins = np.empty((n, columns), dtype)
    ends = np.empty((n, columns), dtype)
    row_end = end.copy()
    buffer = np.frombuffer(data, np.uint8)
    gaps = np.flatnonzero(start[1:] != end[:-1] + 1) + 1
    for a, b in zip([0, *gaps.tolist()], [*gaps.tolist(), n], strict=True):
        for lo, hi in _pieces(start, end, a, b):
            odd = _fast_fields(buffer, start[lo:hi], end[hi - 1], begins[lo:hi], ends[lo:hi])
            for row in (odd + lo).tolist():
                raw = data[start[row] : end[row]]
                fields = _careful_fields(raw, block, row, int(lines[row]), path)
                begins[row] = [f[0] for f in fields]
                ends[row] = [f[1] for f in fields]
                row_end[row] = start[row] + fields[-1][1]
    return begins, ends, row_end


def _pieces(start: IntArray, end: IntArray, a: int, b: int) -> list[tuple[int, int]]:
    """Cut the rows ``a`` to ``b`` into pieces of about a megabyte."""
    pieces = []
    while a < b:
        stop = int(np.searchsorted(end[a:b], start[a] + _CHUNK_BYTES)) + a
        stop = min(max(stop, a + 1), b)
        pieces.append((a, stop))
        a = stop
    return pieces


def _fast_fields(
    buffer: npt.NDArray[np.uint8],
    start: IntArray,
    stop: int,
    begins: npt.NDArray[np.generic],
    ends: npt.NDArray[np.generic],
) -> IntArray:
    """Fill the fields of plain rows; return the rows that need a closer look."""
    n, columns = begins.shape
    base = int(start[0])
    piece = buffer[base:stop]
    blank = np.ones(len(piece) + 2, bool)
    blank[1:-1] = (piece == 32) | (piece == 9) | (piece == 10)
    edges = np.flatnonzero(blank[1:] != blank[:-1])
    word_start, word_end = edges[::2], edges[1::2]
    row_start = start - base
    first_word = np.searchsorted(word_start, row_start)
    count = np.diff(np.append(first_word, len(word_start)))
    plain = count == columns
    lead = piece[word_start]
    quoted = np.flatnonzero((lead == ord('"')) | (lead == ord("'")))
    if len(quoted):
        plain[np.searchsorted(row_start, word_start[quoted], side="right") - 1] = False
    if plain.all():
        begins[:] = word_start.reshape(n, columns) - row_start[:, None]
        ends[:] = word_end.reshape(n, columns) - row_start[:, None]
        return np.zeros(0, np.int64)
    words = np.repeat(plain, count)
    origin = row_start[plain][:, None]
    begins[plain] = word_start[words].reshape(-1, columns) - origin
    ends[plain] = word_end[words].reshape(-1, columns) - origin
    return np.flatnonzero(~plain)


def _careful_fields(
    raw: bytes, block: RawBlock, row: int, line: int, path: Path | None
) -> list[tuple[int, int]]:
    try:
        fields = split_fields(raw)
    except ValueError as error:
        raise FormatError(f"line {line + 1}: {error}", path=path, row=row + 1) from error
    if len(fields) != len(block.columns):
        raise FormatError(
            f"line {line + 1} has {len(fields)} values but the table data_{block.name} names "
            f"{len(block.columns)} columns",
            path=path,
            row=row + 1,
            hint="Put values with blanks in double quotes and give every column a value.",
        )
    return fields
