"""Pictures a task describes in numbers: curves, histograms, maps and points, which any window can draw.

A figure is written as ``snapshots/<name>.json`` while the task runs and stays afterwards, so that a window
which knows nothing of the task shows it live and as its result.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

FigureKind = Literal["curves", "histogram", "maps", "scatter", "table"]
_KINDS = ("curves", "histogram", "maps", "scatter", "table")


@dataclass(frozen=True)
class Series:
    """One curve, or the bars of one histogram.

    Attributes
    ----------
    name
        What it is, with the number worth reading off it (``motion undone 8.39 Å``).
    values
        One per place on the axis; of a histogram, one per bin, in percent.  nan where there is none.
    colour
        Series of one colour belong together.
    line
        0 solid, 1 dashed, 2 dotted.
    """

    name: str
    values: tuple[float, ...]
    colour: int = 0
    line: int = 0


@dataclass(frozen=True)
class Mark:
    """A value that is pointed out: a level across a plot of curves, a place on the axis of a histogram."""

    value: float
    name: str
    colour: int = -1
    line: int = 0


@dataclass(frozen=True)
class Fact:
    """A number worth knowing: what it is, the number with its unit, and a line of explanation."""

    title: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture in numbers.

    Attributes
    ----------
    kind
        ``curves`` over an axis, a ``histogram``, ``maps``, a ``scatter`` of particles, or a ``table``.
    task
        Name of the task that it shows.
    title
        What is drawn.
    x_title, y_title
        What the axes are, with units; of a scatter, the columns that are shown first.
    x
        Places of curves; edges of bins, one more than there are bins.
    series
        What is drawn over them; of maps, ``name`` is the title and ``arrays`` names the snapshots;
        of a scatter, ``name`` is that of a column.
    marks
        Values that are pointed out.
    logarithmic
        Whether the places are spaced by factors.
    reciprocal
        The axis is a spatial frequency in 1/Å: its other side says the length in Å.
    facts
        Numbers worth knowing.
    arrays
        Of maps: names of the snapshots ``(D, D, D)`` [z, y, x], in the order of ``series``. Of a scatter: the
        snapshot ``(P, C)`` of points by columns, and if wanted that of their names ``(P,)``.
    voxel_size_a
        Of maps: Å per voxel.
    colour
        Of a scatter: the column by which points are coloured first; empty for none.
    columns, rows
        Of a table: headings, and cells as they are read.
    notes
        Of a table: ``(row from 0, sentence)`` of what is wrong or doubtful with a row, shown below it.
    """

    kind: FigureKind
    task: str
    title: str
    x_title: str = ""
    y_title: str = ""
    x: tuple[float, ...] = ()
    series: tuple[Series, ...] = ()
    marks: tuple[Mark, ...] = ()
    logarithmic: bool = False
    reciprocal: bool = False
    facts: tuple[Fact, ...] = ()
    arrays: tuple[str, ...] = ()
    voxel_size_a: float = 0.0
    colour: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[tuple[int, str], ...] = ()

    def to_json(self) -> str:
        """Return the figure as JSON; values that are no numbers become null."""
        return json.dumps(_plain(asdict(self)), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Figure:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            When it is no figure.
        """
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("kind") not in _KINDS:
            raise ValueError("this is no figure")
        known = {key: found[key] for key in cls.__dataclass_fields__ if key in found}
        try:
            known["x"] = _numbers(known.get("x", ()))
            known["series"] = tuple(
                Series(**{**entry, "values": _numbers(entry["values"])}) for entry in known.get("series", ())
            )
            known["marks"] = tuple(Mark(**entry) for entry in known.get("marks", ()))
            known["facts"] = tuple(Fact(**entry) for entry in known.get("facts", ()))
            for key in ("arrays", "columns"):
                known[key] = tuple(str(name) for name in known.get(key, ()))
            known["rows"] = tuple(tuple(map(str, row)) for row in known.get("rows", ()))
            known["notes"] = tuple((int(row), str(note)) for row, note in known.get("notes", ()))
            figure = cls(**known)
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"this is no figure: {error}") from error
        figure.check()
        return figure

    def check(self) -> None:
        """Raise ValueError when values and places do not belong together."""
        wanted = len(self.x) - (self.kind == "histogram")
        if self.kind == "maps":
            if len(self.arrays) != len(self.series):
                raise ValueError("every map needs a name and an array")
        elif self.kind == "scatter":
            names = {series.name for series in self.series}
            if not 1 <= len(self.arrays) <= 2 or not {self.x_title, self.y_title} <= names:
                raise ValueError(f"the scatter '{self.title}' needs an array, and columns for its axes")
        elif self.kind == "table":
            if any(len(row) != len(self.columns) for row in self.rows):
                raise ValueError(f"every row of the table '{self.title}' needs {len(self.columns)} cells")
        elif any(len(series.values) != wanted for series in self.series):
            raise ValueError(f"every series of the figure '{self.title}' needs {wanted} values")


def _numbers(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in cast("Sequence[Any]", value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
