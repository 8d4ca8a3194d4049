"""``default_pipeline.star``: the job graph of a RELION project as Python objects, and back.

The text of every row is kept as it was read and written back unchanged, so that a large project costs little
to save, unknown columns and tables survive, and the order of the rows (which running RELION windows rely on)
never changes. Reading again after another program changed the file looks only at the tables that differ.
"""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.project.graph import Edge, Graph, Node, Process
from jobs.core.errors import FormatError
from jobs.core.relion_star import VERSION, Table, format_star, parse_star, quote, split_row

__all__ = ["Edge", "Node", "Pipeline", "Process", "format_pipeline", "parse_pipeline", "update_pipeline"]

GENERAL = "pipeline_general"
PROCESSES = "pipeline_processes"
NODES = "pipeline_nodes"
INPUT_EDGES = "pipeline_input_edges"
OUTPUT_EDGES = "pipeline_output_edges"
COUNTER = "rlnPipeLineJobCounter"

#: The tables with rows, and their columns in RELION's order.
COLUMNS: dict[str, tuple[str, ...]] = {
    PROCESSES: (
        "rlnPipeLineProcessName",
        "rlnPipeLineProcessAlias",
        "rlnPipeLineProcessTypeLabel",
        "rlnPipeLineProcessStatusLabel",
    ),
    NODES: ("rlnPipeLineNodeName", "rlnPipeLineNodeTypeLabel", "rlnPipeLineNodeTypeLabelDepth"),
    INPUT_EDGES: ("rlnPipeLineEdgeFromNode", "rlnPipeLineEdgeProcess"),
    OUTPUT_EDGES: ("rlnPipeLineEdgeProcess", "rlnPipeLineEdgeToNode"),
}
#: Columns that may be missing, and what they then hold.
DEFAULTS = {"rlnPipeLineNodeTypeLabelDepth": "1", "rlnPipeLineProcessAlias": "None"}

_VERSION_LINE = re.compile(r"^[ \t]*#\s*version\s+(\d+)", re.IGNORECASE | re.MULTILINE)
_STATUS_COLUMN = 3
_ALIAS_COLUMN = 1


@dataclass
class _Rows:
    """Text of one table: its columns and one line per row, in the order of the objects made from them."""

    columns: list[str]
    lines: list[str] = field(default_factory=list)
    # text of all rows as last read or saved, to recognise what is new
    text: str = ""


class Pipeline(Graph):
    """The job graph together with the text it came from.

    Change it through its methods only: the lists are there to be read.

    Attributes
    ----------
    counter
        Number the next job gets.
    processes, nodes
        In order of creation.
    input_edges
        Pairs ``(node name, process name)``.
    output_edges
        Pairs ``(process name, node name)``.
    old_version
        ``"3.0"``, ``"3.1"`` or ``"4"`` when the file is of an older RELION, else empty.
    """

    def __init__(self, counter: int = 1) -> None:
        super().__init__(counter)
        self.old_version = ""
        self._general = Table(GENERAL, [COUNTER], [[str(counter)]], False, VERSION)
        self._rows = {name: _Rows(list(columns)) for name, columns in COLUMNS.items()}
        self._unknown: list[Table] = []

    # -- hooks of the graph: each change of an object changes the text of its row ------------------------

    def _row_added(self, table: str, values: Sequence[str]) -> None:
        super()._row_added(table, values)
        rows = self._rows[table]
        extra = [""] * (len(rows.columns) - len(values))
        rows.lines.append(_format_row([*values, *extra]))

    def _process_changed(self, index: int, process: Process) -> None:
        super()._process_changed(index, process)
        lines = self._rows[PROCESSES].lines
        values = split_row(lines[index])
        values[_ALIAS_COLUMN] = process.alias or "None"
        values[_STATUS_COLUMN] = process.status
        lines[index] = _format_row(values)

    def _rows_kept(self, table: str, kept: Sequence[int]) -> None:
        super()._rows_kept(table, kept)
        rows = self._rows[table]
        rows.lines = [rows.lines[index] for index in kept]

    # -- text ----------------------------------------------------------------------------------------------

    def to_text(self) -> str:
        """Return the file's content; tables without rows are left out."""
        general = self._general
        if COUNTER not in general.columns:
            general = Table(GENERAL, [COUNTER, *general.columns], [["", *(general.rows or [[]])[0]]], False)
        values = list(general.rows[0])
        values[general.columns.index(COUNTER)] = str(self.counter)
        parts = [format_star([Table(GENERAL, general.columns, [values], False, VERSION)])]
        for name, rows in self._rows.items():
            rows.text = "\n".join(rows.lines)
            if rows.lines:
                labels = "".join(f"_{label} #{n} \n" for n, label in enumerate(rows.columns, start=1))
                parts.append(f"\n# version {VERSION}\n\ndata_{name}\n\nloop_ \n{labels}{rows.text}\n \n")
        parts.append(format_star(self._unknown))
        return "".join(parts)


