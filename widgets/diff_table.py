"""Options beside one another: what differs first and marked, with a search line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.empty_state import EmptyState, WithEmptyState

_ABSENT = "–"


@dataclass(frozen=True)
class ValueRow:
    """One option.

    Attributes
    ----------
    label, name
        In words, and as it is spelt in files.
    cells
        Its values, one per column; None where it does not exist.
    marked
        For each cell, whether it is one of those that make the difference.
    tip
        Explanation.
    """

    label: str
    name: str
    cells: tuple[str | None, ...]
    marked: tuple[bool, ...] = ()
    tip: str = ""

    @property
    def differs(self) -> bool:
        """Whether any cell makes a difference."""
        return any(self.marked)


class DiffTable(QWidget):
    """A table of options with a search line and a switch that leaves only what differs.

    Parameters
    ----------
    only_text
        Text of the switch.
    count_text
        How the differences are counted, with ``{differ}`` and ``{all}``.
    """

    def __init__(
        self, only_text: str, count_text: str, *, only: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("diff_table")
        self._count_text = count_text
        self._rows: tuple[ValueRow, ...] = ()
        self._titles: tuple[str, ...] = ()
        self.search = QLineEdit()
        self.search.setObjectName("diff_search")
        self.search.setPlaceholderText("Search options and values")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(280)
        self.search.addAction(glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter)
        self.only = QCheckBox(only_text)
        self.only.setObjectName("diff_only")
        self.only.setChecked(only)
        self.only.toggled.connect(self._filter)
        self.count = QLabel()
        self.count.setObjectName("diff_count")
        style.set_role(self.count, "caption")
        row = QHBoxLayout()
        row.setSpacing(style.MEDIUM)
        row.addWidget(self.search, 1)
        row.addWidget(self.only)
        row.addStretch(1)
        row.addWidget(self.count)
        self.tree = _Tree()
        self.empty = EmptyState("list", "Reading the options…")
        self.stack = WithEmptyState(self.tree, self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addLayout(row)
        layout.addWidget(self.stack, 1)
        style.ThemeWatcher(self, self._fill)

    def set_rows(self, titles: Sequence[str], rows: Sequence[ValueRow]) -> None:
        """Show other options; those that differ come first, each part in the order given."""
        ordered = (*(r for r in rows if r.differs), *(r for r in rows if not r.differs))
        if ordered == self._rows and tuple(titles) == self._titles:
            return
        self._rows, self._titles = ordered, tuple(titles)
        self._fill()

    def shown(self) -> list[list[str]]:
        """Return the rows that are seen, as they are read."""
        items = [self.tree.topLevelItem(k) for k in range(self.tree.topLevelItemCount())]
        width = self.tree.columnCount()
        return [[i.text(c) for c in range(width)] for i in items if i is not None and not i.isHidden()]

    def _fill(self) -> None:
        tree = self.tree
        place = tree.verticalScrollBar().value()
        tree.clear()
        tree.setHeaderLabels(["Option", "Name", *self._titles])
        bold = style.scaled_font(1.0, bold=True)
        items = []
        for row in self._rows:
            cells = [_ABSENT if cell is None else cell for cell in row.cells]
            item = QTreeWidgetItem([row.label, row.name, *cells])
            item.setForeground(1, style.colour("muted"))
            if row.differs:
                item.setFont(0, bold)
            item.setToolTip(0, f"{row.label}\n{row.tip}".strip())
            for column, cell in enumerate(cells, 2):
                item.setToolTip(column, cell)
                if column - 2 < len(row.marked) and row.marked[column - 2]:
                    item.setFont(column, bold)
                    item.setForeground(column, style.colour("accent"))
                    item.setBackground(column, style.colour("info_soft"))
                elif cells[column - 2] == _ABSENT:
                    item.setForeground(column, style.colour("muted"))
            items.append(item)
        tree.addTopLevelItems(items)
        tree.fit()
        self._filter()
        tree.verticalScrollBar().setValue(place)

    def _filter(self) -> None:
        wanted = self.search.text().casefold().split()
        for number, row in enumerate(self._rows):
            item = self.tree.topLevelItem(number)
            if item is None:
                continue
            text = " ".join([row.label, row.name, *(cell or "" for cell in row.cells)]).casefold()
            hidden = (self.only.isChecked() and not row.differs) or not all(word in text for word in wanted)
            item.setHidden(hidden)
        differ = sum(row.differs for row in self._rows)
        self.count.setText(self._count_text.format(differ=differ, all=len(self._rows)) if self._rows else "")
        nothing = not self.shown()
        if nothing:
            if not self._rows:
                self.empty.set_message("No options are known", "The settings of this job cannot be read.")
            elif wanted:
                self.empty.set_message("Nothing found", f"No option or value has “{self.search.text()}”.")
            else:
                self.empty.set_message("No difference", "All options have the same values.", glyph="success")
        self.stack.show_empty(nothing)


class _Tree(QTreeWidget):
    """Columns share the width; what is selected can be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diff_rows")
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.header().setMinimumSectionSize(70)

    def fit(self) -> None:
        """Give names their width and share the rest among the values, as far as they need it."""
        for column in range(self.columnCount()):
            self.resizeColumnToContents(column)
        self.setColumnWidth(0, min(max(self.columnWidth(0) + 12, 180), 280))
        self.setColumnWidth(1, min(self.columnWidth(1) + 12, 170))
        values = range(2, self.columnCount())
        room = self.viewport().width() - self.columnWidth(0) - self.columnWidth(1)
        share = max(room // max(len(values), 1), 96)
        for column in values:
            self.setColumnWidth(column, share)
        self.header().setStretchLastSection(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the selected rows as text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = [[i.text(c) for c in range(self.columnCount())] for i in self.selectedItems()]
            QApplication.clipboard().setText("\n".join("\t".join(row) for row in rows))
            return
        super().keyPressEvent(event)
