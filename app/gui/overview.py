"""What one sees first of a job: how it went, what it found, how it was made, and what can be done next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTabWidget, QVBoxLayout, QWidget

from app.gui.convert import queue_note, queue_sentence, shown_status
from app.gui.news import JobDetails, JobEntry
from app.gui.overview_options import Comparison, Parameters
from app.gui.overview_origin import Origin
from app.gui.overview_steps import advice_for
from app.gui.overview_summary import Summary
from app.project.disk_use import JobUse
from app.provenance.story import Story, gather
from widgets import style
from widgets.background import Newest
from widgets.elided_label import ElidedLabel
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.status_badge import StatusBadge

#: A running job is looked at again after this time (ms).
_PERIOD_MS = 5000
_NARROW = 720


@dataclass(frozen=True)
class _Wanted:
    project_dir: Path
    name: str
    status: str
    producers: tuple[tuple[str, str], ...]
    nodes: tuple[str, ...]


def _gather(wanted: _Wanted) -> Story:
    """Read the job's folder, beside the window."""
    return gather(wanted.project_dir, wanted.name, wanted.status, dict(wanted.producers), wanted.nodes)


class Overview(QWidget):
    """The first pane of a job.

    Signals
    -------
    asked
        A button: ``explore``, ``monitor``, ``log``, ``form``, ``abort``, ``clone``, ``methods``,
        ``report`` or ``task:NAME``.
    job_chosen
        Another job shall be shown.
    told
        The story of the job is there, or has changed.
    """

    asked = Signal(str)
    job_chosen = Signal(str)
    told = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview")
        self._project_dir: Path | None = None
        self._details: JobDetails | None = None
        self._entries: Mapping[str, JobEntry] = {}
        self.use_of: Callable[[str], JobUse | None] = lambda _name: None
        self.story: Story | None = None
        self._reader = Newest(_gather, 20, self)
        self._reader.answered.connect(self._take)
        self._reader.failed.connect(self._miss)
        self._timer = QTimer(self, interval=_PERIOD_MS)
        self._timer.timeout.connect(self._look_again)
        self.summary = Summary()
        self.summary.asked.connect(self.asked)
        self.parameters = Parameters()
        self.comparison = Comparison()
        self.origin = Origin()
        self.origin.job_chosen.connect(self.job_chosen)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("overview_tabs")
        for title, part in (
            ("Summary", self.summary),
            ("Parameters", self.parameters),
            ("Compare", self.comparison),
            ("Commands and inputs", self.origin),
        ):
            self.tabs.addTab(part, title)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.MEDIUM)
        column.setSpacing(style.SMALL)
        column.addLayout(self._make_header())
        column.addWidget(self.tabs, 1)
        self.empty = EmptyState("info", "No job is chosen", "Choose one in the lists to see how it went.")
        self.stack = WithEmptyState(page, self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)

    def _make_header(self) -> QHBoxLayout:
        self.title = ElidedLabel()
        self.title.setObjectName("overview_title")
        style.set_role(self.title, "heading")
        self.subtitle = ElidedLabel()
        style.set_role(self.subtitle, "muted")
        self.badge = StatusBadge()
        self.methods = QPushButton("Copy methods text")
        self.methods.setObjectName("overview_methods")
        self.methods.setToolTip(
            "Sentences for a methods section: what was done, settings, versions, citation"
        )
        self.methods.clicked.connect(lambda: self.asked.emit("methods"))
        self.report = QPushButton("Report…")
        self.report.setObjectName("overview_report")
        self.report.setToolTip(
            "A web page with plots, maps, parameters and methods text, opened in the browser"
        )
        self.report.clicked.connect(lambda: self.asked.emit("report"))
        self.clone = QPushButton("Clone job")
        self.clone.setObjectName("overview_clone")
        self.clone.setToolTip("A new job with the same settings")
        self.clone.clicked.connect(lambda: self.asked.emit("clone"))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.subtitle)
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        row.addLayout(words, 1)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addSpacing(style.SMALL)
        row.addWidget(self.methods)
        row.addWidget(self.report)
        row.addWidget(self.clone)
        return row

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little width, the name of the job needs it more."""
        super().resizeEvent(event)
        self.methods.setText("Methods" if self.width() < _NARROW else "Copy methods text")

    def show_job(
        self,
        project_dir: Path | None,
        details: JobDetails | None,
        entries: Mapping[str, JobEntry],
        *,
        explorable: bool,
        writable: bool,
    ) -> None:
        """Show a job at once as far as it is known; its story follows from beside the window."""
        before = self._details.entry.name if self._details is not None else ""
        self._project_dir, self._details, self._entries = project_dir, details, entries
        if details is None or project_dir is None:
            self.story = None
            self._reader.cancel()
            self._timer.stop()
            self.stack.show_empty(True)
            return
        entry = details.entry
        if entry.name != before:
            self.story = None
            self.summary.show_story(Story(entry.name, entry.status))
            self.summary.verticalScrollBar().setValue(0)
        waits = queue_sentence(entry)
        parts = [entry.alias, entry.title, waits]
        self.title.setText(entry.name.rstrip("/"))
        self.subtitle.setText(" · ".join(part for part in parts if part))
        self.badge.set_status(shown_status(entry), queue_note(entry))
        ours = details.type_key is not None
        self.methods.setVisible(ours)
        self.methods.setEnabled(self.story is not None and bool(self.story.methods))
        self.clone.setVisible(ours)
        self.clone.setEnabled(writable)
        self.summary.show_details(details, advice_for(details, explorable=explorable, writable=writable))
        self.show_room()
        self.stack.show_empty(False)
        if entry.status == "Running":
            self._timer.start()
        else:
            self._timer.stop()
        self._look()

    def show_room(self) -> None:
        """Show the room the job takes, as it is known now."""
        if self._details is not None:
            self.summary.show_room(self.use_of(self._details.entry.name))

    def _look(self) -> None:
        details, project_dir = self._details, self._project_dir
        if details is None or project_dir is None:
            return
        producers = tuple((line.path, line.jobs[0]) for line in details.inputs if line.jobs)
        nodes = tuple(line.path for line in details.inputs)
        self._reader.request(_Wanted(project_dir, details.entry.name, details.entry.status, producers, nodes))

    def _look_again(self) -> None:
        if not self.visibleRegion().isEmpty():
            self._look()

    def _take(self, story: Story) -> None:
        details, project_dir = self._details, self._project_dir
        if details is None or project_dir is None or story.name != details.entry.name:
            return
        self.story = story
        self.methods.setEnabled(bool(story.methods))
        self.summary.show_story(story)
        self.parameters.show_story(story)
        self.comparison.show_story(project_dir, story, self._entries)
        self.origin.show_story(project_dir, story)
        self.told.emit()

    def _miss(self, error: Exception) -> None:
        details = self._details
        if details is not None:
            trouble = str(error) or type(error).__name__
            self._take(Story(details.entry.name, details.entry.status, trouble=trouble))

    def compare_with(self, name: str = "") -> None:
        """Go to the comparison, with a certain job if one is given."""
        self.tabs.setCurrentWidget(self.comparison)
        if name:
            self.comparison.choose(name)
        else:
            self.comparison.other.setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Look at a running job at once when it comes to sight."""
        super().showEvent(event)
        if self._timer.isActive():
            if self.story is not None:
                self.summary.show_story(self.story)  # time has gone by, and looking takes a moment
            self._look()
