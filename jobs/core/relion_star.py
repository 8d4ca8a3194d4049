"""RELION's own STAR dialect for pipeline and job files: a tolerant reader and a writer RELION accepts.

Particle files with a million rows are the business of :mod:`jobs.formats.star`. The files here are small,
are rewritten often, and end another program when one character is wrong: a loop without rows, a carriage
return or a missing version line is never written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import FormatError, UserError

#: What a file without a version line counts as.
OLD_VERSION = 30000
#: Version of RELION 5; below it RELION converts node labels while reading.
VERSION = 50001

_VERSION_LINE = re.compile(r"#\s*version\s+(\d+)", re.IGNORECASE)
_BLANKS = " \t"
#: RELION puts this before a double quote that would otherwise end a quoted value.
_BELL = "\x07"


@dataclass
class Table:
    """One table of a STAR file.

    Attributes
    ----------
    name
        What follows ``data_``; may be empty.
    columns
        Labels without the leading underscore.
    rows
        One list of texts per row, as long as ``columns``. A table that is no loop has one row (or none).
    is_loop
        Whether it is a loop, or a list of label/value lines.
    version
        Number of the last ``# version`` line above the table; None when there was none, which counts
        as 30000.
    """

    name: str
    columns: list[str]
    rows: list[list[str]]
    is_loop: bool
    version: int | None = None

    def column(self, name: str) -> list[str] | None:
        """Return the values of a column, None when the table has no such column."""
        if name not in self.columns:
            return None
        index = self.columns.index(name)
        return [row[index] for row in self.rows]

    @property
    def effective_version(self) -> int:
        """The version RELION assumes for this table."""
        return OLD_VERSION if self.version is None else self.version


def read_star(path: str | Path) -> list[Table]:
    """Read all tables of a pipeline or job file.

    Tolerated beyond what RELION accepts: carriage returns, loops without rows, blank lines inside a loop,
    single quotes and text fields between lines starting with a semicolon (written by the CCP-EM programs),
    and any unknown table or label.

    Raises
    ------
    UserError
        When the file is missing or cannot be read.
    FormatError
        When it cannot be understood; the line is named.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError("The file does not exist", path=path) from None
    except OSError as error:
        raise UserError(
            f"The file cannot be read ({error.strerror})", path=path, hint="Check its permissions"
        ) from error
    # surrogateescape lets names in any encoding survive a round trip
    return parse_star(content.decode("utf-8", errors="surrogateescape"), path)


def parse_star(text: str, path: str | Path | None = None) -> list[Table]:
    """Parse the text of a STAR file; `path` only appears in messages. See :func:`read_star`."""
    return _Parser(text, path).tables()


def split_row(line: str) -> list[str]:
    """Return the values of one row, quotation marks removed."""
    return _Parser("", None).values(line)


