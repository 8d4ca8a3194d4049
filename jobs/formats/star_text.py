"""Text of single STAR values: quoting, unquoting and the formatting of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# RELION marks a double quote inside a quoted value with the bell character in front of it.
_BELL_QUOTE = b'\x07"'
_BLANKS = b" \t"
_QUOTES = b"\"'"
_WIDTH = 12


def unquote(raw: bytes) -> str:
    """Return the value of one raw field, without the quotes around it.

    Bytes that are not UTF-8 survive as surrogates and are written back as they were.
    """
    if len(raw) >= 2 and raw[0] in _QUOTES and raw[-1] == raw[0]:
        raw = raw[1:-1]
        if b"\x07" in raw:
            raw = raw.replace(_BELL_QUOTE, b'"')
    return raw.decode("utf-8", "surrogateescape")


def quote(value: str) -> bytes:
    """Return a text value as RELION writes it.

    An empty value becomes ``""``; a value with a blank or tab, or one that starts with a quote or ``#``, is
    put in double quotes, and an inner double quote followed by a blank or the end is marked.

    Raises
    ------
    ValueError
        When the value holds a line break, which a STAR table cannot carry.
    """
    if "\n" in value or "\r" in value:
        raise ValueError(f"a STAR value cannot hold a line break: {value!r}")
    raw = value.encode("utf-8", "surrogateescape")
    if raw and raw[0] not in b"\"'#" and not any(blank in raw for blank in (b" ", b"\t")):
        return raw
    marked = bytearray()
    for i, byte in enumerate(raw):
        if byte == ord('"') and (i + 1 == len(raw) or raw[i + 1] in _BLANKS):
            marked += b"\x07"
        marked.append(byte)
    return b'"' + bytes(marked) + b'"'


def split_fields(line: bytes) -> list[tuple[int, int]]:
    """Return start and end (bytes) of each field of one line, quotes included.

    Knows quoted values, bracketed vectors with blanks inside, and a comment after the last value. Use it for
    the few lines that need it; tables are split by :mod:`jobs.formats.star_scan`.

    Raises
    ------
    ValueError
        When a double quote or a bracket is opened and never closed.
    """
    fields: list[tuple[int, int]] = []
    i, n = 0, len(line)
    while i < n:
        byte = line[i]
        if byte in _BLANKS:
            i += 1
            continue
        if byte == ord("#"):
            break
        end = -1
        if byte in _QUOTES:
            end = _closing_quote(line, i)
            if end < 0 and byte == ord('"'):
                raise ValueError("a quote is opened and not closed")
        elif byte == ord("["):
            close = line.find(b"]", i)
            if close < 0:
                raise ValueError("a bracket is opened and not closed")
            end = close + 1
        if end < 0:
            end = i
        while end < n and line[end] not in _BLANKS:
            end += 1
        fields.append((i, end))
        i = end
    return fields


def _closing_quote(line: bytes, start: int) -> int:
    """Return the position after the quote that closes the one at ``start``, or -1."""
    mark = line[start]
    i = start + 1
    while i < len(line):
        ends_here = i + 1 == len(line) or line[i + 1] in _BLANKS
        if line[i] == mark and ends_here and line[i - 1] != 0x07:
            return i + 1
        i += 1
    return -1


def format_values(values: npt.ArrayLike | Sequence[str]) -> list[bytes]:
    """Return a column as STAR text, one entry per row, numbers right-aligned in 12 characters.

    Floating-point numbers get as many digits as it takes to read the same number back (RELION's own six
    decimals would lose half of them); booleans become 0 and 1; text is quoted where it must be.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"a column is one-dimensional, not of shape {array.shape}")
    if array.dtype.kind == "b":
        array = array.astype(np.int64)
    if array.dtype.kind in "iuf":
        return [text.rjust(_WIDTH) for text in array.astype("S32").tolist()]
    return [quote(str(value)) for value in array.tolist()]
