"""A cloud of particles of a job: any two of its columns, coloured by a third, read off with the mouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from jobs.core.figures import Figure
from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.explorer import colouring
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.column_values import interpret
from widgets.explorer.number_text import short
from widgets.explorer.tools import Tool
from widgets.fields import ChoiceBox

_NO_COLOUR: Final = "one colour"
_HINT: Final = "Point at a particle · wheel: zoom · drag: move · double-click: everything"


class FigureScatter(QWidget):
    """Draws up to some millions of points; axes and colour are chosen above them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("figure_scatter")
        self.setMinimumSize(220, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.figure: Figure | None = None
        self._points: NDArray[Any] = np.zeros((0, 0), np.float32)
        self._names: NDArray[Any] | None = None
        self._columns: list[str] = []
        self.title = ElidedLabel("")
        self.title.setFont(style.small_font(self, bold=True))
        self.across = self._box("across", "Column across")
        self.up = self._box("up", "Column upwards")
        self.colour = self._box("colour", "Column by which particles are coloured")
        self.canvas = LatentCanvas(self)
        self.canvas.setAccessibleName("Particles")
        self.canvas.set_tool(Tool.PAN)
        self.canvas.hovered.connect(self._on_hovered)
        self.hover = ElidedLabel(_HINT)
        self.hover.setObjectName("figure_scatter_hover")
        style.set_role(self.hover, "caption")
        row = QHBoxLayout()
        row.setSpacing(style.TIGHT)
        for box, text in ((self.across, ""), (self.up, "×"), (self.colour, "by")):
            if text:
                sign = QLabel(text, self)
                style.set_role(sign, "muted")
                row.addWidget(sign)
            row.addWidget(box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.TIGHT, style.TIGHT, style.TIGHT, style.TIGHT)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.title)
        layout.addLayout(row)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.hover)
        style.ThemeWatcher(self, self._paint)

    def set_figure(self, figure: Figure, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Show a figure of the kind ``scatter``; what was chosen stays as far as its columns allow."""
        points = arrays.get(figure.arrays[0])
        columns = [series.name for series in figure.series]
        if points is None or points.ndim != 2 or points.shape[1] != len(columns):
            points = np.zeros((0, len(columns)), np.float32)
        if self.figure == figure and points is self._points:
            return
        fresh = columns != self._columns
        self.figure, self._points, self._columns = figure, points, columns
        names = arrays.get(figure.arrays[1]) if len(figure.arrays) > 1 else None
        self._names = names if names is not None and len(names) == len(points) else None
        self.title.setText(figure.title)
        self.setAccessibleName("; ".join(self.texts()))
        if fresh:
            for box, first in ((self.across, figure.x_title), (self.up, figure.y_title)):
                box.clear()
                box.addItems(columns)
                box.setCurrentText(first)
            self.colour.clear()
            self.colour.addItems([_NO_COLOUR, *columns])
            self.colour.setCurrentText(figure.colour or _NO_COLOUR)
        self._place()
        self._paint()

    def texts(self) -> list[str]:
        """Return what is read: the title and the names of the columns."""
        return [] if self.figure is None else [self.figure.title, *self._columns]

    def choose(self, *, across: str = "", up: str = "", colour: str | None = None) -> None:
        """Choose columns, as by hand."""
        for box, name in ((self.across, across), (self.up, up)):
            if name:
                box.setCurrentText(name)
        if colour is not None:
            self.colour.setCurrentText(colour or _NO_COLOUR)
        self._place()
        self._paint()

    def describe(self, row: int) -> str:
        """Say which particle a row is, and its values in the chosen columns."""
        if not 0 <= row < len(self._points):
            return ""
        name = str(self._names[row]) if self._names is not None else f"particle {row}"
        shown = dict.fromkeys((self.across.currentText(), self.up.currentText(), self.colour.currentText()))
        values = [
            f"{column} {short(float(self._points[row, self._columns.index(column)]))}"
            for column in shown
            if column in self._columns
        ]
        return "  ·  ".join([name, *values])

    # -- drawing -------------------------------------------------------------------------------------------

    def _box(self, name: str, tip: str) -> ChoiceBox:
        box = ChoiceBox(self)
        box.setObjectName(f"figure_scatter_{name}")
        box.setToolTip(tip)
        box.setAccessibleName(tip)
        box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(4)
        box.activated.connect(lambda _index: self._place() if name != "colour" else self._paint())
        return box

    def _place(self) -> None:
        if not self._columns:
            return
        pair = [max(0, box.currentIndex()) for box in (self.across, self.up)]
        names = (self._columns[pair[0]], self._columns[pair[1]])
        self.canvas.set_coordinates(self._points[:, pair], names)

    def _paint(self) -> None:
        name = self.colour.currentText()
        if self.figure is None or not len(self._points):
            return
        if name not in self._columns:
            accent = style.colour("accent")
            table = np.array([[accent.red(), accent.green(), accent.blue()]], np.uint8)
            self.canvas.set_colours(None, table, categorical=False)
            return
        taste = colouring.Taste(dark=style.colours().name == "dark")
        made = colouring.make(interpret(self._points[:, self._columns.index(name)]), name, taste)
        self.canvas.set_colours(made.index, made.table, categorical=made.kind == "categorical")

    def _on_hovered(self, row: int) -> None:
        self.hover.setText(self.describe(row) or _HINT)
        self.hover.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
