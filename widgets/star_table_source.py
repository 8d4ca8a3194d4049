"""What a table view needs of a table, and what it works out of it: order, filter, statistics. numpy only."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Ways to compare, as they are offered.
OPERATORS: Final = ("=", "≠", "<", "≤", ">", "≥", "contains", "lacks")
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "≠": operator.ne,
    "<": operator.lt,
    "≤": operator.le,
    ">": operator.gt,
    "≥": operator.ge,
}
_BINS: Final = 48
_MOST_COMMON: Final = 12


class TableSource(Protocol):
    """A table whose rows are read when they are seen; called from threads too."""

    name: str
    columns: tuple[str, ...]
    n_rows: int

    def row(self, row: int) -> Sequence[str]:
        """Return the cells of one row as text."""

    def numbers(self, column: str) -> FloatArray | None:
        """Return a column as numbers, None when it holds text."""

    def texts(self, column: str) -> NDArray[np.object_]:
        """Return a column as text."""


@dataclass(frozen=True)
class Condition:
    """Rows to keep: a column compared with a value."""

    column: str
    operator: str
    value: str

    @property
    def words(self) -> str:
        """The condition as it is read."""
        return f"{self.column} {self.operator} {self.value}"


@dataclass(frozen=True)
class Arrangement:
    """Which rows are shown, and in which order; an empty column is the order of the file."""

    column: str = ""
    descending: bool = False
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, eq=False)
class Statistics:
    """What the values of a column are.

    Attributes
    ----------
    column
        Its name.
    facts
        Numbers worth knowing, as text.
    counts, edges
        Histogram of numbers; empty for text.
    common
        The commonest texts with their counts; empty for numbers.
    """

    column: str
    facts: tuple[tuple[str, str], ...]
    counts: NDArray[np.int64]
    edges: FloatArray
    common: tuple[tuple[str, int], ...] = ()


def arranged(source: TableSource, wanted: Arrangement) -> Rows:
    """Return the rows that are shown, in order."""
    kept = np.ones(source.n_rows, bool)
    for condition in wanted.conditions:
        kept &= matches(source, condition)
    rows = np.flatnonzero(kept)
    if not wanted.column:
        return rows
    numbers = source.numbers(wanted.column)
    if numbers is not None:
        keys = numbers[rows]
        # what is no number stands last, whichever way the others go
        order = np.argsort(-keys if wanted.descending else keys, kind="stable")
        return rows[order]
    texts = source.texts(wanted.column)[rows].tolist()
    listed = sorted(range(len(texts)), key=texts.__getitem__, reverse=wanted.descending)
    return rows[np.asarray(listed, np.int64)]


def matches(source: TableSource, condition: Condition) -> NDArray[np.bool_]:
    """Return which rows fulfil a condition; numbers are compared as numbers where both sides are.

    Raises
    ------
    ValueError
        When a column of numbers is compared with a text; the message says so.
    """
    value = condition.value.strip()
    if condition.operator in ("contains", "lacks"):
        low = value.lower()
        found = np.fromiter((low in t.lower() for t in source.texts(condition.column)), bool, source.n_rows)
        return ~found if condition.operator == "lacks" else found
    compare = _COMPARE[condition.operator]
    numbers = source.numbers(condition.column)
    if numbers is not None:
        try:
            return np.asarray(compare(numbers, float(value)), bool)
        except ValueError:
            raise ValueError(f"{condition.column} holds numbers: “{value}” is none") from None
    texts = source.texts(condition.column)
    return np.fromiter((compare(t, value) for t in texts), bool, source.n_rows)


def statistics(source: TableSource, column: str, rows: Rows) -> Statistics:
    """Return what the values of a column are in these rows."""
    numbers = source.numbers(column)
    none = np.zeros(0, np.int64)
    if numbers is None:
        counted = Counter(source.texts(column)[rows].tolist())
        facts = (("Rows", f"{len(rows):,}"), ("Different", f"{len(counted):,}"))
        return Statistics(column, facts, none, np.zeros(0), tuple(counted.most_common(_MOST_COMMON)))
    values = numbers[rows]
    finite = values[np.isfinite(values)]
    facts_of = [("Rows", f"{len(values):,}")]
    if len(finite) < len(values):
        facts_of.append(("Not a number", f"{len(values) - len(finite):,}"))
    if not len(finite):
        return Statistics(column, tuple(facts_of), none, np.zeros(0))
    for name, value in (
        ("Lowest", finite.min()),
        ("Highest", finite.max()),
        ("Mean", finite.mean()),
        ("Median", np.median(finite)),
        ("Deviation", finite.std()),
    ):
        facts_of.append((name, number_text(float(value))))
    facts_of.append(("Different", f"{len(np.unique(finite)):,}"))
    counts, edges = np.histogram(finite, _BINS)
    return Statistics(column, tuple(facts_of), counts.astype(np.int64), edges)


def number_text(value: float) -> str:
    """Return a number in few digits, without a needless exponent."""
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.5g}"