class _Parser:
    """State of one reading: position in the lines, and the tables so far."""

    def __init__(self, text: str, path: str | Path | None) -> None:
        if "\0" in text:
            row = text.count("\n", 0, text.index("\0")) + 1
            raise FormatError("the file holds bytes that are not text", path=path, row=row)
        self._lines = text.split("\n")
        self._path = path
        self._at = 0
        self._version: int | None = None

    def tables(self) -> list[Table]:
        tables: list[Table] = []
        while self._at < len(self._lines):
            line = self._lines[self._at].strip()
            if not line or line.startswith("#"):
                self._note_version(line)
                self._at += 1
            elif line.startswith("data_"):
                self._at += 1
                tables.append(self._table(line.split()[0][len("data_") :]))
            else:
                raise self._error(f"'{_short(line)}' stands outside any table; a line data_… was expected")
        return tables

    def _table(self, name: str) -> Table:
        """Read a table whose ``data_`` line has just been passed."""
        table = Table(name, [], [], False, self._version)
        while self._at < len(self._lines):
            line = self._lines[self._at].strip()
            if not line or line.startswith("#"):
                self._note_version(line)
                self._at += 1
            elif line.startswith("data_"):
                break
            elif line == "loop_" or line.startswith(("loop_ ", "loop_\t")):
                if table.columns:
                    raise self._error(f"table '{name}' has a second loop")
                table.is_loop = True
                self._at += 1
                self._loop(table)
                break
            elif line.startswith("_"):
                self._pair(table, line)
            else:
                raise self._error(f"table '{name}': '{_short(line)}' is neither a label nor loop_")
        return table

    def _pair(self, table: Table, line: str) -> None:
        label = line.split(maxsplit=1)[0]
        rest = line[len(label) :]
        row = self._at
        self._at += 1
        values = self.values(rest)
        if not values and self._text_field_follows():
            values = [self._text_field()]
        if len(values) > 1 and not values[1].startswith("#"):
            raise FormatError(
                f"label {label[1:]} has {len(values)} values, one was expected", path=self._path, row=row + 1
            )
        if not table.rows:
            table.rows.append([])
        table.columns.append(label[1:])
        table.rows[0].append(values[0] if values else "")

    def _loop(self, table: Table) -> None:
        lines, n_lines = self._lines, len(self._lines)
        while self._at < n_lines:
            line = lines[self._at].strip()
            if line.startswith("_"):
                table.columns.append(line.split()[0][1:])
            elif line and not line.startswith("#"):
                break
            else:
                self._note_version(line)
            self._at += 1
        if not table.columns:
            raise self._error(f"the loop of table '{table.name}' has no labels")
        width, rows = len(table.columns), table.rows
        while self._at < n_lines:
            line = lines[self._at]
            # The common row is told apart without looking at its characters one by one.
            if '"' in line or "'" in line or line.startswith(";") or not line.isascii():
                values = self._quoted_row(line, width)
            else:
                values = line.split()
            if not values or line.lstrip().startswith("#"):
                self._note_version(line.strip())
                self._at += 1
                continue
            if values[0].startswith("data_") and line.lstrip().startswith("data_"):
                break
            if len(values) < width and self._at + 1 < n_lines and lines[self._at + 1].startswith(";"):
                values = self._quoted_row(line, width)
            if len(values) != width:
                if width == 2 and len(values) == 1:
                    values.append("")
                else:
                    raise self._error(
                        f"table '{table.name}' has {width} columns, but this row has {len(values)} values"
                    )
            rows.append(values)
            self._at += 1

    def _quoted_row(self, line: str, width: int) -> list[str]:
        """Split a row with quotes; text fields may continue it over several lines."""
        values: list[str] = []
        if line.startswith(";"):
            values.append(self._text_field())
            self._at -= 1
        else:
            values.extend(self.values(line))
        # the CCP-EM writer puts a text field on lines of its own in the middle of a row
        while len(values) < width and self._at + 1 < len(self._lines):
            following = self._lines[self._at + 1]
            if not following.startswith(";"):
                break
            self._at += 1
            values.append(self._text_field())
            self._at -= 1
        return values

    def _text_field_follows(self) -> bool:
        return self._at < len(self._lines) and self._lines[self._at].startswith(";")

    def _text_field(self) -> str:
        """Read the lines between two semicolons; afterwards the position is behind the closing one."""
        start = self._at
        parts = [self._lines[self._at][1:]]
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.startswith(";"):
                return "\n".join(parts)
            parts.append(line)
        raise FormatError("the text starting with a semicolon never ends", path=self._path, row=start + 1)

    def values(self, line: str) -> list[str]:
        values: list[str] = []
        # no str.split() here: it would also cut at blanks of other alphabets, which are part of a name
        at, end = 0, len(line.rstrip("\r"))
        while at < end:
            char = line[at]
            if char in _BLANKS:
                at += 1
            elif char in "\"'":
                value, at = self._quoted(line, at, end)
                values.append(value)
            else:
                start = at
                while at < end and line[at] not in _BLANKS:
                    at += 1
                values.append(line[start:at])
        return values

    def _quoted(self, line: str, at: int, end: int) -> tuple[str, int]:
        quote, start = line[at], at
        at += 1
        while at < end:
            closes = line[at] == quote and (at + 1 == end or line[at + 1] in _BLANKS)
            if closes and line[at - 1] != _BELL:
                return line[start + 1 : at].replace(_BELL + quote, quote), at + 1
            at += 1
        raise self._error(f"the quotation mark of {_short(line[start:end])} is never closed")

    def _note_version(self, line: str) -> None:
        if line and (match := _VERSION_LINE.match(line)):
            self._version = int(match[1])

    def _error(self, message: str) -> FormatError:
        return FormatError(message, path=self._path, row=self._at + 1)


