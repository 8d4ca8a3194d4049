"""What the values of a column are: numbers on a scale, categories, or directions and places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

ValueKind = Literal["continuous", "categorical", "vector"]

#: Whole numbers with more different values than this are a scale.
MOST_CATEGORIES: Final = 20
#: Texts with more different values than this are put in order of their name, as a scale.
MOST_TEXTS: Final = 256
# Python objects are gone through in pieces so short that the window's thread always gets its turn.
_PIECE: Final = 8192


@dataclass(frozen=True, eq=False)
class Values:
    """The values of all particles.

    Attributes
    ----------
    kind
        What they are.
    numbers
        ``(P,)`` floats of a scale (for texts: place in the order of names), ``(P, 3)`` of vectors, and for
        categories their codes.
    codes
        ``(P,)`` int32 place in `names`, -1 for particles without a value; None when there are no categories.
    names
        Of the categories, in natural order.
    period
        Of values that go round; 0 for all others.
    is_text
        Whether texts are shown by the order of their names.
    """

    kind: ValueKind
    numbers: NDArray[Any]
    codes: NDArray[np.int32] | None = None
    names: tuple[str, ...] = ()
    period: float = 0.0
    is_text: bool = False

    @property
    def count(self) -> int:
        """Number of particles."""
        return len(self.numbers)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Particles of each category."""
        assert self.codes is not None
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))

    @cached_property
    def missing(self) -> int:
        """Particles without a value."""
        if self.kind == "categorical" and self.codes is not None:
            return int((self.codes < 0).sum())
        finite = np.isfinite(self.numbers)
        return int((~(finite.all(axis=1) if finite.ndim == 2 else finite)).sum())

    def as_kind(self, kind: ValueKind) -> Values:
        """Return the same values as categories or as a scale, if they can be both."""
        if kind == self.kind or kind == "vector" or self.codes is None:
            return self
        if kind == "categorical":
            return Values(kind, self.codes, self.codes, self.names, is_text=self.is_text)
        scale = _scale_of(self.codes, self.names, self.is_text)
        return Values("continuous", scale, self.codes, self.names, self.period, self.is_text)


def interpret(raw: NDArray[Any], *, period: float = 0.0, continuous: bool = False) -> Values:
    """Say what values are.

    Truth values, whole numbers with few different values and texts are categories; texts that are numbers
    count as numbers; texts with very many different values become a scale in the order of their names.

    Parameters
    ----------
    raw : (P,) or (P, 3) array
        Values of any type.
    period : float
        Of values that go round, 0 for all others.
    continuous : bool
        Numbers are a scale even when there are few different ones.

    Raises
    ------
    ValueError
        When the shape is another one.
    """
    raw = np.asarray(raw)
    if raw.ndim == 2 and raw.shape[1] == 3:
        return Values("vector", np.asarray(raw, np.float32))
    if raw.ndim != 1:
        raise ValueError(f"values have shape {raw.shape}, expected (particles,) or (particles, 3)")
    if raw.dtype.kind == "b":
        codes = raw.astype(np.int32)
        return Values("categorical", codes, codes, ("no", "yes"))
    if raw.dtype.kind in "iuf":
        return _numbers(raw, period, continuous)
    return _texts(raw, period, continuous)


def _numbers(raw: NDArray[Any], period: float, continuous: bool) -> Values:
    if not continuous and not period:
        levels = _few_whole_numbers(raw)
        if levels is not None:
            finite = np.isfinite(raw)
            codes = np.full(len(raw), -1, np.int32)
            codes[finite] = np.searchsorted(levels, raw[finite])
            return Values("categorical", codes, codes, tuple(str(v) for v in levels.tolist()))
    numbers = raw if raw.dtype in (np.float32, np.float64) else raw.astype(np.float64)
    if period:
        # into one turn, which begins at zero, or half a turn below it where there are negative values
        finite = numbers[np.isfinite(numbers)]
        low = -period / 2 if finite.size and finite.min() < 0 else 0.0
        numbers = np.mod(numbers - low, period) + low
    return Values("continuous", numbers, period=period)


def _few_whole_numbers(raw: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the different values, sorted, if all are whole and few."""
    for part in (raw[: 10 * _PIECE], raw):
        finite = part[np.isfinite(part)]
        if not finite.size or np.abs(finite[[finite.argmin(), finite.argmax()]]).max() > 2**52:
            return None
        if raw.dtype.kind == "f" and not np.array_equal(finite, np.rint(finite)):
            return None
        levels = np.unique(finite[:1000])
        if len(levels) > MOST_CATEGORIES:
            return None
        levels = np.unique(finite)
        if len(levels) > MOST_CATEGORIES:
            return None
    return levels.astype(np.int64)


class _Codes(dict[Any, int]):
    """Gives every new value the next number."""

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        return number


def _texts(raw: NDArray[Any], period: float, continuous: bool) -> Values:
    table = _Codes()
    first = np.empty(len(raw), np.int32)
    for start in range(0, len(raw), _PIECE):
        piece = raw[start : start + _PIECE].tolist()
        first[start : start + len(piece)] = np.fromiter(map(table.__getitem__, piece), np.int32, len(piece))
    names = [str(value) for value in table]
    numbers = _as_numbers(names)
    if numbers is not None:
        return _numbers(numbers[first], period, continuous)
    order = _sorted_places(names)
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    codes = place[first]
    ordered = tuple(names[k] for k in order)
    if len(ordered) > MOST_TEXTS:
        return Values("continuous", codes.astype(np.float32), codes, ordered, is_text=True)
    return Values("categorical", codes, codes, ordered, is_text=True)


def _as_numbers(names: Sequence[str]) -> NDArray[np.float64] | None:
    """Return texts as numbers if all of them are; empty texts and ``None`` are missing."""
    numbers = np.full(len(names), np.nan)
    for k, name in enumerate(names):
        if name.strip() in ("", "None", "none", "<NA>"):
            continue
        try:
            numbers[k] = float(name)
        except ValueError:
            return None
    return numbers if np.isfinite(numbers).any() else None


_DIGITS: Final = re.compile(r"(\d+)")


def natural(name: str) -> tuple[Any, ...]:
    """Return a key that sorts ``mic_9`` before ``mic_10``."""
    parts = _DIGITS.split(name.lower())
    return tuple((int(part), "") if k % 2 else (0, part) for k, part in enumerate(parts))


def _sorted_places(names: Sequence[str]) -> NDArray[np.intp]:
    """Return the places of names in their order; long lists are sorted by numpy, which lets others run."""
    if len(names) <= _PIECE:
        return np.array(sorted(range(len(names)), key=lambda k: natural(names[k])), np.intp)
    texts = np.empty(len(names), f"U{max(map(len, names))}")
    for start in range(0, len(names), _PIECE):
        texts[start : start + _PIECE] = names[start : start + _PIECE]
    return np.argsort(texts, kind="stable")


def _scale_of(codes: NDArray[np.int32], names: Sequence[str], is_text: bool) -> NDArray[np.float32]:
    numbers = None if is_text else _as_numbers(names)
    scale = numbers if numbers is not None else np.arange(len(names), dtype=np.float64)
    return np.where(codes >= 0, np.append(scale, np.nan)[codes], np.nan).astype(np.float32)
