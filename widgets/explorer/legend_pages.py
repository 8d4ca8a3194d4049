"""The legend that belongs to the shown column, and the filter it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QWidget

from widgets.explorer.category_list import CategoryList
from widgets.explorer.colour_work import Shown
from widgets.explorer.column_values import Values
from widgets.explorer.criteria import Categories, Condition, Range
from widgets.explorer.legend import DensityKey, OrientationKey, ScaleLegend


class LegendPages(QStackedWidget):
    """One page for each kind of legend.

    Signals
    -------
    condition_changed
        What the shown particles have to meet, None for no filter.
    limits_changed
        Values at both ends of the colour table, None for those that suit.
    """

    condition_changed = Signal(object)
    limits_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_legend")
        self.scale = ScaleLegend(self)
        self.categories = CategoryList("explorer_categories", self)
        self.key = OrientationKey(self)
        self.density = DensityKey(self)
        for page in (self.scale, self.categories, self.key, self.density):
            self.addWidget(page)
        self.scale.range_changed.connect(self._on_range)
        self.scale.colours_changed.connect(self.limits_changed)
        self.categories.ticks_changed.connect(self._on_ticks)
        self._values: Values | None = None

    def show_column(self, shown: Shown) -> None:
        """Show the legend of a column; a filter is not shown yet."""
        made, values = shown.colouring, shown.values
        colours = made.table[: made.missing]
        same = self._values is not None and values is not None and _are_same(self._values, values)
        self._values = values
        if values is None:
            self.density.set_table(colours)
            self._turn_to(self.density)
        elif shown.histogram is not None and made.limits is not None:
            if same:
                self.scale.show_colours(colours, made.limits, values.period)
            else:
                self.scale.show_values(shown.histogram, colours, made.limits, values.period)
            self._turn_to(self.scale)
        elif shown.category_colours is not None:
            if same:
                self.categories.model.set_colours(shown.category_colours)
            else:
                self.categories.set_rows(values.names, values.counts, shown.category_colours)
            self._turn_to(self.categories)
        else:
            self._explain(shown.vector_ends)
            self._turn_to(self.key)

    def show_condition(self, condition: Condition | None) -> None:
        """Put handles and ticks where a filter has them, without a signal."""
        if self.currentWidget() is self.scale:
            ends = (condition.low, condition.high) if isinstance(condition, Range) else (None, None)
            self.scale.show_range(*ends)
        elif self.currentWidget() is self.categories:
            hidden = condition.names if isinstance(condition, Categories) else frozenset()
            names = self.categories.model.names
            self.categories.set_ticked(
                np.fromiter((name not in hidden for name in names), np.bool_, len(names))
            )

    def _turn_to(self, page: QWidget) -> None:
        self.setCurrentWidget(page)
        # only a list makes use of more room
        tall = QSizePolicy.Policy.Expanding if page is self.categories else QSizePolicy.Policy.Fixed
        self.setSizePolicy(QSizePolicy.Policy.Preferred, tall)
        hint = page.minimumSizeHint() if page is self.categories else page.sizeHint()
        least = max(hint.height(), page.minimumHeight())
        self.setMinimumHeight(least)
        self.setMaximumHeight(self.categories.full_height if page is self.categories else least)

    def _explain(self, ends: tuple[NDArray[Any], NDArray[Any]] | None) -> None:
        if ends is None:
            self.key.show_directions()
        else:
            self.key.show_places(*ends)

    def _on_range(self, low: float | None, high: float | None) -> None:
        self.condition_changed.emit(None if low is None and high is None else Range(low, high))

    def _on_ticks(self) -> None:
        hidden = np.flatnonzero(~self.categories.ticked).tolist()
        names = frozenset(self.categories.model.names[k] for k in hidden)
        self.condition_changed.emit(Categories(names, hidden=True) if names else None)


def _are_same(first: Values, second: Values) -> bool:
    if first.kind != second.kind:
        return False
    if first.codes is not None:
        return first.codes is second.codes
    return first.numbers is second.numbers
