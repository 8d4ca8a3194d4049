"""Compares the particles of a pane with their neighbours, beside the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

from widgets.explorer.work import Work

if TYPE_CHECKING:
    from widgets.tomogram.pane import TomogramPane


class Comparing(QObject):
    """Asks for the comparison, and shows it."""

    def __init__(self, pane: TomogramPane) -> None:
        super().__init__(pane)
        self.pane = pane
        self.work = Work(self)

    def start(self) -> None:
        """Compare the shown particles, by what they are coloured by."""
        pane = self.pane
        places, shown, services = pane.places, pane.colours.shown, pane.services
        if places is None:
            return
        seen = np.ones(len(places.name), bool) if pane.shown is None else pane.shown
        rows = np.flatnonzero(seen) if pane.neighbours.every.isChecked() else pane.rows
        values, label, is_share = None, "", True
        if shown is not None and shown.values is not None and shown.values.numbers.ndim == 1:
            label = shown.order.source.label
            is_share = shown.values.kind == "categorical" and shown.values.codes is not None
            values = shown.values.codes if is_share else shown.values.numbers
        self.work.start(
            lambda _told, _cancelled: services.neighbours(places, values, label, is_share, rows),
            pane.neighbours.show_facts,
            lambda error: pane.neighbours.show_problem(str(error)),
        )
