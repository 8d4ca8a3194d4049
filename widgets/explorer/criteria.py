"""Conditions on the values of particles: a range, or some of the categories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from widgets.explorer.column_values import Values
from widgets.explorer.number_text import short

Mask = NDArray[np.bool_]
Operator = Literal["≥", "≤", ">", "<", "=", "≠", "between", "outside", "missing"]
#: Operators by the number of values they need.
OPERATORS: Final[dict[Operator, int]] = {
    "≥": 1,
    "≤": 1,
    ">": 1,
    "<": 1,
    "=": 1,
    "≠": 1,
    "between": 2,
    "outside": 2,
    "missing": 0,
}


@dataclass(frozen=True)
class Comparison:
    """Particles whose value stands in a relation to one or two numbers; missing values never do.

    Attributes
    ----------
    operator
        The relation. ``between`` includes both ends, ``outside`` is its opposite for values that are known,
        ``missing`` means that there is no value.
    first, second
        Numbers to compare with; ``between`` and ``outside`` take them in either order.
    """

    operator: Operator
    first: float = 0.0
    second: float = 0.0

    def mask(self, values: Values) -> Mask:
        """Return which particles meet the condition, ``(P,)``.

        Raises
        ------
        ValueError
            For vectors, which have no order.
        """
        numbers = values.as_kind("continuous").numbers
        if numbers.ndim != 1:
            raise ValueError("directions and places have no order; take one of their parts")
        low, high = sorted((self.first, self.second))
        if self.operator == "missing":
            return ~np.isfinite(numbers)
        # comparisons with NaN are False, except of "≠", "outside"
        if self.operator == "between":
            return (numbers >= low) & (numbers <= high)
        if self.operator == "outside":
            return (numbers < low) | (numbers > high)
        if self.operator == "≠":
            return (numbers != self.first) & ~np.isnan(numbers)
        compare = {"≥": np.greater_equal, "≤": np.less_equal, ">": np.greater, "<": np.less, "=": np.equal}
        return np.asarray(compare[self.operator](numbers, self.first))

    def words(self, label: str) -> str:
        """Return the condition in words."""
        if self.operator == "missing":
            return f"{label} is missing"
        if OPERATORS[self.operator] == 2:
            low, high = sorted((self.first, self.second))
            return f"{label} {self.operator} {short(low)} and {short(high)}"
        return f"{label} {self.operator} {short(self.first)}"


@dataclass(frozen=True)
class Range:
    """Particles whose value is not below `low` and not above `high`; None is no limit."""

    low: float | None
    high: float | None

    def mask(self, values: Values) -> Mask:
        """Return which particles meet the condition, ``(P,)``."""
        numbers = values.as_kind("continuous").numbers
        result = np.isfinite(numbers)
        if self.low is not None:
            result &= numbers >= self.low
        if self.high is not None:
            result &= numbers <= self.high
        return result

    def words(self, label: str) -> str:
        """Return the condition in words."""
        if self.low is None and self.high is None:
            return label
        if self.low is None:
            return f"{label} ≤ {short(self.high or 0.0)}"
        if self.high is None:
            return f"{label} ≥ {short(self.low)}"
        return f"{label} {short(self.low)} … {short(self.high)}"


@dataclass(frozen=True)
class Categories:
    """Particles of some categories.

    Attributes
    ----------
    names
        Of the categories.
    hidden
        Whether these are left out instead. Particles without a category are then kept.
    """

    names: frozenset[str] = field(default_factory=frozenset)
    hidden: bool = False

    def mask(self, values: Values) -> Mask:
        """Return which particles meet the condition, ``(P,)``.

        Raises
        ------
        ValueError
            When the values are no categories.
        """
        if values.codes is None:
            raise ValueError("these values are numbers on a scale, not categories")
        row = np.fromiter((name in self.names for name in values.names), np.bool_, len(values.names))
        row = np.append(row, False)  # code -1: no value
        return np.asarray((~row if self.hidden else row)[values.codes])

    def words(self, label: str) -> str:
        """Return the condition in words."""
        some = sorted(self.names)
        text = ", ".join(some[:3]) + (f" and {len(some) - 3:,} more" if len(some) > 3 else "")
        return f"{label}: {'all but ' if self.hidden else ''}{text or 'none'}"


Condition = Comparison | Range | Categories