def format_star(tables: Iterable[Table]) -> str:
    """Return the tables as text in RELION's style; tables without rows are left out.

    A table without a version is written as version 50001.

    Raises
    ------
    FormatError
        When a value cannot be written in this dialect (line breaks), or a row is too long or too short.
    """
    parts: list[str] = []
    for table in tables:
        if table.rows and table.columns:
            parts.append(_format_table(table))
    return "".join(parts)


def _format_table(table: Table) -> str:
    version = VERSION if table.version is None else table.version
    head = f"\n# version {version}\n\ndata_{table.name}\n\n"
    width = len(table.columns)
    for number, row in enumerate(table.rows, start=1):
        if len(row) != width:
            raise FormatError(
                f"table '{table.name}' has {width} columns, but row {number} to be written has {len(row)}"
            )
    if not table.is_loop:
        label_width = max(len(label) for label in table.columns) + 1
        lines = [
            f"_{label:<{label_width}} {quote(value):>12} "
            for label, value in zip(table.columns, table.rows[0], strict=True)
        ]
        return head + "\n".join(lines) + "\n \n"
    labels = "".join(f"_{label} #{number} \n" for number, label in enumerate(table.columns, start=1))
    line = " ".join(["%10s"] * width) + " "
    body = "\n".join([line % tuple(map(quote, row)) for row in table.rows])
    return f"{head}loop_ \n{labels}{body}\n \n"


# Anything a value may hold that needs a closer look; every other text is written as it is.
_NEEDS_CARE = re.compile(r"[\s\x00-\x1f\"']|^[_#;]|^data_|^loop_")
_IMPOSSIBLE = re.compile(r"[\n\r\v\f\0\x1c-\x1f]")
_BARE = re.compile(r"(?![_#;\"']|data_|loop_)[^ \t]*")


def quote(value: str) -> str:
    """Return a value as RELION writes it, in double quotes where that is needed.

    Raises
    ------
    FormatError
        When the value holds a line break or another character that no STAR reader gets past.
    """
    if not value:
        return '""'
    if not _NEEDS_CARE.search(value):
        return value
    if _IMPOSSIBLE.search(value):
        raise FormatError(
            f"the value {_short(value)!r} holds a line break, which a STAR file cannot hold",
            hint="Write it in one line",
        )
    if _BARE.fullmatch(value):
        return value
    # the quotation mark that would end the value early carries RELION's bell
    inner = re.sub(r'"(?=[ \t]|$)', _BELL + '"', value)
    return f'"{inner}"'


def write_star(path: str | Path, tables: Sequence[Table]) -> None:
    """Write tables in RELION's style, complete or not at all.

    Raises
    ------
    FormatError
        See :func:`format_star`.
    UserError
        When the file cannot be written (full disk, no permission); the old file is then untouched.
    """
    replace_text(path, format_star(tables))


def replace_text(path: str | Path, text: str) -> None:
    """Put `text` in the place of a file: under a temporary name first, then renamed.

    Links are followed, permissions of an existing file are kept.

    Raises
    ------
    UserError
        When the file cannot be written; the old file is then untouched and nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(3).hex()}")
    try:
        _write_new(temporary, text.encode("utf-8", errors="surrogateescape"), target)
        temporary.replace(target)
    except OSError as error:
        _remove_quietly(temporary)
        raise write_error(error, path) from error
    except BaseException:
        _remove_quietly(temporary)
        raise


def _write_new(temporary: Path, content: bytes, target: Path) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:])
        # some file systems report a full disk only now
        os.fsync(descriptor)
        # a new file, or one of another owner: then the usual permissions are right
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, target.stat().st_mode & 0o7777)
    finally:
        os.close(descriptor)


def _remove_quietly(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def write_error(error: OSError, path: str | Path) -> UserError:
    """Return the sentence for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            "The disk (or your quota) is full, so the file could not be written; nothing was changed",
            path=path,
            hint="Free some space and try again",
        )
    if error.errno == errno.EFBIG:
        return UserError(
            "The file would exceed the largest size allowed here; nothing was changed",
            path=path,
            hint="Raise the file size limit (ulimit -f) and try again",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(
            f"The file cannot be written ({error.strerror}); nothing was changed",
            path=path,
            hint="Check the permissions of the file and its folder, or open the project read-only",
        )
    return UserError(
        f"The file could not be written ({error.strerror or error}); nothing was changed", path=path
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"
