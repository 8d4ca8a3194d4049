"""A row to select by value: a column, a relation, numbers; or a column and some of its categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from widgets import style
from widgets.explorer import colour_tables, colouring
from widgets.explorer.category_list import CategoryList
from widgets.explorer.column_chooser import ColumnChooser
from widgets.explorer.column_values import Values
from widgets.explorer.columns import Columns, Source
from widgets.explorer.criteria import OPERATORS, Categories, Comparison, Condition, Mask, Operator
from widgets.explorer.number_text import exact, parsed, short
from widgets.explorer.steady import Steady
from widgets.fields import ChoiceBox

Style = Literal["threshold", "category"]
#: Categories that can be offered as a list.
MOST_LISTED: Final = 20_000
_HINTS: Final[dict[Operator, str]] = {
    "≥": "at least",
    "≤": "at most",
    ">": "more than",
    "<": "less than",
    "=": "equal to",
    "≠": "anything but",
    "between": "from … to, ends included",
    "outside": "below the one or above the other",
    "missing": "particles without a value",
}


@dataclass(frozen=True, eq=False)
class _Order:
    columns: Columns
    source: Source
    condition: Condition | None


@dataclass(frozen=True, eq=False)
class _Answer:
    order: _Order
    values: Values | None
    mask: Mask | None
    count: int
    range: tuple[float, float] | None


def _look(order: _Order) -> _Answer:
    """Read a column and find who meets the condition; blocks."""
    values = order.columns.read(order.source)
    if values is None or values.kind == "vector":
        return _Answer(order, None, None, 0, None)
    ends = None
    if values.kind == "continuous":
        finite = values.numbers[np.isfinite(values.numbers)]
        ends = (float(finite.min()), float(finite.max())) if finite.size else None
    mask = order.condition.mask(values) if order.condition is not None else None
    return _Answer(order, values, mask, 0 if mask is None else int(np.count_nonzero(mask)), ends)


class CriterionEditor(QWidget):
    """Says live how many particles would be taken.

    Parameters
    ----------
    kind
        ``threshold`` for numbers, ``category`` for names.

    Signals
    -------
    applied
        Mask ``(P,)`` of the particles and the condition in words.
    """

    applied = Signal(object, str)

    def __init__(self, kind: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = kind
        self.setObjectName(f"explorer_{kind}")
        self._columns: Columns | None = None
        self._answer: _Answer | None = None
        self._build()
        self._worker = Steady(_look, self)
        self._worker.answered.connect(self._on_answer)
        self._worker.failed.connect(lambda error: self._say(str(error), "problem"))
        self._say("Choose a column", "caption")

    def _build(self) -> None:
        name = self.objectName()
        self.chooser = ColumnChooser(f"{name}_column", "Column …", self)
        self.chooser.setToolTip("What to select by")
        self.chooser.chosen.connect(self._on_chosen)
        self.operator = ChoiceBox(self)
        self.operator.setObjectName(f"{name}_operator")
        self.operator.setToolTip("Relation")
        for operator in OPERATORS:
            self.operator.addItem(f"{operator}", operator)
            self.operator.setItemData(self.operator.count() - 1, _HINTS[operator], 3)  # tooltip
        self.operator.currentIndexChanged.connect(self._on_operator)
        self.first = self._field(f"{name}_first")
        self.second = self._field(f"{name}_second")
        self.list = CategoryList(f"{name}_list", self)
        self.list.ticks_changed.connect(self._ask)
        self.text = QLabel(self, wordWrap=True)
        self.text.setObjectName(f"{name}_count")
        self.apply_button = QPushButton("Apply", self)
        self.apply_button.setObjectName(f"{name}_apply")
        self.apply_button.setToolTip("Select these particles, in the way chosen above")
        self.apply_button.clicked.connect(self.apply)
        relation = QHBoxLayout()
        relation.setSpacing(style.TIGHT)
        relation.addWidget(self.operator)
        relation.addWidget(self.first, 1)
        relation.addWidget(self.second, 1)
        foot = QHBoxLayout()
        foot.setSpacing(style.SMALL)
        foot.addWidget(self.text, 1)
        foot.addWidget(self.apply_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.chooser)
        layout.addLayout(relation)
        layout.addWidget(self.list)
        layout.addLayout(foot)
        is_threshold = self.kind == "threshold"
        for part in (self.operator, self.first, self.second):
            part.setVisible(is_threshold)
        self.second.hide()
        self.list.hide()

    def _field(self, name: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setObjectName(name)
        field.setToolTip("Number to compare with")
        field.setMinimumWidth(48)
        field.textChanged.connect(self._ask)
        field.returnPressed.connect(self.apply)
        return field

    def set_columns(self, columns: Columns, sources: Sequence[Source]) -> None:
        """Offer the columns of another model."""
        is_same, self._columns = self._columns is columns, columns
        self.chooser.set_sources([s for s in sources if not s.special])
        if is_same:
            return  # values were added
        self._answer = None
        if self.chooser.source is not None:
            self._ask()
        else:
            self._say("Choose a column", "caption")

    @property
    def condition(self) -> Condition | None:
        """What is typed or ticked; None while it is incomplete."""
        if self.kind == "category":
            ticked = np.flatnonzero(self.list.ticked).tolist()
            names = self.list.model.names
            return Categories(frozenset(names[k] for k in ticked)) if len(names) else None
        operator: Operator = self.operator.currentData()
        first, second = parsed(self.first.text()), parsed(self.second.text())
        needed = OPERATORS[operator]
        if (needed >= 1 and first is None) or (needed == 2 and second is None):
            return None
        return Comparison(operator, first or 0.0, second or 0.0)

    def apply(self) -> None:
        """Select the particles that meet the condition, if it is complete and counted."""
        answer = self._answer
        if answer is not None and answer.mask is not None and answer.order.condition == self.condition:
            assert answer.order.condition is not None
            self.applied.emit(answer.mask, answer.order.condition.words(answer.order.source.name.title))

    def _on_chosen(self, _source: Source) -> None:
        self._answer = None
        self.first.clear()
        self.second.clear()
        self.list.set_rows((), np.zeros(0, np.int64), np.zeros((0, 3), np.uint8))
        self._ask()

    def _on_operator(self) -> None:
        needed = OPERATORS[self.operator.currentData()]
        self.first.setVisible(needed >= 1)
        self.second.setVisible(needed == 2)
        self._ask()

    def _ask(self) -> None:
        source = self.chooser.source
        if self._columns is None or source is None:
            return
        self.apply_button.setEnabled(False)
        if self._answer is None:
            self._say("Reading …", "caption")
        self._worker.request(_Order(self._columns, source, self.condition))

    def _on_answer(self, answer: _Answer) -> None:
        if answer.order.columns is not self._columns or answer.order.source != self.chooser.source:
            return
        is_first = self._answer is None
        self._answer = answer
        if answer.values is None:
            self._say("Directions and places have no order: choose one of their parts", "warning")
            return
        if self.kind == "category" and is_first and not self._list_categories(answer.values):
            return
        if answer.order.condition != self.condition:
            self._ask()
            return
        self.apply_button.setEnabled(answer.mask is not None)
        if answer.mask is not None:
            self._say(f"{answer.count:,} of {len(answer.mask):,} particles", "caption")
        elif answer.range is not None:
            low, high = answer.range
            self.first.setPlaceholderText(exact(low))
            self.second.setPlaceholderText(exact(high))
            self._say(f"Values from {short(low)} to {short(high)}", "caption")
        else:
            self._say("Type a number", "caption")

    def _list_categories(self, values: Values) -> bool:
        values = values.as_kind("categorical")
        if values.codes is None or values.kind != "categorical":
            self._say("Numbers on a scale: use Threshold", "warning")
            return False
        if len(values.names) > MOST_LISTED:
            self._say(f"{len(values.names):,} different names are too many for a list", "warning")
            return False
        dark = style.colours().name == "dark"
        own = colouring.own_colours(values)
        table = colour_tables.categories(len(own), dark=dark)
        rows = np.full(len(values.names), len(own))
        rows[own] = np.arange(len(own))
        self.list.set_rows(values.names, values.counts, table[rows])
        self.list.set_ticked(np.zeros(len(values.names), np.bool_))
        self.list.show()
        return True

    def _say(self, text: str, role: str) -> None:
        style.set_role(self.text, role)
        self.text.setText(text)
        self.text.setVisible(bool(text))
