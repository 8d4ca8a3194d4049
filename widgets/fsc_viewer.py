"""Curves over resolution, with the thresholds at which it is read, and what is read there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, plotting, style
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.fields import ChoiceBox
from widgets.fsc_viewer_data import THRESHOLDS, Curve, CurveSheet, angstrom_text, resolution_words

_FIRST_SHOWN = 8


class ResolutionAxis(pg.AxisItem):
    """Writes frequencies as the lengths they stand for."""

    in_angstrom = True

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the texts at the ticks."""
        if not self.in_angstrom:
            return list(super().tickStrings(values, scale, spacing))
        return [angstrom_text(value * scale) for value in values]


#: The resolutions of so many curves are read beside the plot.
_READ = 8


class FscViewer(QWidget):
    """Draws a sheet of curves at a time; which curves, is ticked beside them.

    Moving the mouse over the plot reads the values there.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fsc_viewer")
        self.sheets: tuple[CurveSheet, ...] = ()
        self.unit = "Å"
        self._build()
        style.ThemeWatcher(self, self._draw)
        self.set_sheets(())

    def _build(self) -> None:
        self.choice = ChoiceBox(self)
        self.choice.setObjectName("fsc_sheet")
        self.choice.setAccessibleName("Which curves")
        self.choice.currentIndexChanged.connect(self._on_sheet)
        self.list = QListWidget(self)
        self.list.setObjectName("fsc_curves")
        self.list.setSpacing(2)
        self.list.itemChanged.connect(lambda _item: self._draw())
        self.reading = QLabel(self, wordWrap=True)
        self.reading.setObjectName("fsc_reading")
        self.reading.setTextFormat(Qt.TextFormat.RichText)
        self.reading.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pointer = QLabel(self)
        self.pointer.setObjectName("fsc_pointer")
        style.set_role(self.pointer, "caption")
        self.graphics = plotting.graphics("fsc_plot")
        self.axis = ResolutionAxis("bottom")
        self.plot = pg.PlotItem(enableMenu=False, axisItems={"bottom": self.axis})
        self.graphics.ci.addItem(self.plot)
        self.hover = pg.InfiniteLine(angle=90)
        self.graphics.scene().sigMouseMoved.connect(self._on_mouse)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        column.addWidget(self.choice)
        self.list.setSizeAdjustPolicy(QListWidget.SizeAdjustPolicy.AdjustToContents)
        self.list.setAccessibleName("Curves")
        self.reading.setContentsMargins(style.SMALL, 0, 0, 0)
        column.addWidget(self.list)
        column.addWidget(self.reading)
        column.addStretch(1)
        right = QWidget(self)
        inside = QVBoxLayout(right)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(style.TIGHT)
        inside.addWidget(self.graphics, 1)
        inside.addWidget(self.pointer)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(style.SMALL)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([270, 800])
        self.empty = EmptyState("curve", "No curves", parent=self)
        self._body = WithEmptyState(splitter, self.empty, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.addWidget(self._body)

    # -- data ----------------------------------------------------------------------------------------------

    def set_sheets(self, sheets: Sequence[CurveSheet], *, unit: str = "Å") -> None:
        """Show other curves; without any, that there are none."""
        self.sheets, self.unit = tuple(sheets), unit
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems([sheet.title for sheet in self.sheets])
        self.choice.blockSignals(False)
        self.choice.setVisible(len(self.sheets) > 1)
        self._body.show_empty(not self.sheets)
        self._on_sheet()

    @property
    def sheet(self) -> CurveSheet | None:
        """The sheet that is shown."""
        at = self.choice.currentIndex()
        return self.sheets[at] if 0 <= at < len(self.sheets) else None

    def shown(self) -> list[Curve]:
        """Return the curves that are drawn."""
        sheet = self.sheet
        if sheet is None:
            return []
        ticked = [self.list.item(k).checkState() == Qt.CheckState.Checked for k in range(self.list.count())]
        return [curve for curve, on in zip(sheet.curves, ticked, strict=True) if on]

    def resolutions(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return, for each curve shown, its name and the resolution at each threshold."""
        if self.sheet is None or self.sheet.kind != "fsc":
            return []
        return [
            (curve.name, tuple(resolution_words(curve, t, self.unit) for t in THRESHOLDS))
            for curve in self.shown()
        ]

    def _on_sheet(self) -> None:
        sheet = self.sheet
        self.list.blockSignals(True)
        self.list.clear()
        for k, curve in enumerate(sheet.curves if sheet is not None else ()):
            item = QListWidgetItem(curve.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if k < _FIRST_SHOWN else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._draw()

    # -- drawing -------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self.graphics.setBackground(style.colour("surface"))
        self.plot.clear()
        sheet = self.sheet
        plotting.themed_plot(self.plot)
        if sheet is None:
            return
        self.hover = pg.InfiniteLine(angle=90, pen=pg.mkPen(style.colour("muted"), width=1))
        self.hover.hide()
        self.plot.addItem(self.hover, ignoreBounds=True)
        self.axis.in_angstrom = sheet.kind != "plain"
        self.axis.picture = None
        self.plot.setLabel("bottom", sheet.x_title or f"Resolution ({self.unit})")
        self.plot.setLabel("left", sheet.y_title)
        self.plot.setLogMode(x=False, y=sheet.log)
        self._draw_curves(sheet)
        if sheet.kind == "fsc":
            self._draw_thresholds()
            self.plot.setYRange(-0.1, 1.02, padding=0)
        else:
            self.plot.enableAutoRange("y")
        ends = [float(np.nanmax(curve.x)) for curve in sheet.curves if len(curve.x)]
        if ends:
            self.plot.setXRange(0.0 if sheet.kind != "plain" else min(0.0, *ends), max(ends), padding=0.01)
        self._colour_list(sheet)
        self._read()

    def _draw_curves(self, sheet: CurveSheet) -> None:
        for k, curve in enumerate(sheet.curves):
            if self.list.item(k).checkState() != Qt.CheckState.Checked:
                continue
            dash = Qt.PenStyle.SolidLine if k < len(style.colours().series) else Qt.PenStyle.DashLine
            y = np.where(curve.y > 0, curve.y, np.nan) if sheet.log else curve.y
            self.plot.plot(
                curve.x, y, pen=pg.mkPen(plotting.series_colour(k), width=2, style=dash), connect="finite"
            )

    def _draw_thresholds(self) -> None:
        for threshold in THRESHOLDS:
            pen = pg.mkPen(style.colour("outline"), width=1, style=Qt.PenStyle.DashLine)
            options = {"position": 0.97, "color": style.colour("muted"), "anchors": [(1, 1), (1, 1)]}
            line = pg.InfiniteLine(threshold, angle=0, pen=pen, label=f"{threshold:g}", labelOpts=options)
            line.label.setFont(style.small_font())
            self.plot.addItem(line, ignoreBounds=True)

    def _colour_list(self, sheet: CurveSheet) -> None:
        self.list.blockSignals(True)
        for k in range(len(sheet.curves)):
            colour = plotting.series_colour(k)
            self.list.item(k).setForeground(colour)
        self.list.blockSignals(False)

    def _read(self) -> None:
        lines = [
            f"<b>{name}</b><br>"
            + " &nbsp; ".join(
                f"<span style='color:{style.colours().muted}'>at {threshold:g}:</span> {words}"
                for threshold, words in zip(THRESHOLDS, found, strict=True)
            )
            for name, found in self.resolutions()[:_READ]
        ]
        more = len(self.resolutions()) - _READ
        if more > 0:
            lines.append(f"and {more} more: untick others to read them")
        self.reading.setText("<br>".join(lines))
        self.reading.setVisible(bool(lines))
        self.pointer.setText(" ")

    def reading_text(self) -> str:
        """Return what is read off the curves, without markup."""
        return glyphs.plain_text(self.reading.text())

    def _on_mouse(self, position: QPointF) -> None:
        inside = self.plot.vb.sceneBoundingRect().contains(position)
        self.hover.setVisible(inside)
        if inside:
            self.show_values_at(float(self.plot.vb.mapSceneToView(position).x()))
        else:
            self.pointer.setText(" ")

    def show_values_at(self, x: float) -> None:
        """Write the values of the curves shown at a place below the plot."""
        sheet = self.sheet
        if sheet is None:
            return
        self.hover.setValue(x)
        where = f"{angstrom_text(x)} {self.unit}" if sheet.kind != "plain" else f"{x:.4g}"
        values: list[Any] = [f"{c.name} {np.interp(x, c.x, c.y):.3f}" for c in self.shown() if len(c.x)]
        self.pointer.setText(f"{where}:  " + "   ".join(values))
