"""Beside the averages: size against error, how errors spread, and the rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from jobs.core.class_set import SIZE, ClassSet
from widgets import style
from widgets.class_gallery.histogram import ErrorHistogram
from widgets.class_gallery.rule_panel import RulePanel
from widgets.class_gallery.rules import RULES
from widgets.class_gallery.scatter import ClassScatter
from widgets.class_gallery.words import caption, column_title, judging_column, numeric_columns
from widgets.fields import ChoiceBox


class ClassSide(QWidget):
    """Plots and rules of the classes that are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class_side")
        self.setMinimumWidth(260)
        self._classes: ClassSet | None = None
        self._state = (np.zeros(0, bool), np.zeros(0, bool))
        self.across, self.up = self._box("across"), self._box("up")
        self.scatter, self.histogram, self.rules = ClassScatter(), ErrorHistogram(), RulePanel()
        self.histogram.limit_wanted.connect(self._on_limit)
        against = QLabel("against", self)
        style.set_role(against, "muted")
        line = QHBoxLayout()
        line.setSpacing(style.TIGHT)
        line.addWidget(self.up, 1)
        line.addWidget(against)
        line.addWidget(self.across, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addLayout(line)
        layout.addWidget(self.scatter, 3)
        layout.addWidget(self.histogram, 2)
        layout.addWidget(self.rules)

    def _box(self, name: str) -> ChoiceBox:
        box = ChoiceBox(self)
        box.setObjectName(f"class_{name}")
        box.setAccessibleName(f"Column {name}")
        box.setMinimumWidth(80)
        box.currentIndexChanged.connect(self._draw)
        return box

    def set_classes(self, classes: ClassSet) -> None:
        """Show other classes; the axes stay where there are such columns."""
        self._classes = classes
        columns = numeric_columns(classes)
        for box, first in ((self.across, SIZE), (self.up, judging_column(classes))):
            now = box.currentData() or first
            with QSignalBlocker(box):
                box.clear()
                for name in columns:
                    box.addItem(column_title(name), name)
                place = box.findData(now if now in columns else first)
                box.setCurrentIndex(max(0, place))
        self.rules.set_classes(classes)
        self._draw()

    def _draw(self) -> None:
        classes = self._classes
        across, up = self.across.currentData(), self.up.currentData()
        if classes is None or across is None or up is None:
            return
        points = np.stack([_known(classes, across), _known(classes, up)], axis=1)
        names = [f"Class {n}:  {caption(classes, k)}" for k, n in enumerate(classes.numbers.tolist())]
        self.scatter.set_points(points, (column_title(across), column_title(up)), names)
        self.histogram.set_values(
            points[:, 1], column_title(up), can_limit=up in RULES, at_least=RULES.get(up, False)
        )
        if len(self._state[0]) == len(classes):
            self.set_state(*self._state)

    def set_state(self, selected: NDArray[np.bool_], rejected: NDArray[np.bool_]) -> None:
        """Show what is chosen and what is rejected, and the rules as lines."""
        self._state = (selected, rejected)
        rules = self.rules.rules()
        across, up = (rules.limit(box.currentData() or "") for box in (self.across, self.up))
        self.scatter.set_state(selected, rejected, (across, up))
        self.histogram.set_limit(up)

    def _on_limit(self, value: float) -> None:
        self.rules.set_limit(self.up.currentData(), value)


def _known(classes: ClassSet, column: str) -> NDArray[np.float64]:
    """Return a column; RELION writes 999 where it could not estimate an accuracy or a resolution."""
    values = np.asarray(classes.columns[column], np.float64)
    return np.where(values == 999.0, np.nan, values) if column not in (SIZE,) else values
