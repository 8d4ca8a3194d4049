"""What colour means: a chooser for everything that is known of particles, and a legend that filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from widgets import style
from widgets.background import Newest
from widgets.explorer.colour_work import (
    ColourOrder,
    Filtered,
    FilterOrder,
    Shown,
    apply_filters,
    make_colours,
)
from widgets.explorer.colouring import Limits, Taste
from widgets.explorer.column_chooser import ColumnChooser
from widgets.explorer.column_values import ValueKind
from widgets.explorer.columns import Columns, Source
from widgets.explorer.criteria import Condition, Mask
from widgets.explorer.filter_chips import FilterChips
from widgets.explorer.filter_foot import FilterFoot
from widgets.explorer.legend_pages import LegendPages
from widgets.explorer.steady import Steady
from widgets.explorer.table_choice import TableChoice

#: What is shown first, the first of these that there is.
FIRST: Final = ("measure:amount", "measure:latent_spread", "extra:log-density")


class ColourPanel(QWidget):
    """Chooses the colour of particles, and which are shown.

    Everything that may take long (fetching a column, a million colours, filters) happens in threads.

    Signals
    -------
    coloured
        A new `Colouring`.
    filtered
        Which particles are shown, ``(P,)`` bool, or None for all.
    selection_wanted
        These particles, mask ``(P,)``, should be selected; mode ``new``, or ``""`` for the panel's own.
    columns_changed
        The `Columns` of a new model, or with values added, listed and ready to be used by others.
    """

    coloured = Signal(object)
    filtered = Signal(object)
    selection_wanted = Signal(object, str)
    columns_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_colour_panel")
        self.columns = Columns({}, {}, {})
        self.shown: Shown | None = None
        self.shown_mask: Mask | None = None
        self._tastes: dict[str, Taste] = {}
        self._shown_as: dict[str, ValueKind] = {}
        self._conditions: dict[Source, Condition] = {}
        self._build()
        self._lister = Newest(lambda columns: (columns, columns.list_sources()), 0, self)
        self._lister.answered.connect(self._on_listed)
        self._colourer = Steady(make_colours, self)
        self._colourer.answered.connect(self._on_coloured)
        self._filterer = Steady(apply_filters, self)
        self._filterer.answered.connect(self._on_filtered)
        for worker in (self._lister, self._colourer, self._filterer):
            worker.failed.connect(self._on_failed)
        style.ThemeWatcher(self, self._restyle)
        self._restyle()
        self.foot.show_count(0, 0, filtered=False)

    def _build(self) -> None:
        caption = QLabel("Colour by", self)
        style.set_role(caption, "muted")
        self.chooser = ColumnChooser("explorer_colour_by", "Reading …", self)
        self.chooser.chosen.connect(self._on_chosen)
        caption.setBuddy(self.chooser)
        first = QHBoxLayout()
        first.setSpacing(style.SMALL)
        first.addWidget(caption)
        first.addWidget(self.chooser, 1)
        self.table = TableChoice(self)
        self.table.table_chosen.connect(self._on_table)
        self.table.kind_chosen.connect(self._on_kind)
        self.legend = LegendPages(self)
        self.legend.condition_changed.connect(self._set_condition)
        self.legend.limits_changed.connect(self._on_limits)
        self.message = QLabel(self, wordWrap=True)
        self.message.setObjectName("explorer_colour_message")
        self.message.hide()
        self.chips = FilterChips(self)
        self.chips.removed.connect(self._remove)
        self.foot = FilterFoot(self)
        self.foot.off_wanted.connect(self.filter_off)
        self.foot.select_wanted.connect(self._on_select)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(first)
        layout.addWidget(self.table)
        layout.addWidget(self.message)
        layout.addWidget(self.legend, 100)  # lists are tall; everything else has a height of its own
        layout.addWidget(self.chips)
        layout.addWidget(self.foot)
        layout.addStretch(1)

    # -- from outside --------------------------------------------------------------------------------------

    def set_model(
        self,
        metadata: Mapping[str, NDArray[Any]],
        measures: Mapping[str, NDArray[Any]],
        extra: Mapping[str, NDArray[Any]],
        count: int = 0,
    ) -> None:
        """Show another model; what was chosen, and filters, stay as far as its columns allow.

        The mappings may be lazy: they are used in a thread only. See `Columns` for their contents.
        """
        self.columns = Columns(metadata, measures, extra, count)
        self.shown_mask = None  # of other particles
        self.foot.show_count(count, count, filtered=False)
        self._lister.request(self.columns)

    def add_values(self, label: str, values: NDArray[Any], group: str = "") -> None:
        """Offer further values, or replace those of the same label, such as clusters or a new embedding."""
        added = self.columns.add(label, values, group)
        if self.shown is not None and _depends(self.shown.order.source, added):
            self._colour()
        if any(_depends(source, added) for source in self._conditions):
            self._filter()
        self._lister.request(self.columns)

    def choose(self, key: str) -> None:
        """Colour by a source, such as ``star:rlnDefocusU`` or ``measure:amount``, as by hand."""
        self.chooser.choose(key)

    def filter_off(self) -> None:
        """Show all particles."""
        self._conditions.clear()
        self._show_condition()
        self._filter()

    # -- the model -----------------------------------------------------------------------------------------

    def _on_listed(self, answer: tuple[Columns, tuple[Source, ...]]) -> None:
        columns, sources = answer
        if columns is not self.columns:
            return
        self.chooser.setPlaceholderText("Nothing to colour by")
        self.chooser.set_sources(sources)
        is_new = self.shown is None or self.shown.order.columns is not columns
        if self.chooser.source is None and sources:
            keys = [source.key for source in sources]
            first = next((key for key in FIRST if key in keys), keys[0])
            self.chooser.set_source(sources[keys.index(first)])
        self.columns_changed.emit(columns)
        if is_new:
            self._colour()
            kept = [source for source in self._conditions if source in sources]
            self._conditions = {source: self._conditions[source] for source in kept}
            self._filter()

    def _on_chosen(self, _source: Source) -> None:
        self._colour()

    def _colour(self) -> None:
        source = self.chooser.source
        if source is None:
            return
        taste = replace(self._tastes.get(source.key, Taste()), dark=_is_dark())
        if self.shown is None or self.shown.order.source.key != source.key:
            self._say(f"Reading {source.label} …", "caption")
        self._colourer.request(ColourOrder(self.columns, source, taste, self._shown_as.get(source.key)))

    def _on_coloured(self, shown: Shown) -> None:
        if shown.order.columns is not self.columns or shown.order.source != self.chooser.source:
            return  # of a model or a column that was left meanwhile
        self.shown = shown
        missing = 0 if shown.values is None else shown.values.missing
        self._say(f"{missing:,} without a value are grey" if missing else "", "caption")
        self.legend.show_column(shown)
        self.table.show_for(shown, self._tastes.get(shown.order.source.key, Taste()))
        self._show_condition()
        self.coloured.emit(shown.colouring)

    def _on_failed(self, error: Exception) -> None:
        self._say(str(error), "problem")

    def _say(self, text: str, role: str) -> None:
        style.set_role(self.message, role)
        self.message.setText(text)
        self.message.setVisible(bool(text))

    # -- how it is shown -----------------------------------------------------------------------------------

    def _restyle(self) -> None:
        self.table.restyle()
        if self.shown is not None and self.shown.order.taste.dark != _is_dark():
            self._colour()

    def _on_table(self) -> None:
        self._set_taste(self.table.changed_taste(self._taste()))

    def _on_limits(self, limits: Limits | None) -> None:
        self._set_taste(replace(self._taste(), limits=limits))

    def _taste(self) -> Taste:
        source = self.chooser.source
        return self._tastes.get(source.key, Taste()) if source is not None else Taste()

    def _set_taste(self, taste: Taste) -> None:
        if self.chooser.source is not None:
            self._tastes[self.chooser.source.key] = taste
            self._colour()

    def _on_kind(self, kind: ValueKind) -> None:
        source = self.chooser.source
        if source is not None:
            self._shown_as[source.key] = kind
            # a range of a scale says nothing about categories, and the other way round
            if self._conditions.pop(source, None) is not None:
                self._filter()
            self._colour()

    # -- filters -------------------------------------------------------------------------------------------

    def _set_condition(self, condition: Condition | None) -> None:
        if self.shown is None:
            return
        source = self.shown.order.source
        if condition is None:
            self._conditions.pop(source, None)
        else:
            self._conditions[source] = condition
        self._show_chips()
        self._filter()

    def _remove(self, source: Source) -> None:
        self._conditions.pop(source, None)
        self._show_condition()
        self._filter()

    def _show_condition(self) -> None:
        """Put handles and ticks where the filter of the shown column has them."""
        self._show_chips()
        if self.shown is None:
            return
        self.legend.show_condition(self._conditions.get(self.shown.order.source))

    def _show_chips(self) -> None:
        here = self.shown.order.source if self.shown is not None else None
        self.chips.show_conditions(
            {source: c.words(source.label) for source, c in self._conditions.items() if source != here}
        )

    def _filter(self) -> None:
        self._filterer.request(FilterOrder(self.columns, dict(self._conditions)))

    def _on_filtered(self, answer: Filtered) -> None:
        if answer.order.columns is not self.columns:
            return  # of other particles
        self.shown_mask = answer.mask
        self.foot.show_count(answer.count, answer.of, filtered=answer.mask is not None)
        self.filtered.emit(answer.mask)

    def _on_select(self) -> None:
        if self.shown_mask is not None:
            self.selection_wanted.emit(self.shown_mask, "")


def _depends(source: Source, added: Source) -> bool:
    """Whether a source shows added values, a part or the logarithm of them."""
    key = source.key.partition("#")[0]
    return key == added.key or (source.special != "" and added.raw == "density")


def _is_dark() -> bool:
    return style.colours().name == "dark"
