"""What jobs take on the disk, the largest first, and what cleaning them would free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.news import JobEntry
from app.project.disk_use import JobUse, ProjectUse, in_words
from widgets import style
from widgets.empty_state import EmptyState, WithEmptyState

_NAME: Final = Qt.ItemDataRole.UserRole
_HEADINGS: Final = ("Job", "Type", "Status", "Size", "Gentle", "Harsh")
_NUMBERS: Final = (3, 4, 5)


class _Row(QTreeWidgetItem):
    """A job; columns of sizes are ordered by their numbers."""

    def __init__(self, entry: JobEntry, use: JobUse) -> None:
        sizes = (use.size, use.gentle, use.harsh)
        super().__init__([entry.shown, entry.title, entry.status, *map(in_words, sizes)])
        self.sizes = dict(zip(_NUMBERS, sizes, strict=True))
        self.setData(0, _NAME, entry.name)
        for column, size in self.sizes.items():
            self.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if column != 3 and not size:
                self.setText(column, "–")
        self.setToolTip(0, f"{entry.name}\n{use.files:,} files")
        if use.protected:
            self.setToolTip(5, "Protected by NO_HARSH_CLEAN: spared when all jobs are cleaned harshly")

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        column = self.treeWidget().sortColumn()
        if isinstance(other, _Row) and column in self.sizes:
            return self.sizes[column] < other.sizes[column]
        return self.text(column) < other.text(column)


class DiskUseDialog(QDialog):
    """Table of jobs with their sizes, totals, and buttons that clean.

    Parameters
    ----------
    act
        Called with ``gentle``, ``harsh`` (and the name of a job, empty = all), or ``trash``.
    """

    def __init__(self, parent: QWidget | None, act: Callable[[str, str], None], *, readonly: bool) -> None:
        super().__init__(parent)
        self.setObjectName("disk_use")
        self.setWindowTitle("Disk use")
        self.resize(780, 520)
        self._act = act
        self._readonly = readonly
        self._use = ProjectUse({})
        self.total = QLabel("Disk use")
        self.total.setObjectName("disk_total")
        style.set_role(self.total, "heading")
        self.freed = QLabel(wordWrap=True)
        self.freed.setObjectName("disk_freed")
        style.set_role(self.freed, "muted")
        self.table = QTreeWidget()
        self.table.setObjectName("disk_table")
        self.table.setHeaderLabels(list(_HEADINGS))
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAlternatingRowColors(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for column in _NUMBERS:
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self.table.headerItem().setTextAlignment(column, right)
        self.table.headerItem().setToolTip(4, "What gentle cleaning of the job would free")
        self.table.headerItem().setToolTip(5, "What harsh cleaning of the job would free")
        self.table.itemSelectionChanged.connect(self._update)
        empty = EmptyState("list", "No jobs yet", "The room that jobs take is shown here.")
        self._body = WithEmptyState(self.table, empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        layout.addWidget(self.total)
        layout.addWidget(self.freed)
        layout.addWidget(self._body, 1)
        layout.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        self.gentle = self._button(
            "Clean gently…", "disk_gentle", lambda: self._act("gentle", self.selected())
        )
        self.harsh = self._button("Clean harshly…", "disk_harsh", lambda: self._act("harsh", self.selected()))
        self.trash = self._button("Empty trash…", "disk_trash", lambda: self._act("trash", ""))
        style.set_role(self.trash, "danger")
        close = self._button("Close", "disk_close", self.accept)
        style.set_role(close, "primary")
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        for button in (self.gentle, self.harsh, self.trash):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def _button(self, text: str, name: str, clicked: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: clicked())
        return button

    def selected(self) -> str:
        """Return the name of the selected job, empty when none is."""
        items = self.table.selectedItems()
        return str(items[0].data(0, _NAME)) if items else ""

    def set_use(self, use: ProjectUse, entries: Mapping[str, JobEntry]) -> None:
        """Show other numbers; the selection stays."""
        self._use = use
        name = self.selected()
        self.table.setSortingEnabled(False)
        self.table.clear()
        rows = [_Row(entries[job], found) for job, found in use.jobs.items() if job in entries]
        self.table.addTopLevelItems(rows)
        self.table.setSortingEnabled(True)
        for row in rows:
            if row.data(0, _NAME) == name:
                self.table.setCurrentItem(row)
        more = "" if use.complete else ", still counting …"
        trash = f"{in_words(use.trash)} in the trash" if use.trash else "the trash is empty"
        self.total.setText(f"{in_words(use.size)} in jobs, {trash}{more}")
        self._body.show_empty(not rows)
        self._update()

    def _update(self) -> None:
        use, name = self._use, self.selected()
        found = use.jobs.get(name)
        gentle, harsh = (found.gentle, found.harsh) if found is not None else (use.gentle, use.harsh)
        what = name.rstrip("/") if found is not None else "all jobs that have succeeded"
        if self._readonly:
            text = "The project is open for reading only, so nothing can be cleaned here."
        elif not harsh:
            text = f"There is nothing to clean in {what}."
        else:
            text = f"Cleaning {what} would free {in_words(gentle)} gently, {in_words(harsh)} harshly."
        self.freed.setText(text)
        every = "" if found is not None else " all"
        self.gentle.setText(f"Clean{every} gently…")
        self.harsh.setText(f"Clean{every} harshly…")
        self.gentle.setEnabled(gentle > 0 and not self._readonly)
        self.harsh.setEnabled(harsh > 0 and not self._readonly)
        self.trash.setEnabled(use.trash > 0 and not self._readonly)
