"""Values of particles turned into colours; fast, and made for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from widgets.explorer import colour_tables
from widgets.explorer.colour_tables import MISSING, MOST_COLOURS, STEPS, Table
from widgets.explorer.column_values import Values, interpret

ColouringKind = Literal["continuous", "categorical", "rgb", "density", "log-density"]
Limits = tuple[float, float]

#: Every so manieth value is looked at to find limits; more would not change a percentile.
_SAMPLE: Final = 50_000
#: Values on both sides of zero get a table with two ends if the shorter side is at least this part of both.
_BOTH_SIDES: Final = 0.2
_PIECE: Final = 1 << 18


@dataclass(frozen=True, eq=False)
class Colouring:
    """The colours of all particles.

    Attributes
    ----------
    label
        What is shown as colour, with unit.
    kind
        ``density`` and ``log-density`` are drawn by the plot itself, through `table`.
    index
        ``(P,)`` uint8 row of the table; None for ``rgb`` and the densities.
    table
        ``(C, 3)`` uint8. Its last row is for particles without a value.
    rgb
        ``(P, 3)`` uint8 of ``rgb``, else None.
    limits
        Values at both ends of the table (of ``rgb`` places: None).
    names
        Of the rows of the table that are categories (not of the last, which is for missing values).
    table_name
        Which table that is, empty where there is no choice.
    """

    label: str
    kind: ColouringKind
    index: NDArray[np.uint8] | None
    table: Table
    rgb: NDArray[np.uint8] | None = None
    limits: Limits | None = None
    names: tuple[str, ...] = ()
    table_name: str = ""

    @property
    def missing(self) -> int:
        """Row of the table for particles without a value."""
        return len(self.table) - 1


@dataclass(frozen=True)
class Taste:
    """How a scale is to be shown.

    Attributes
    ----------
    table
        Name of a colour table, ``auto`` for one that fits to the values.
    backwards
        Whether the table runs from its end to its start.
    limits
        Values at both ends of the table, None for the 1st and 99th percentile.
    dark
        Whether the colours stand on dark ground.
    """

    table: str = "auto"
    backwards: bool = False
    limits: Limits | None = None
    dark: bool = False


def make(
    values: NDArray[Any] | Values,
    label: str,
    taste: Taste | None = None,
    *,
    names: Sequence[str] = (),
) -> Colouring:
    """Return the colours of values.

    Parameters
    ----------
    values : (P,) or (P, 3) array, or Values
        Numbers, texts, truth values; or vectors, whose parts become red, green and blue.
    label : str
        What they are, with unit.
    taste : Taste
        Colour table and limits of a scale.
    names : sequence of str
        Names of categories, if `values` are their codes (-1: no value).

    Raises
    ------
    ValueError
        When the shape is another one.
    """
    taste = taste or Taste()
    if names:
        codes = np.asarray(values, np.int32)
        values = Values("categorical", codes, codes, tuple(names))
    elif not isinstance(values, Values):
        values = interpret(values)
    if values.kind == "vector":
        table = np.array([colour_tables.grey(dark=taste.dark)], np.uint8)
        return Colouring(label, "rgb", None, table, rgb=_rgb(values.numbers, table[0]))
    if values.kind == "categorical":
        return _categorical(values, label, taste)
    return _continuous(values, label, taste)


def density(label: str, taste: Taste | None = None, *, log: bool = False) -> Colouring:
    """Return the colouring by the density of the points on the screen, which the plot makes itself."""
    taste = taste or Taste()
    name = "magma" if taste.table == "auto" else taste.table
    table = colour_tables.scale(name, dark=taste.dark, backwards=taste.backwards)
    return Colouring(label, "log-density" if log else "density", None, table, table_name=name)


def robust_limits(numbers: NDArray[Any]) -> Limits:
    """Return the 1st and 99th percentile of the finite values, so that outliers do not flatten the rest."""
    sample = sample_of(numbers)
    if not sample.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(sample, (1, 99)))
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def sample_of(numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Return some ten thousand finite values, evenly taken from all."""
    step = max(1, len(numbers) // _SAMPLE)
    sample = numbers[::step].astype(np.float64)
    return sample[np.isfinite(sample)]


def fitting(values: Values) -> tuple[str, Limits]:
    """Return the colour table and the limits that suit a scale."""
    if values.period:
        sample = sample_of(values.numbers)
        low = -values.period / 2 if sample.size and sample.min() < 0 else 0.0
        return "cyclic", (low, low + values.period)
    low, high = robust_limits(values.numbers)
    if low < 0 < high and min(-low, high) >= _BOTH_SIDES * (high - low):
        reach = max(-low, high)
        return "coolwarm", (-reach, reach)
    return "viridis", (low, high)


def _continuous(values: Values, label: str, taste: Taste) -> Colouring:
    name, limits = fitting(values)
    name = name if taste.table == "auto" else taste.table
    limits = taste.limits or limits
    table = colour_tables.scale(name, dark=taste.dark, backwards=taste.backwards)
    index = _index(values.numbers, limits, values.period)
    return Colouring(label, "continuous", index, table, limits=limits, table_name=name)


def _index(numbers: NDArray[Any], limits: Limits, period: float) -> NDArray[np.uint8]:
    low, high = limits
    factor = STEPS / max(high - low, np.finfo(np.float64).tiny)
    index = np.empty(len(numbers), np.uint8)
    # in pieces that stay in the cache
    for start in range(0, len(numbers), _PIECE):
        piece = np.subtract(numbers[start : start + _PIECE], low, dtype=np.float64)
        finite = np.isfinite(piece)
        if period:
            np.mod(piece, period, out=piece, where=finite)
        with np.errstate(over="ignore"):
            piece *= factor
        np.clip(piece, 0, STEPS - 1, out=piece)
        piece[~finite] = MISSING
        index[start : start + _PIECE] = piece.astype(np.uint8)
    return index


def _categorical(values: Values, label: str, taste: Taste) -> Colouring:
    assert values.codes is not None
    own = own_colours(values)
    table = colour_tables.categories(len(own), dark=taste.dark)
    rows = np.full(len(values.names) + 1, len(own), np.uint8)  # the others share a row
    rows[own] = np.arange(len(own))
    rows[-1] = len(own) + 1  # code -1
    names = tuple(values.names[k] for k in own)
    others = len(values.names) - len(own)
    label_of_others = (f"{others:,} others" if others > 1 else "1 other") if others else ""
    return Colouring(label, "categorical", rows[values.codes], table, names=(*names, label_of_others))


def own_colours(values: Values) -> NDArray[np.intp]:
    """Return which categories have a colour of their own: all, or the 20 largest, in natural order."""
    if len(values.names) <= MOST_COLOURS:
        return np.arange(len(values.names))
    return np.sort(np.argsort(-values.counts, kind="stable")[:MOST_COLOURS])


def _rgb(vectors: NDArray[Any], missing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return unit vectors v as (v + 1) / 2, places between the smallest and largest of each axis."""
    vectors = vectors.astype(np.float32, copy=False)
    finite = np.isfinite(vectors).all(axis=1)
    known = vectors if finite.all() else vectors[finite]
    rgb = np.empty(vectors.shape, np.uint8)
    if not len(known):
        rgb[:] = missing
        return rgb
    if is_direction(known):
        low, span = np.full(3, -1, np.float32), np.full(3, 2, np.float32)
    else:
        low = known.min(axis=0)
        span = np.maximum(known.max(axis=0) - low, np.float32(1e-30))
    scaled = np.clip((vectors - low) / span, 0, 1)
    scaled[~finite] = 0
    rgb[:] = np.rint(scaled * 255)
    rgb[~finite] = missing
    return rgb


def is_direction(vectors: NDArray[Any]) -> bool:
    """Whether vectors ``(P, 3)`` are unit vectors (or zero, where there is no direction)."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    squares = squares[np.isfinite(squares)]
    return bool(squares.size) and bool((np.isclose(squares, 1, atol=1e-3) | (squares == 0)).all())
