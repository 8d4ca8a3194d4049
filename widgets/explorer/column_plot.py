"""A plot of any two columns, linked with the others: the same colours, the same selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from widgets import style
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.colouring import Colouring
from widgets.explorer.column_chooser import ColumnChooser
from widgets.explorer.columns import Columns, Source
from widgets.explorer.polygon import inside
from widgets.explorer.second_plot import paint
from widgets.explorer.steady import Steady
from widgets.explorer.tools import Tool, ToolBar

Mask = NDArray[np.bool_]
_TOOLS: Final = (Tool.PICK, Tool.LASSO, Tool.POLYGON, Tool.RECTANGLE, Tool.PAN)


@dataclass(frozen=True, eq=False)
class _Order:
    columns: Columns
    pair: tuple[Source, Source]


@dataclass(frozen=True, eq=False)
class _Read:
    order: _Order
    xy: NDArray[np.float32] | None


def _read(order: _Order) -> _Read:
    """Read two columns; blocks."""
    found = [order.columns.read(source) for source in order.pair]
    numbers = [v.as_kind("continuous").numbers for v in found if v is not None and v.kind != "vector"]
    return _Read(order, np.stack(numbers, axis=1).astype(np.float32) if len(numbers) == 2 else None)


class ColumnPlot(QWidget):
    """Shows particles by two columns that are chosen above.

    Signals
    -------
    picked, hovered : int
        A particle was clicked, or is under the mouse (-1 for none).
    region : object, str
        Particles ``(P,)`` in a region that was drawn, and how they are to be combined.
    """

    picked = Signal(int)
    hovered = Signal(int)
    region = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_column_plot")
        self.xy: NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._columns: Columns | None = None
        self._made: Colouring | None = None
        self._shown: Mask | None = None
        self._selected: Mask | None = None
        self.across = ColumnChooser("explorer_columns_across", "Column across …", self)
        self.up = ColumnChooser("explorer_columns_up", "Column upwards …", self)
        for chooser in (self.across, self.up):
            chooser.chosen.connect(lambda _source: self._ask())
        self.canvas = LatentCanvas(self)
        self.canvas.setAccessibleName("Particles by two columns")
        self.canvas.picked.connect(self._pick)
        self.canvas.hovered.connect(self.hovered)
        self.canvas.region_drawn.connect(self._take_region)
        self.tools = ToolBar(self.canvas, _TOOLS)
        self.canvas.set_tool(Tool.LASSO)
        self.message = QLabel("", self, wordWrap=True)
        self.message.hide()
        sign = QLabel("×", self)
        style.set_role(sign, "muted")
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        row.addWidget(self.across, 1)
        row.addWidget(sign)
        row.addWidget(self.up, 1)
        row.addWidget(self.tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(row)
        layout.addWidget(self.message)
        layout.addWidget(self.canvas, 1)
        self._reader = Steady(_read, self)
        self._reader.answered.connect(self._on_read)
        self._reader.failed.connect(lambda error: self._say(str(error)))

    def set_columns(self, columns: Columns) -> None:
        """Offer the columns of a model; first the first two latent axes."""
        self._columns = columns
        offered = [source for source in columns.sources if not source.special]
        latent = [source for source in offered if source.key.startswith("extra:latent#")]
        for place, chooser in enumerate((self.across, self.up)):
            before = chooser.source
            chooser.set_sources(offered)
            if before is None and (latent or offered):
                first = latent or offered
                chooser.set_source(first[min(place, len(first) - 1)])
        self._ask()

    def choose(self, across: str, up: str) -> None:
        """Show two columns by their keys, as by hand."""
        self.across.choose(across)
        self.up.choose(up)

    def set_colouring(self, made: Colouring) -> None:
        """Take the colours of the large plot."""
        self._made = made
        self._decorate()

    def set_shown(self, mask: Mask | None) -> None:
        """Show only some particles."""
        self._shown = mask
        self._decorate()

    def set_selection(self, mask: Mask | None) -> None:
        """Show the selection."""
        self._selected = mask
        self._decorate()

    def _ask(self) -> None:
        across, up = self.across.source, self.up.source
        if self._columns is not None and across is not None and up is not None:
            self._reader.request(_Order(self._columns, (across, up)))

    def _on_read(self, read: _Read) -> None:
        if read.order.columns is not self._columns:
            return
        if read.xy is None:
            self._say("One of these columns holds no numbers")
            return
        self._say("")
        self.xy = read.xy
        self.canvas.set_coordinates(read.xy, (read.order.pair[0].label, read.order.pair[1].label))
        self._decorate()

    def _decorate(self) -> None:
        count, made = len(self.xy), self._made
        values: Any = None if made is None else made.rgb if made.rgb is not None else made.index
        if made is not None and count and (values is None or len(values) == count):
            paint(self.canvas, made)
        for mask, show in ((self._shown, self.canvas.set_shown), (self._selected, self.canvas.set_selection)):
            show(mask if mask is not None and len(mask) == count else None)

    def _pick(self, x: float, y: float) -> None:
        row = self.canvas.nearest(x, y)
        if row is not None:
            self.picked.emit(row)

    def _take_region(self, polygon: NDArray[np.floating], mode: str) -> None:
        mask = inside(self.xy, np.asarray(polygon, np.float32))
        if self._shown is not None and len(self._shown) == len(mask):
            mask = mask & self._shown
        self.region.emit(mask, mode)

    def _say(self, text: str) -> None:
        style.set_role(self.message, "problem")
        self.message.setText(text)
        self.message.setVisible(bool(text))
