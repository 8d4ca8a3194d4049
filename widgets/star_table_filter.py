"""A line in which rows are filtered: column, comparison, value."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from widgets import glyphs, style
from widgets.fields import ChoiceBox
from widgets.star_table_source import OPERATORS, Condition

_TYPING_MS = 250


class FilterLine(QWidget):
    """One condition on the values of a column; Enter or a pause in typing applies it.

    A condition can be kept, so that another one narrows further.

    Signals
    -------
    changed : object
        The conditions that now hold, a tuple.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table_filter")
        self.kept: list[Condition] = []
        self._columns: tuple[str, ...] = ()
        title = QLabel("Filter", self)
        style.set_role(title, "muted")
        self.column = ChoiceBox(self)
        self.column.setObjectName("filter_column")
        self.column.setAccessibleName("Column to filter by")
        self.column.setMinimumWidth(150)
        self.column.setMaximumWidth(260)
        self.operator = ChoiceBox(self)
        self.operator.setObjectName("filter_operator")
        self.operator.setAccessibleName("Comparison")
        self.operator.addItems(list(OPERATORS))
        self.value = QLineEdit(self)
        self.value.setObjectName("filter_value")
        self.value.setPlaceholderText("Value")
        self.value.setClearButtonEnabled(True)
        self.value.setMinimumWidth(90)
        self.value.setMaximumWidth(200)
        self.keep = QToolButton(self)
        self.keep.setObjectName("filter_keep")
        self.keep.setText("And…")
        self.keep.setToolTip("Keep this condition and add another")
        style.set_role(self.keep, "button")
        self.chips = QLabel(self)
        self.chips.setObjectName("filter_kept")
        style.set_role(self.chips, "caption")
        self.clear = QToolButton(self)
        self.clear.setObjectName("filter_clear")
        self.clear.setToolTip("Show all rows")
        self.clear.setAccessibleName("Clear the filter")
        style.set_role(self.clear, "quiet")
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._typing.timeout.connect(self._tell)
        self.value.textChanged.connect(lambda _text: self._typing.start())
        self.value.returnPressed.connect(self._tell)
        self.column.currentIndexChanged.connect(self._on_choice)
        self.operator.currentIndexChanged.connect(self._on_choice)
        self.keep.clicked.connect(self._keep)
        self.clear.clicked.connect(self.forget)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(style.TIGHT)
        for part in (title, self.column, self.operator, self.value, self.keep, self.chips, self.clear):
            line.addWidget(part)
        line.addStretch(1)
        style.ThemeWatcher(self, self._draw_icon)
        self._draw_icon()
        self._show_kept()

    def set_columns(self, columns: Sequence[str]) -> None:
        """Offer these columns; conditions are forgotten."""
        self._columns = tuple(columns)
        self.kept = []
        self.column.blockSignals(True)
        self.column.clear()
        self.column.addItems([name.removeprefix("rln") for name in columns])
        self.column.blockSignals(False)
        self.value.clear()
        self._show_kept()

    def choose(self, column: str, operator: str, value: str) -> None:
        """Fill in a condition and apply it."""
        self.column.setCurrentIndex(self._columns.index(column))
        self.operator.setCurrentText(operator)
        self.value.setText(value)
        self._tell()

    def conditions(self) -> tuple[Condition, ...]:
        """Return the conditions that hold."""
        now = self._current()
        return (*self.kept, now) if now is not None else tuple(self.kept)

    def forget(self) -> None:
        """Show all rows."""
        self.kept = []
        self.value.clear()
        self._tell()

    def _current(self) -> Condition | None:
        value, at = self.value.text().strip(), self.column.currentIndex()
        if not value or at < 0:
            return None
        return Condition(self._columns[at], self.operator.currentText(), value)

    def _keep(self) -> None:
        now = self._current()
        if now is not None:
            self.kept.append(now)
            self.value.clear()
            self.value.setFocus()
            self._tell()

    def _on_choice(self) -> None:
        if self.value.text().strip():
            self._tell()

    def _tell(self) -> None:
        self._typing.stop()
        self._show_kept()
        self.changed.emit(self.conditions())

    def _show_kept(self) -> None:
        words = " and ".join(c.words.removeprefix("rln") for c in self.kept)
        self.chips.setText(words)
        self.chips.setVisible(bool(words))
        self.clear.setVisible(bool(self.conditions()))
        self.keep.setEnabled(self._current() is not None)

    def _draw_icon(self) -> None:
        self.clear.setIcon(glyphs.glyph_icon("close"))
