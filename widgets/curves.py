"""Live curves of a job: one small plot per quantity over a common axis, half-sets together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, plotting, style
from widgets.curve_data import Axis, CurveData, Name, short_number
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.fields import ChoiceBox

_FIRST_SHOWN: Final = 3
_AXES: Final[tuple[tuple[Axis, str], ...]] = (("step", "Step"), ("minutes", "Time (min)"))
#: What is shown before anybody chose: how far things move, whether that is real, and what is minimised.
_TELLING: Final = ("rms displacement", "held-out gain", "loss data", "divergence", "loss")


class _Header(pg.LabelItem):
    """A line of text that is cut off where room ends, and never pushes the plots out of the pane."""

    def updateMin(self) -> None:
        """Ask for height only."""
        height = self.itemRect().height()
        self.setMinimumHeight(height)
        self._sizeHint = {
            Qt.SizeHint.MinimumSize: (1, height),
            Qt.SizeHint.PreferredSize: (1, height),
            Qt.SizeHint.MaximumSize: (-1, -1),
            Qt.SizeHint.MinimumDescent: (0, 0),
        }
        self.updateGeometry()


class _Panel:
    """The plot of one quantity: its curves, phase marks, hover line and the values written above it."""

    def __init__(self, title: str, names: list[Name], colour_index: int, *, is_top: bool) -> None:
        self.is_top = is_top
        self.title = title
        self.names = names
        self.colour_index = colour_index
        self.plot = pg.PlotItem(enableMenu=False)
        self.plot.setTitle(None)
        self.plot.setMinimumHeight(80)
        self.plot.setClipToView(True)
        self.plot.setDownsampling(auto=True, mode="peak")
        self.plot.getAxis("left").setWidth(58)
        self.header = _Header(justify="left")
        self.curves: dict[str, pg.PlotDataItem] = {}
        self.marks: list[pg.InfiniteLine] = []
        self._marked: list[tuple[float, str | None]] = []
        self._log = False
        self.hover = pg.InfiniteLine(angle=90)
        self.hover.hide()
        self.plot.addItem(self.hover, ignoreBounds=True)
        self.restyle()

    def show_other(self, title: str, names: list[Name], colour_index: int) -> None:
        """Become the plot of another quantity: that costs a tenth of a new one."""
        self.title, self.names, self.colour_index = title, names, colour_index
        unused = list(self.curves.values())
        self.curves = dict(zip((name.key for name in names), unused, strict=False))
        for curve in unused[len(names) :]:
            self.plot.removeItem(curve)
        for name in names[: len(unused)]:
            self.curves[name.key].setPen(self.pen(name))
        self.hover.hide()
        self.plot.enableAutoRange()

    def restyle(self) -> None:
        """Take up the colours and fonts of the theme; what is drawn with data follows with `update`."""
        plotting.themed_plot(self.plot)
        self._unmark()
        self.hover.setPen(pg.mkPen(style.colour("muted"), width=1))
        for name in self.names:
            if name.key in self.curves:
                self.curves[name.key].setPen(self.pen(name))

    def pen(self, name: Name) -> QPen:
        """Half 1 is drawn solid, half 2 dashed: they stay apart without colour."""
        dash = Qt.PenStyle.DashLine if name.half == 2 else Qt.PenStyle.SolidLine
        return pg.mkPen(self.colour(name), width=2, style=dash)

    def colour(self, name: Name) -> QColor:
        """Half 2 is also paler, because dashes get lost in a noisy curve."""
        full = plotting.series_colour(self.colour_index)
        return plotting.mixed(full, style.colour("surface"), 0.45) if name.half == 2 else full

    def update(self, data: CurveData, axis: Axis, log: bool) -> None:
        for name in self.names:
            x, y = data.xy(name.key, axis)
            if name.key not in self.curves:
                self.curves[name.key] = self.plot.plot(pen=self.pen(name), connect="finite")
            # a logarithm knows no zero and nothing below
            shown = np.where(y > 0, y, np.nan) if log else y
            single = len(x) == 1
            self.curves[name.key].setData(
                x, shown, symbol="o" if single else None, symbolSize=6, symbolBrush=self.pen(name).color()
            )
        if log != self._log:
            self._log = log
            self.plot.setLogMode(x=False, y=log)
        self._mark_phases(data, axis)
        self.write(data, axis, None)
        # the range follows now: while painting, it would have everything painted once more
        self.plot.vb.prepareForPaint()

    def _unmark(self) -> None:
        for mark in self.marks:
            self.plot.removeItem(mark)
        self.marks, self._marked = [], []

    def _mark_phases(self, data: CurveData, axis: Axis) -> None:
        named = data.phases_with_room(axis, 0.1) if self.is_top else []
        wanted = [
            (phase.place(axis), phase.name if phase in named else None)
            for phase in data.phases
            if math.isfinite(phase.place(axis))
        ]
        if wanted == self._marked:
            return
        self._unmark()
        self._marked = wanted
        pen = pg.mkPen(style.colour("outline"), width=1, style=Qt.PenStyle.DotLine)
        options = {
            "position": 0.9,
            "color": style.colour("muted"),
            "anchors": [(0, 0.5), (0, 0.5)],
            "fill": style.colour("surface", 0.75),
        }
        for place, label in wanted:
            mark = pg.InfiniteLine(place, angle=90, pen=pen, label=label, labelOpts=options)
            if label is not None:
                mark.label.setFont(style.small_font())
            self.plot.addItem(mark, ignoreBounds=True)
            self.marks.append(mark)

    def write(self, data: CurveData, axis: Axis, place: float | None) -> None:
        """Write title and values (the newest, or those at a place) above the plot."""
        parts = []
        for name in self.names:
            value = data.last(name.key) if place is None else data.value_near(name.key, axis, place)
            line = "╌╌" if name.half == 2 else "──"
            colour = self.colour(name).name()
            which = f"{name.series}&nbsp;" if name.half else ""
            parts.append(
                f'<span style="color:{colour}">{line}</span> '
                f'<span style="color:{style.colours().muted}">{which}</span><b>{_reading(value)}</b>'
            )
        text = f"<b>{self.title[:1].upper()}{self.title[1:]}</b> &nbsp; {' &nbsp; '.join(parts)}"
        self.header.setText(text, color=style.colours().text, size=f"{style.small_font().pointSizeF():.1f}pt")


class LiveCurves(QWidget):
    """Curves of the metrics a job writes, updated as records arrive.

    Quantities are chosen in the list at the left; each has a plot of its own, because losses and Ångströms
    share no scale. Moving the mouse over a plot shows the values there in all of them.
    """

    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None, *, one_by_one: bool = False) -> None:
        """Make an empty widget; with `one_by_one`, each plot is made in its own turn of the event loop."""
        super().__init__(parent)
        self._one_by_one = one_by_one
        self._awaited: list[str] = []
        self._next_plot = QTimer(self, singleShot=True, interval=0)
        self._next_plot.timeout.connect(self._add_awaited)
        self.first_shown = _FIRST_SHOWN
        self.setObjectName("live_curves")
        self.data = CurveData()
        self._axis: Axis = "step"
        self._panels: dict[str, _Panel] = {}
        #: All plots that stand on the sheet, from top to bottom; those beyond the shown ones wait for use.
        self._made: list[_Panel] = []
        self._chosen_by_user = False
        self._build()
        style.ThemeWatcher(self, self._restyle)

    def _build(self) -> None:
        self.choice = QListWidget(self)
        self.choice.setObjectName("curve_choice")
        self.choice.setSpacing(2)
        self.choice.itemChanged.connect(self._on_choice)
        self.axis_box = ChoiceBox(self)
        self.axis_box.setObjectName("curve_axis")
        for _axis, title in _AXES:
            self.axis_box.addItem(title)
        self.axis_box.currentIndexChanged.connect(self._on_axis)
        self.log_box = QCheckBox("Logarithmic", self)
        self.log_box.setObjectName("curve_log")
        self.log_box.toggled.connect(self._refresh)
        self.graphics = plotting.graphics("curve_plots")
        self.graphics.setMinimumWidth(240)
        self.graphics.ci.layout.setSpacing(2)
        self.graphics.scene().sigMouseMoved.connect(self._on_mouse)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        column.addWidget(self.choice, 1)
        line = QHBoxLayout()
        label = QLabel("Against", left)
        style.set_role(label, "muted")
        line.addWidget(label)
        line.addWidget(self.axis_box, 1)
        column.addLayout(line)
        column.addWidget(self.log_box)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(style.SMALL)
        splitter.addWidget(left)
        splitter.addWidget(self.graphics)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([190, 600])
        empty = EmptyState(
            "curve", "No curves yet", "They appear when the job has done its first steps.", parent=self
        )
        self._body = WithEmptyState(splitter, empty, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)
        self.graphics.setBackground(style.colour("surface"))

    # -- data ----------------------------------------------------------------------------------------------

    def set_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Show other records (another job)."""
        self.data = CurveData()
        self._chosen_by_user = False
        self.choice.clear()
        self._panels, self._awaited = {}, []
        self.add_records(records)

    def add_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Add records that were written meanwhile."""
        self.data.add(records)
        self._fill_choice()
        self._body.show_empty(not self.data.names())
        self._refresh()

    def _fill_choice(self) -> None:
        quantities = self.data.quantities()
        known = {self.choice.item(k).text() for k in range(self.choice.count())}
        self.choice.blockSignals(True)
        for title in quantities:
            if title not in known:
                item = QListWidgetItem(title)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
                self.choice.addItem(item)
        if not self._chosen_by_user:
            wanted = _most_telling(list(quantities))[: self.first_shown]
            for k in range(self.choice.count()):
                item = self.choice.item(k)
                item.setCheckState(
                    Qt.CheckState.Checked if item.text() in wanted else Qt.CheckState.Unchecked
                )
        self.choice.blockSignals(False)

    def shown(self) -> list[str]:
        """Return the titles of the quantities shown, from top to bottom."""
        items = [self.choice.item(k) for k in range(self.choice.count())]
        return [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]

    def readout(self) -> list[str]:
        """Return what is written above the plots, without markup."""
        return [_plain(panel.header.text) for panel in self._panels.values()]

    def _on_choice(self) -> None:
        self._chosen_by_user = True
        self._refresh()
        self.shown_changed.emit()

    def _on_axis(self, index: int) -> None:
        self._axis = _AXES[index][0]
        self._refresh()

    # -- drawing -------------------------------------------------------------------------------------------

    def _restyle(self) -> None:
        """Recolour the plots as they stand: made anew, they would flicker and forget where one had zoomed."""
        self.graphics.setBackground(style.colour("surface"))
        for panel in self._made:
            panel.restyle()
        self._refresh()

    def _remove_unused(self) -> None:
        """Take away the plots that nothing is shown in."""
        if len(self._made) == len(self._panels):
            return
        for panel in self._made[len(self._panels) :]:
            self.graphics.ci.removeItem(panel.header)
            self.graphics.ci.removeItem(panel.plot)
        del self._made[len(self._panels) :]
        # the plots take more room when they must, but do not give it back by themselves
        self.graphics.ci.setGeometry(self.graphics.range)

    def _refresh(self) -> None:
        quantities = self.data.quantities()
        shown = [title for title in self.shown() if title in quantities]
        self.axis_box.setItemText(0, self.data.step_name)
        if shown != [*self._panels, *self._awaited] or any(
            len(panel.names) != len(quantities[title]) for title, panel in self._panels.items()
        ):
            self._panels, self._awaited = {}, shown
            if self._one_by_one:
                self._next_plot.start()
            else:
                self._add_awaited()
        for panel in self._panels.values():
            panel.update(self.data, self._axis, self.log_box.isChecked())
        self._name_axis()

    def _add_awaited(self) -> None:
        """Make the plots that are still to come: all, or the next one."""
        while self._awaited:
            title = self._awaited.pop(0)
            panel = self._add_panel(title)
            if self._one_by_one:
                panel.update(self.data, self._axis, self.log_box.isChecked())
                break
        if self._awaited:
            self._next_plot.start()
        elif self.data.names():  # without anything to show, nobody sees them
            self._remove_unused()

    def _add_panel(self, title: str) -> _Panel:
        quantities = self.data.quantities()
        row, colour = len(self._panels), list(quantities).index(title)
        if row < len(self._made):
            panel = self._made[row]
            panel.show_other(title, quantities[title], colour)
        else:
            panel = _Panel(title, quantities[title], colour, is_top=row == 0)
            self._made.append(panel)
            self.graphics.ci.addItem(panel.header, 2 * row, 0)
            self.graphics.ci.addItem(panel.plot, 2 * row + 1, 0)
            if row:
                panel.plot.setXLink(self._made[0].plot)
        self._panels[title] = panel
        axis = panel.plot.getAxis("bottom")
        axis.setStyle(showValues=not self._awaited)
        axis.showLabel(not self._awaited)
        self._name_axis()
        return panel

    def _name_axis(self) -> None:
        """Write what the axis is below the lowest plot."""
        if self._panels and not self._awaited:
            name = self.data.step_name if self._axis == "step" else dict(_AXES)[self._axis]
            self._panels[list(self._panels)[-1]].plot.getAxis("bottom").setLabel(name)

    def _on_mouse(self, position: QPointF) -> None:
        place: float | None = None
        for panel in self._panels.values():
            if panel.plot.vb.sceneBoundingRect().contains(position):
                place = panel.plot.vb.mapSceneToView(position).x()
        self.show_values_at(place)

    def show_values_at(self, place: float | None) -> None:
        """Write the values at a place on the axis above all plots; None writes the newest."""
        for panel in self._panels.values():
            panel.hover.setVisible(place is not None)
            if place is not None:
                panel.hover.setValue(place)
            panel.write(self.data, self._axis, place)


def _reading(value: float) -> str:
    """Return a number; of losses near 1 the digits behind it are what is read off."""
    return f"{value:.4f}" if 0.9 < abs(value) < 1.1 and value != 1 else short_number(value)


def _most_telling(titles: list[str]) -> list[str]:
    """Return the titles, those that tell most first."""
    found = [title for word in _TELLING for title in titles if title.startswith(word)]
    return list(dict.fromkeys([*found, *titles]))


def _plain(markup: str) -> str:
    document = glyphs.plain_text(markup)
    return " ".join(document.split())
