"""A window beside the explorer: table of particles, any two columns, and angles, linked with everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.explorer.angle_plot import AnglePlot
from widgets.explorer.column_plot import ColumnPlot
from widgets.explorer.criteria import Mask
from widgets.explorer.particle_table import ParticleTable

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer


class DataWindow(QWidget):
    """Three pages about the same particles."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("explorer_data_window")
        self.setWindowTitle("Particles")
        self.resize(860, 620)
        self.table, self.plot, self.angles = ParticleTable(), ColumnPlot(), AnglePlot()
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        for page, title, tip in (
            (self.plot, "Columns", "Particles by any two columns; regions select"),
            (self.table, "Table", "The selected particles and all that is known of them"),
            (self.angles, "Angles", "Viewing directions of the selected particles, or of all"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
        self.hover = ElidedLabel("Double-click: everything · Shift, Alt: add, take away")
        style.set_role(self.hover, "caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.hover)


class DataControl(QObject):
    """Makes the window when it is first wanted and keeps it like the explorer."""

    def __init__(self, view: Explorer) -> None:
        super().__init__(view)
        self.view = view
        self.window: DataWindow | None = None
        view.colours.columns_changed.connect(lambda _columns: self._read())
        view.colours.coloured.connect(lambda _made: self._colour())
        view.colours.filtered.connect(lambda _mask: self._select(view.choice.mask))
        view.selecting.changed.connect(self._select)
        view.selecting.uses.show_table_wanted.connect(self.open_table)

    def open(self) -> None:
        """Show the window."""
        if self.window is None:
            self.window = window = DataWindow(self.view)
            window.plot.canvas.set_look(*self.view.look.values)
            self.view.look.changed.connect(window.plot.canvas.set_look)
            window.plot.region.connect(self.view.selecting.combine)
            window.plot.picked.connect(self._show_state)
            window.table.chosen.connect(self._show_state)
            window.plot.hovered.connect(lambda row: window.hover.setText(self.view.describe(row)))
            self._read()
            self._colour()
        self.window.show()
        self.window.raise_()

    def open_table(self) -> None:
        """Show the table of the selected particles."""
        self.open()
        if self.window is not None:
            self.window.tabs.setCurrentWidget(self.window.table)

    def close(self) -> None:
        """Close the window."""
        if self.window is not None:
            self.window.close()

    def _show_state(self, row: int) -> None:
        self.view.states.pick_particle(row)

    def _read(self) -> None:
        window, opened, columns = self.window, self.view.opened, self.view.colours.columns
        if window is None or opened is None:
            return
        window.setWindowTitle(f"Particles of {self.view.services.title}")
        window.table.set_columns(columns, opened.names)
        window.plot.set_columns(columns)
        window.angles.set_columns(columns)
        self._select(self.view.choice.mask)

    def _colour(self) -> None:
        shown = self.view.colours.shown
        if self.window is not None and shown is not None:
            self.window.plot.set_colouring(shown.colouring)

    def _select(self, mask: Mask | None) -> None:
        window, opened = self.window, self.view.opened
        if window is None or opened is None:
            return
        rows = np.arange(len(opened.names)) if mask is None else np.flatnonzero(mask)
        window.table.set_rows(rows.astype(np.int64), selected=mask is not None)
        window.plot.set_shown(self.view.choice.shown)
        window.plot.set_selection(mask)
        window.angles.set_selection(mask)
