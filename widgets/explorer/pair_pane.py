"""Plots of all pairs of the axes of the shown space, and of columns that are added to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from widgets import style
from widgets.explorer.colouring import Colouring
from widgets.explorer.column_chooser import ColumnChooser
from widgets.explorer.columns import Columns, Source
from widgets.explorer.filter_chips import FilterChips
from widgets.explorer.pair_plot import MOST, PairPlot
from widgets.explorer.steady import Steady
from widgets.fields import ChoiceBox

_AXES: Final = 4


@dataclass(frozen=True, eq=False)
class _Order:
    columns: Columns
    sources: tuple[Source, ...]


@dataclass(frozen=True, eq=False)
class _Read:
    order: _Order
    values: dict[Source, NDArray[Any]]


def _read(order: _Order) -> _Read:
    """Read columns as numbers; directions and places have none. Blocks."""
    found = {}
    for source in order.sources:
        values = order.columns.read(source)
        if values is not None and values.kind != "vector":
            found[source] = values.as_kind("continuous").numbers
    return _Read(order, found)


class PairPane(QWidget):
    """A `PairPlot` with a choice of what is in it.

    It takes everything that a `PairPlot` takes.

    Signals
    -------
    axes_chosen
        Numbers of the axes of the shown space for the large plot, across and upwards.
    """

    axes_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_pair_pane")
        self._names: tuple[str, ...] = ()
        self._axes: NDArray[Any] = np.zeros((0, 0), np.float32)
        self._columns: Columns | None = None
        self._added: tuple[Source, ...] = ()
        self._values: dict[Source, NDArray[Any]] = {}
        self._shown_axes = 0
        self.plot = PairPlot(self)
        self.plot.axes_chosen.connect(self._on_chosen)
        self.count = ChoiceBox(self)
        self.count.setObjectName("explorer_pair_axes")
        self.count.setToolTip("How many axes of the shown space")
        self.count.activated.connect(lambda _index: self._show())
        self.chooser = ColumnChooser("explorer_pair_column", "Add a column …", self)
        self.chooser.chosen.connect(self._add)
        self.chips = FilterChips(self)
        self.chips.setObjectName("explorer_pair_columns")
        self.chips.removed.connect(self._remove)
        self.message = QLabel(self, wordWrap=True)
        self.message.setObjectName("explorer_pair_message")
        self.message.hide()
        label = QLabel("Axes", self)
        style.set_role(label, "muted")
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        row.addWidget(label)
        row.addWidget(self.count)
        row.addWidget(self.chooser, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(row)
        layout.addWidget(self.chips)
        layout.addWidget(self.message)
        layout.addWidget(self.plot, 1)
        self._reader = Steady(_read, self)
        self._reader.answered.connect(self._on_read)
        self._reader.failed.connect(lambda error: self._say(str(error), "problem"))

    # -- from outside --------------------------------------------------------------------------------------

    def set_dimensions(self, names: Sequence[str], values: NDArray[Any]) -> None:
        """Show other axes ``(P, d)`` of the shown space.

        Raises
        ------
        ValueError
            When there are not as many names as axes.
        """
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ValueError(f"values have shape {values.shape}, expected (particles, {len(names)})")
        self._names, self._axes = tuple(names[:MOST]), values[:, :MOST]
        wanted = int(self.count.currentData() or _AXES)
        self.count.clear()
        for k in range(min(2, len(self._names)), len(self._names) + 1):
            self.count.addItem(str(k), k)
        self.count.setCurrentIndex(max(0, self.count.findData(min(wanted, len(self._names)))))
        self._show()

    def set_columns(self, columns: Columns) -> None:
        """Offer the columns of a model; those shown are read anew."""
        self._columns = columns
        offered = [source for source in columns.sources if not source.special]
        self.chooser.set_sources(offered)
        self._added = tuple(source for source in self._added if source in offered)
        self._ask()

    def set_colouring(self, made: Colouring | None) -> None:
        """Show particles in the colours of the large plot."""
        self.plot.set_colouring(made)

    def set_shown(self, mask: NDArray[np.bool_] | None) -> None:
        """Draw only these particles, ``(P,)``; all for None."""
        self.plot.set_shown(mask)

    def set_selection(self, mask: NDArray[np.bool_] | None) -> None:
        """Let these particles, ``(P,)``, stand out; None for no selection."""
        self.plot.set_selection(mask)

    def set_current(self, across: int, up: int) -> None:
        """Mark the pair that the large plot shows."""
        self.plot.set_current(across, up)

    # -- columns -------------------------------------------------------------------------------------------

    def _add(self, source: Source) -> None:
        self.chooser.set_source(None)
        room = MOST - min(2, len(self._names))
        if source not in self._added:
            self._added = (*self._added, source)[-room:]
            self._ask()

    def _remove(self, source: Source) -> None:
        self._added = tuple(s for s in self._added if s != source)
        self._ask()

    def _ask(self) -> None:
        self.chips.show_conditions({source: source.label for source in self._added})
        if self._columns is not None:
            self._reader.request(_Order(self._columns, self._added))

    def _on_read(self, read: _Read) -> None:
        if read.order.columns is not self._columns:
            return
        refused = [source.label for source in read.order.sources if source not in read.values]
        self._say(f"No numbers to plot: {', '.join(refused)}" if refused else "", "warning")
        self._values = read.values
        self._show()

    def _show(self) -> None:
        n = len(self._axes)
        added = {s: self._values[s] for s in self._added if len(self._values.get(s, ())) == n}
        self._shown_axes = min(int(self.count.currentData() or 0), MOST - len(added))
        columns = [*self._axes[:, : self._shown_axes].T, *added.values()]
        names = [*self._names[: self._shown_axes], *(source.label for source in added)]
        if columns:
            self.plot.set_dimensions(names, np.stack(columns, axis=1))

    def _on_chosen(self, across: int, up: int) -> None:
        if max(across, up) < self._shown_axes:
            self.axes_chosen.emit(across, up)
        else:
            self._say("The large plot shows axes of the space only", "caption")

    def _say(self, text: str, role: str) -> None:
        style.set_role(self.message, role)
        self.message.setText(text)
        self.message.setVisible(bool(text))