def format_pipeline(pipeline: Pipeline) -> str:
    """Return a pipeline as the content of a RELION 5 pipeline file."""
    return pipeline.to_text()


def parse_pipeline(text: str, path: str | Path | None = None) -> Pipeline:
    """Read the content of a pipeline file of RELION 5 (of RELION 3 and 4: see `app.project.upgrade`).

    Raises
    ------
    FormatError
        When the content is no pipeline, is damaged or cut short.
    """
    return update_pipeline(Pipeline(), text, path)


def update_pipeline(pipeline: Pipeline, text: str, path: str | Path | None = None) -> Pipeline:
    """Bring a pipeline to the state of newer file content, reading only the tables that changed.

    The same object is returned; after a FormatError it holds what it held before.

    Raises
    ------
    FormatError
        See :func:`parse_pipeline`.
    """
    try:
        with _no_collection():
            found = _read_sections(text, pipeline)
    except FormatError as error:
        # once more as a whole, for a message with the right line number
        parse_star(text, path)
        error.path = Path(path) if path is not None else None
        raise
    general = found.general
    if general is None:
        raise FormatError(f"there is no table data_{GENERAL}, so this is no project file", path=path)
    counters = general.column(COUNTER) or []
    if len(counters) != 1 or not counters[0].isdecimal():
        raise FormatError(
            f"the job counter is {' '.join(counters) or 'missing'}, one whole number was expected",
            path=path,
            column=COUNTER,
        )
    _refuse_cut_file(text, found.last, path)
    with _no_collection():
        _take_over(pipeline, found, int(counters[0]))
    return pipeline


def _take_over(pipeline: Pipeline, found: _Found, counter: int) -> None:
    pipeline.counter = counter
    pipeline._general = found.general or pipeline._general
    pipeline._unknown = found.unknown
    for name in COLUMNS:
        section = found.tables.get(name)
        if section is None:
            if pipeline._rows[name].lines:
                pipeline._rows[name] = _Rows(list(COLUMNS[name]))
                pipeline._set_rows(name, [])
        elif section.changed:
            pipeline._rows[name] = section.rows
            if section.appended:
                pipeline._extend_rows(name, section.values)
            elif section.places is not None:
                pipeline._replace_rows(name, section.places, section.values)
            else:
                pipeline._set_rows(name, section.values)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from searching for garbage again and again while many small objects are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# -- reading -------------------------------------------------------------------------------------------------


@dataclass
class _Section:
    """A known table as found in the file.

    `values` are all rows; or only the new ones at the end, where `appended` is true; or only those that
    changed, where `places` tells which.
    """

    rows: _Rows
    values: list[list[str]] = field(default_factory=list)
    changed: bool = True
    appended: bool = False
    places: list[int] | None = None


@dataclass
class _Found:
    general: Table | None = None
    tables: dict[str, _Section] = field(default_factory=dict)
    unknown: list[Table] = field(default_factory=list)
    last: str = ""


def _read_sections(text: str, known: Pipeline) -> _Found:
    found = _Found()
    version: int | None = None
    for before, name, content in _split_tables(text):
        if match := list(_VERSION_LINE.finditer(before)):
            version = int(match[-1][1])
        found.last = name
        if name in COLUMNS:
            section = _read_fast(content, known._rows[name], COLUMNS[name])
            found.tables[name] = section or _read_slowly(name, content)
            continue
        table = parse_star(f"data_{name}\n{content}")[0]
        table.version = version
        if name == GENERAL:
            found.general = table
        else:
            found.unknown.append(table)
    return found


def _split_tables(text: str) -> list[tuple[str, str, str]]:
    """Cut a file at its ``data_`` lines: (text just before the line, table name, text after the line)."""
    starts: list[int] = [0] if text.startswith("data_") else []
    at = text.find("\ndata_")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\ndata_", at + 1)
    if not starts:
        return []
    parts: list[tuple[str, str, str]] = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line_end = text.find("\n", start, end)
        line_end = end if line_end < 0 else line_end
        words = text[start:line_end].split()
        # version lines stand close above the table they belong to
        parts.append((text[max(0, start - 500) : start], words[0][len("data_") :], text[line_end + 1 : end]))
    return parts


