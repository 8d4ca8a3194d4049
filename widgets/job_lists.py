"""The lists of finished, running and scheduled jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.job_model import ROW_ROLE, JobListModel, JobRow, Order
from widgets.job_row_delegate import JobRowDelegate

#: Below this height of all three lists, those without jobs make room for the others.
_LOW: Final = 400
_UNLIMITED: Final = 16777215
_LISTS: Final = {"running": "running", "scheduled": "scheduled", "queued": "scheduled"}


class JobListView(QWidget):
    """One list of jobs with its title and count.

    Signals
    -------
    job_selected(name)
        A job was clicked or reached with the keys.
    job_activated(name)
        A job was double-clicked or Return was pressed on it.
    menu_requested(name, global position)
        A context menu is wanted.
    """

    job_selected = Signal(str)
    job_activated = Signal(str)
    menu_requested = Signal(str, QPoint)

    def __init__(
        self, title: str, empty_text: str = "", parent: QWidget | None = None, *, newest_first: bool = True
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"jobs_{title.lower().split()[0]}")
        self.model = JobListModel(self, newest_first=newest_first)
        self._title = title
        self._empty_text = empty_text
        self._filtered = False
        self._selecting = False
        self._low = False
        self.heading = QLabel(title, self)
        self.heading.setObjectName("jobs_heading")
        style.set_role(self.heading, "subheading")
        self.view = QListView(self)
        self.view.setObjectName("jobs_view")
        self.view.setModel(self.model)
        self._delegate = JobRowDelegate(self.view)
        self.view.setItemDelegate(self._delegate)
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.setAccessibleName(title)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.view.activated.connect(lambda index: self.job_activated.emit(index.data(ROW_ROLE).name))
        self.view.selectionModel().currentChanged.connect(self._on_current)
        self._body = WithEmptyState(self.view, EmptyState("list", empty_text or "No jobs", parent=self), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.heading)
        layout.addWidget(self._body, 1)
        self._refresh()

    def set_rows(self, rows: Sequence[JobRow]) -> None:
        """Show jobs; the selected one stays selected."""
        high = any(row.reason for row in rows)
        if high != self._delegate.high:
            self._delegate.high = high
            self.view.scheduleDelayedItemsLayout()
        self._keep_selection(lambda: self.model.set_rows(rows))

    def set_order(self, order: Order) -> None:
        """Order the jobs."""
        self._keep_selection(lambda: self.model.set_order(order))

    def set_filter(self, text: str) -> None:
        """Keep jobs in which every word occurs."""
        self._filtered = bool(text.strip())
        self._keep_selection(lambda: self.model.set_filter(text))

    def _keep_selection(self, change: object) -> None:
        name = self.selected()
        assert callable(change)
        self._selecting = True
        change()
        if name is not None:
            self.select(name, quiet=True)
        self._selecting = False
        self._refresh()

    def _refresh(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        count = f"{shown:,} of {total:,}" if shown != total else f"{total:,}"
        self.heading.setText(f"{self._title} ({count})" if total else self._title)
        if self._filtered and total:
            self._body.empty.set_message("No match", "", glyph="search")
        else:
            self._body.empty.set_message(self._empty_text or "No jobs", glyph="list")
        self._body.show_empty(not shown)
        self._fold()

    def set_low(self, low: bool) -> None:
        """Where there is little height, a list without jobs is its heading alone."""
        if low != self._low:
            self._low = low
            self._fold()

    def _fold(self) -> None:
        folded = self._low and not self.model.rowCount()
        self._body.setVisible(not folded)
        self.setMaximumHeight(self.heading.sizeHint().height() if folded else _UNLIMITED)
        if folded and not self.model.total:
            self.heading.setText(f"{self._title} (none)")

    def selected(self) -> str | None:
        """Return the name of the selected job."""
        index = self.view.currentIndex()
        return index.data(ROW_ROLE).name if index.isValid() else None

    def select(self, name: str | None, *, quiet: bool = False) -> bool:
        """Select a job (None: no job); return whether it is in this list."""
        row = self.model.row_of(name) if name is not None else -1
        self._selecting = quiet or self._selecting
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))
        else:
            self.view.selectionModel().clear()
        if quiet:
            self._selecting = False
        return row >= 0

    def _on_current(self, index: QModelIndex) -> None:
        if index.isValid() and not self._selecting:
            self.job_selected.emit(index.data(ROW_ROLE).name)

    def _on_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if index.isValid():
            self.menu_requested.emit(index.data(ROW_ROLE).name, self.view.viewport().mapToGlobal(place))


class JobLists(QWidget):
    """All three lists with one filter; selecting a job in one of them deselects it in the others."""

    job_selected = Signal(str)
    job_activated = Signal(str)
    menu_requested = Signal(str, QPoint)

    def __init__(
        self, parent: QWidget | None = None, *, orientation: Qt.Orientation = Qt.Orientation.Horizontal
    ) -> None:
        super().__init__(parent)
        self.setObjectName("job_lists")
        self.finished = JobListView("Finished jobs", "Finished jobs appear here", self)
        self.running = JobListView("Running jobs", "Nothing is running", self, newest_first=False)
        self.scheduled = JobListView("Scheduled jobs", "Nothing is scheduled", self, newest_first=False)
        self.filter_line = QLineEdit(self)
        self.filter_line.setObjectName("jobs_filter")
        self.filter_line.setPlaceholderText("Filter jobs by name, alias, type, status or tag")
        self.filter_line.setClearButtonEnabled(True)
        self.filter_line.setAcceptDrops(False)
        self._search_action = self.filter_line.addAction(
            glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.order_button = QToolButton(self)
        self.order_button.setObjectName("jobs_order")
        self.order_button.setText("A–Z")
        self.order_button.setCheckable(True)
        self.order_button.setToolTip("Order finished jobs alphabetically instead of newest first")
        style.set_role(self.order_button, "button")
        self.order_button.toggled.connect(
            lambda on: self.set_order("alphabetical" if on else "chronological")
        )
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(self.filter_line, 1)
        top.addWidget(self.order_button)
        waiting = QSplitter(Qt.Orientation.Vertical, self)
        both = QSplitter(orientation, self)
        for splitter in (waiting, both):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(style.SMALL)
        waiting.addWidget(self.running)
        waiting.addWidget(self.scheduled)
        both.addWidget(self.finished)
        both.addWidget(waiting)
        both.setSizes([500, 500])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addLayout(top)
        layout.addWidget(both, 1)
        for view in self.views():
            self.filter_line.textChanged.connect(view.set_filter)
            view.job_selected.connect(lambda name, view=view: self._on_selected(name, view))
            view.job_activated.connect(self.job_activated)
            view.menu_requested.connect(self.menu_requested)
        style.ThemeWatcher(self, lambda: self._search_action.setIcon(glyphs.glyph_icon("search")))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold empty lists where there is little height."""
        super().resizeEvent(event)
        for view in (self.running, self.scheduled):
            view.set_low(self.height() < _LOW)

    def views(self) -> tuple[JobListView, JobListView, JobListView]:
        """Return the three lists."""
        return self.finished, self.running, self.scheduled

    def set_rows(self, rows: Sequence[JobRow]) -> None:
        """Show the jobs of a project, each in the list of its status."""
        sorted_rows: dict[str, list[JobRow]] = {"running": [], "scheduled": [], "finished": []}
        for row in rows:
            sorted_rows[_LISTS.get(row.status.lower(), "finished")].append(row)
        name = self.selected()
        self.finished.set_rows(sorted_rows["finished"])
        self.running.set_rows(sorted_rows["running"])
        self.scheduled.set_rows(sorted_rows["scheduled"])
        if name is not None and self.selected() is None:
            # the job went from one list to another
            self.select(name)

    def set_details(self, details: Mapping[str, str]) -> None:
        """Add lines to the explanations of jobs, by their names."""
        for view in self.views():
            view.model.set_details(details)

    def set_order(self, order: Order) -> None:
        """Order the finished jobs; the others stay in the order in which they started."""
        self.order_button.setChecked(order == "alphabetical")
        self.finished.set_order(order)

    def selected(self) -> str | None:
        """Return the name of the selected job."""
        return next((name for view in self.views() if (name := view.selected()) is not None), None)

    def select(self, name: str | None) -> None:
        """Select a job without announcing it; None selects nothing."""
        for view in self.views():
            view.select(name, quiet=True)

    def _on_selected(self, name: str, chosen: JobListView) -> None:
        for view in self.views():
            if view is not chosen:
                view.select(None, quiet=True)
        self.job_selected.emit(name)
