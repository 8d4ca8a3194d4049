"""What a colour panel has done in a thread: read a column, make its colours, find who passes the filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.explorer import colour_tables, colouring
from widgets.explorer.colouring import Colouring, Taste
from widgets.explorer.column_values import ValueKind, Values
from widgets.explorer.columns import Columns, Source
from widgets.explorer.criteria import Condition, Mask
from widgets.explorer.histogram_counts import Histogram, histogram_of


@dataclass(frozen=True, eq=False)
class ColourOrder:
    """A column that is to be shown as colour.

    Attributes
    ----------
    columns, source
        What.
    taste
        How.
    shown_as
        Categories or a scale, for values that can be both; None for what they are by themselves.
    """

    columns: Columns
    source: Source
    taste: Taste
    shown_as: ValueKind | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """A column with its colours and what its legend needs.

    Attributes
    ----------
    order
        What was asked for.
    values
        The values, None for a density that only the plot knows.
    colouring
        Their colours.
    histogram
        Of scales, else None.
    vector_ends
        Corners ``(3,)`` of the box that holds all places; None for directions and everything else.
    category_colours
        ``(K, 3)`` colour of each category, those that share one included; None for scales.
    """

    order: ColourOrder
    values: Values | None
    colouring: Colouring
    histogram: Histogram | None = None
    vector_ends: tuple[NDArray[Any], NDArray[Any]] | None = None
    category_colours: colour_tables.Table | None = None


def make_colours(order: ColourOrder) -> Shown:
    """Read a column and make its colours; blocks."""
    source, taste = order.source, order.taste
    values = order.columns.read(source)
    log = source.special == "log-density"
    if values is None:
        return Shown(order, None, colouring.density(source.label, taste, log=log))
    if order.shown_as is not None:
        values = values.as_kind(order.shown_as)
    if source.special and taste.table == "auto":
        taste = replace(taste, table="magma")
    made = colouring.make(values, source.label, taste)
    _ = values.missing  # counted here, in the thread
    if source.special:
        made = replace(made, kind="log-density" if log else "density")
    if values.kind == "continuous":
        ends = colouring.fitting(values)[1] if values.period else None
        return Shown(order, values, made, histogram_of(values.numbers, ends))
    if values.kind == "categorical":
        rows = np.full(len(values.names), len(made.table) - 2)
        own = colouring.own_colours(values)
        rows[own] = np.arange(len(own))
        _ = values.counts
        return Shown(order, values, made, category_colours=made.table[rows])
    return Shown(order, values, made, vector_ends=_ends_of_places(values.numbers))


def _ends_of_places(vectors: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]] | None:
    finite = vectors[np.isfinite(vectors).all(axis=1)]
    if not len(finite) or colouring.is_direction(finite):
        return None
    return finite.min(axis=0), finite.max(axis=0)


@dataclass(frozen=True, eq=False)
class FilterOrder:
    """Conditions that shown particles have to meet, all of them."""

    columns: Columns
    conditions: Mapping[Source, Condition]


@dataclass(frozen=True, eq=False)
class Filtered:
    """Which particles are shown.

    Attributes
    ----------
    order
        What was asked for.
    mask
        ``(P,)``, None for all.
    count, of
        How many that are, of how many.
    """

    order: FilterOrder
    mask: Mask | None
    count: int
    of: int


def apply_filters(order: FilterOrder) -> Filtered:
    """Return which particles meet all conditions; blocks."""
    mask: Mask | None = None
    for source, condition in order.conditions.items():
        values = order.columns.read(source)
        if values is None:
            continue
        found = condition.mask(values)
        mask = found if mask is None else mask & found
    count = order.columns.count
    return Filtered(order, mask, count if mask is None else int(np.count_nonzero(mask)), count)