def _read_fast(content: str, old: _Rows, expected: tuple[str, ...]) -> _Section | None:
    """Read a loop without quotes in the usual column order, None when it is anything else.

    Most of the text is normally what was read before: then only what follows it is looked at.
    """
    head = _loop_head(content)
    if head is None:
        return None
    columns, start = head
    if tuple(columns[: len(expected)]) != expected:
        return None
    continues = old.text != "" and columns == old.columns and content.startswith(old.text, start)
    known_end = start + len(old.text)
    if continues and content[known_end : known_end + 1] in ("", "\n"):
        body = _plain_body(content, known_end + 1)
        if body == "":
            return _Section(old, changed=False)
        if body is None:
            return None
        lines = body.split("\n")
        values = _split_rows(lines, len(columns))
        if values is not None:
            text = f"{old.text}\n{body}"
            return _Section(_Rows(columns, old.lines + lines, text), values, appended=True)
    body = _plain_body(content, start)
    if not body:
        return None
    lines = body.split("\n")
    rows = _Rows(columns, lines, body)
    if columns == old.columns and len(lines) == len(old.lines):
        changed = [at for at, (new, before) in enumerate(zip(lines, old.lines, strict=True)) if new != before]
        if len(changed) <= len(lines) // 10:
            values = _split_rows([lines[at] for at in changed], len(columns))
            return _Section(rows, values, places=changed) if values is not None else None
    values = _split_rows(lines, len(columns))
    return _Section(rows, values) if values is not None else None


def _plain_body(content: str, start: int) -> str | None:
    """Return the rows from `start` on, None when only the careful reader can understand them."""
    ends = [at for at in (content.find("\n \n", start - 1), content.find("\n\n", start - 1)) if at >= 0]
    end = max(min(ends, default=len(content)), start)
    body, tail = content[start:end].rstrip("\n"), content[end:]
    # one character at a time is quick; only then is it worth looking where it stands
    special = any(mark in body for mark in ('"', "'", "\r")) or not body.isascii()
    special = special or (";" in body and "\n;" in f"\n{body}") or ("#" in body and "\n#" in f"\n{body}")
    if special or not _only_comments(tail):
        return None
    return body if body.strip(" \t") else ""


def _split_rows(lines: list[str], width: int) -> list[list[str]] | None:
    """Return the values of each row, None when a row is too long or too short."""
    values = [line.split() for line in lines]
    return values if set(map(len, values)) <= {width} else None


def _loop_head(content: str) -> tuple[list[str], int] | None:
    """Return the labels of a loop and where its rows start."""
    columns: list[str] = []
    at, in_loop = 0, False
    while True:
        end = content.find("\n", at)
        line = (content[at:] if end < 0 else content[at:end]).strip()
        if line.startswith("_") and in_loop:
            columns.append(line.split()[0][1:])
        elif line == "loop_" and not in_loop:
            in_loop = True
        elif line:
            return (columns, at) if columns else None
        if end < 0:
            return None
        at = end + 1


def _only_comments(text: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.split("\n"))


def _read_slowly(name: str, content: str) -> _Section:
    """Read any form of a known table and bring its columns into RELION's order."""
    table = parse_star(f"data_{name}\n{content}")[0]
    expected = COLUMNS[name]
    missing = [label for label in expected if label not in table.columns and label not in DEFAULTS]
    if table.rows and missing:
        raise FormatError(f"table '{name}' lacks the column {missing[0]}", column=missing[0])
    others = [label for label in table.columns if label not in expected]
    places = [
        table.columns.index(label) if label in table.columns else None for label in (*expected, *others)
    ]
    fallback = [DEFAULTS.get(label, "") for label in (*expected, *others)]
    values = [
        [row[place] if place is not None else empty for place, empty in zip(places, fallback, strict=True)]
        for row in table.rows
    ]
    rows = _Rows([*expected, *others], [_format_row(row) for row in values])
    rows.text = "\n".join(rows.lines)
    return _Section(rows, values)


def _refuse_cut_file(text: str, last: str, path: str | Path | None) -> None:
    """Notice a file that ends in the middle, as a program killed while writing in place leaves it.

    Every writer ends a table with a blank line, and a line with a line end. An editor may have removed the
    last blank line; then at least the last table of all must be the one that the file ends with.
    """
    if not text.endswith("\n"):
        cut = True
    else:
        last_line = text[-10_000:].rstrip("\n").rpartition("\n")[2]
        has_blank_end = not last_line.strip() or text.endswith("\n\n")
        cut = not has_blank_end and last != OUTPUT_EDGES and (last in COLUMNS or last == GENERAL)
    if cut:
        raise FormatError(
            "the file ends in the middle of a table; it was not written to its end",
            path=path,
            row=text.count("\n") + 1,
        )


def _format_row(values: Sequence[str]) -> str:
    return " ".join(f"{quote(value):>10}" for value in values) + " "
