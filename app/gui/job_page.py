"""The centre of the window: what job is shown, its form, and the buttons that start it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.convert import queue_note, queue_sentence, shown_status
from app.gui.foreign_job import ForeignJobView
from app.gui.news import JobDetails
from app.gui.result_bar import ResultBar
from app.runner.checks import find_problems
from jobs.core.declaration import JobOptions, JobType
from jobs.core.errors import Problem, UserError
from widgets import glyphs, style
from widgets.fields import GpuChoice
from widgets.form import JobForm, NodeSource
from widgets.path_field import PathEditor
from widgets.status_badge import StatusBadge

#: Tab of the options which the original programs have on their command line only.
ADVANCED = "Advanced"


class JobPage(QWidget):
    """A new job or one of the lists.

    As in RELION, a form keeps its fields when its type is clicked, and shows those of a job that is clicked.
    The start button is active again once something has changed.

    Signals
    -------
    run_requested, schedule_requested, command_requested, log_requested
        The buttons.
    state_changed
        Whether the job may be started has changed.
    """

    run_requested = Signal()
    schedule_requested = Signal()
    command_requested = Signal()
    log_requested = Signal()
    state_changed = Signal()

    def __init__(
        self,
        types: Sequence[JobType],
        parent: QWidget | None = None,
        *,
        node_source: NodeSource | None = None,
        gpus: Callable[[], Sequence[GpuChoice]] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("job_page")
        self._types = {job_type.key: job_type for job_type in types}
        self._node_source = node_source
        self._gpus = gpus
        self._forms: dict[str, JobForm] = {}
        self._project_dir: Path | None = None
        self._readonly = False
        self._defaults: dict[str, Mapping[str, str]] = {}
        self._touched = False
        self._advanced = True
        self._lacks_task = ""
        self._overwrite = False
        self._busy = False
        self._changed_since_start = True
        self.job_type: JobType | None = None
        self.details: JobDetails | None = None
        self.room_of: Callable[[str], str] = lambda _name: ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.MEDIUM)
        layout.setSpacing(style.SMALL)
        layout.addLayout(self._make_header())
        layout.addWidget(self._make_reason())
        self.result = ResultBar()
        layout.addWidget(self.result)
        self._stack = QStackedWidget()
        self.foreign = ForeignJobView()
        self._stack.addWidget(self.foreign)
        layout.addWidget(self._stack, 1)
        layout.addLayout(self._make_buttons())
        style.ThemeWatcher(self, self._refresh)

    # -- building ------------------------------------------------------------------------------------------

    def _make_header(self) -> QHBoxLayout:
        self._title = QLabel()
        self._title.setObjectName("job_title")
        style.set_role(self._title, "heading")
        self._subtitle = QLabel()
        self._subtitle.setObjectName("job_subtitle")
        style.set_role(self._subtitle, "muted")
        self._badge = StatusBadge()
        self.alias = QLineEdit()
        self.alias.setObjectName("alias")
        self.alias.setPlaceholderText("Alias (optional)")
        self.alias.setToolTip("A name for the job, shown in the lists in place of its number")
        self.alias.setMaximumWidth(170)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._title)
        words.addWidget(self._subtitle)
        row = QHBoxLayout()
        row.setSpacing(style.MEDIUM)
        row.addLayout(words, 1)
        row.addWidget(self.alias, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _make_reason(self) -> QFrame:
        self._reason = QFrame()
        self._reason.setObjectName("job_reason")
        style.set_role(self._reason, "bar-error")
        self._reason_icon = QLabel()
        self._reason_text = QLabel(wordWrap=True)
        self._reason_text.setObjectName("job_reason_text")
        self._reason_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        show = QPushButton("Show log")
        show.setObjectName("job_show_log")
        show.clicked.connect(self.log_requested)
        row = QHBoxLayout(self._reason)
        row.setContentsMargins(style.SMALL, style.TIGHT, style.SMALL, style.TIGHT)
        row.addWidget(self._reason_icon)
        row.addWidget(self._reason_text, 1)
        row.addWidget(show)
        return self._reason

    def _make_buttons(self) -> QHBoxLayout:
        self.schedule_button = QPushButton("Schedule")
        self.schedule_button.setObjectName("schedule_button")
        self.schedule_button.clicked.connect(self.schedule_requested)
        self.command_button = QPushButton("Check command")
        self.command_button.setObjectName("command_button")
        self.command_button.clicked.connect(self.command_requested)
        self.run_button = QPushButton("Run!")
        self.run_button.setObjectName("run_button")
        self.run_button.setMinimumWidth(120)
        style.set_role(self.run_button, "primary")
        self.run_button.clicked.connect(self.run_requested)
        self._why = QLabel(wordWrap=True)
        self._why.setObjectName("why_not_run")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        style.set_role(self._why, "caption")
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        row.addWidget(self.schedule_button)
        row.addWidget(self.command_button)
        row.addWidget(self._why, 1)
        row.addWidget(self.run_button)
        return row

    # -- what is shown -------------------------------------------------------------------------------------

    def set_project(self, project_dir: Path | None, *, readonly: bool = False) -> None:
        """Forget what belongs to another project; paths are relative to this one from now on."""
        self._project_dir = project_dir
        self._readonly = readonly
        self.details = None
        self.job_type = None
        self._defaults = {}
        self._touched = False
        for form in self._forms.values():
            for row in form.rows.values():
                if isinstance(row.editor, PathEditor):
                    row.editor.set_project(project_dir, self._node_source)
            form.reset()
        self._touched = False

    def set_defaults(self, defaults: Mapping[str, Mapping[str, str]]) -> None:
        """Begin new jobs with the settings last used; forms that were touched already stay."""
        self._defaults = dict(defaults)
        for key, values in self._defaults.items():
            if key in self._forms and not self._touched and self.details is None:
                self._forms[key].set_values(values)
                self._touched = False

    def form(self, key: str) -> JobForm:
        """Return the form of a job type, made at its first use."""
        if key not in self._forms:
            form = JobForm(
                self._types[key],
                node_source=self._node_source,
                project_dir=self._project_dir,
                gpus=self._gpus,
            )
            if key in self._defaults:
                form.set_values(self._defaults[key])
            form.changed.connect(self._on_changed)
            form.problems_changed.connect(lambda _problems: self._refresh())
            form.show_tab(ADVANCED, self._advanced)
            self._forms[key] = form
            self._stack.addWidget(form)
        return self._forms[key]

    def set_advanced(self, shown: bool) -> None:
        """Show the tabs with options for advanced use, or not."""
        self._advanced = shown
        for form in self._forms.values():
            form.show_tab(ADVANCED, shown)

    @property
    def current_form(self) -> JobForm | None:
        """The form shown, None while another program's job is."""
        return self.form(self.job_type.key) if self.job_type is not None else None

    def show_new(self, key: str, values: Mapping[str, str] | None = None) -> None:
        """Show a new job of a type; the fields keep what they hold, unless values are given."""
        form = self.form(key)
        self.job_type = self._types[key]
        self.details = None
        self._overwrite = False
        self.alias.clear()
        if values is not None:
            form.set_values(values)
        form.set_mode("new")
        form.set_validator(self._validator(None))
        self._changed_since_start = True
        self._stack.setCurrentWidget(form)
        self._refresh()

    def show_job(self, details: JobDetails, *, just_started: bool = False, keep_fields: bool = False) -> None:
        """Show a job of the lists, loaded for continuation.

        Parameters
        ----------
        details
            The job.
        just_started
            It was started from this form: the start button waits for a change.
        keep_fields
            Only its state has changed: what was typed meanwhile stays.
        """
        before = self.details.entry if self.details is not None else None
        same = before is not None and before.name == details.entry.name
        ended = same and before is not None and before.status == "Running"
        if ended and details.entry.status in ("Failed", "Aborted"):
            self._changed_since_start = True  # unfinished work can be taken up as it stands
        if same and before is not None and before.place and details.entry.status == "Scheduled":
            self._changed_since_start = self._changed_since_start or not details.entry.place
        self.details = details
        self.alias.setText(details.entry.alias)
        if details.type_key is None:
            self.job_type = None
            self.foreign.show_job(details)
            self._stack.setCurrentWidget(self.foreign)
            self._refresh()
            return
        form = self.form(details.type_key)
        self.job_type = self._types[details.type_key]
        if not (keep_fields and same):
            form.set_values(details.values, reset=True)
            form.set_mode("continue", details.folder)
            form.set_validator(self._validator(details.entry.name))
            self._changed_since_start = not just_started
        else:
            # What a continuation needs may have been written meanwhile.
            form.check()
        self._stack.setCurrentWidget(form)
        self._refresh()

    def _validator(self, name: str | None) -> Callable[[JobOptions], list[Problem]] | None:
        job_type, project_dir = self.job_type, self._project_dir
        if job_type is None or project_dir is None:
            return None

        def validate(options: JobOptions) -> list[Problem]:
            problems = find_problems(project_dir, job_type, options, name=name)
            lacking = _lacks_task(job_type, options, project_dir / name) if name is not None else ""
            self._lacks_task = lacking
            # Nobody did anything wrong who has only opened a finished job: that is said at the button.
            return [problem for problem in problems if problem.message != lacking]

        return validate

    # -- starting ------------------------------------------------------------------------------------------

    @property
    def is_continue(self) -> bool:
        """Whether the start button continues a job; a scheduled one and one to overwrite begin anew."""
        return self.details is not None and not self._overwrite and self.details.entry.status != "Scheduled"

    def reason_text(self) -> str:
        """Return why the shown job ended badly, as it is read."""
        return self._reason_text.text()

    def set_overwrite(self, on: bool) -> None:
        """Let the start button run the shown job again from scratch, or continue it."""
        self._overwrite = on and self.details is not None
        form = self.current_form
        if form is not None and self.details is not None:
            form.set_mode("new" if self._overwrite else "continue", self.details.folder)
            form.set_validator(self._validator(None if self._overwrite else self.details.entry.name))
        self._changed_since_start = True
        self._refresh()

    @property
    def overwrites(self) -> bool:
        """Whether the start button would overwrite the shown job."""
        return self._overwrite

    def set_busy(self, busy: bool) -> None:
        """Keep the start buttons from being pressed twice while a start is under way."""
        self._busy = busy
        self._refresh()

    def options(self) -> JobOptions | None:
        """Return the options shown, None while a field can not be read."""
        form = self.current_form
        return form.options() if form is not None else None

    def hindrance(self) -> str:
        """Return why the shown job can not be started now, empty when it can."""
        form = self.current_form
        if form is None:
            return "Jobs of other programs are started there." if self.details else "Choose a job type."
        if self._readonly:
            return "The project is open for reading only."
        if self._busy:
            return "Starting…"
        if self.details is not None and self.details.entry.queued:
            return "The job waits in the cluster's queue; Abort takes it out."
        if self.details is not None and self.details.entry.status == "Running":
            return "The job is running."
        if self.details is not None and self.details.entry.place:
            return "The job waits in the queue; Abort takes it out."
        if self.is_continue and self._lacks_task:
            return "Set one of the tasks on the Tasks tab to Yes to continue."
        if not self._changed_since_start:
            return "Change something, or choose a job or type, to start again."
        return ""

    def can_run(self) -> bool:
        """Whether the start button is active; it also is when fields lack something, to lead there."""
        return not self.hindrance() and self.current_form is not None

    def started(self) -> None:
        """The job was started: the button waits for a change."""
        self._changed_since_start = False
        self._refresh()

    def _on_changed(self) -> None:
        self._changed_since_start = True
        self._touched = True
        self._refresh()

    def show_room(self) -> None:
        """Show the room the job takes, as it is known now."""
        if self.details is not None:
            self._refresh()

    # -- drawing -------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        details, job_type = self.details, self.job_type
        if details is not None:
            self._title.setText(details.entry.name.rstrip("/"))
            runs = f" · run {details.runs[-1].number}" if len(details.runs) > 1 else ""
            waits = queue_sentence(details.entry)
            parts = (f"{details.entry.title}{runs}", waits, self.room_of(details.entry.name))
            self._subtitle.setText(" · ".join(part for part in parts if part))
            self._badge.set_status(shown_status(details.entry), queue_note(details.entry))
        elif job_type is not None:
            self._title.setText(job_type.title)
            self._subtitle.setText("New job")
        self._badge.setVisible(details is not None)
        self.alias.setVisible(details is None or bool(details.entry.alias))
        self.alias.setReadOnly(details is not None)
        if job_type is not None:
            self._subtitle.setToolTip(job_type.summary)
        text = (details.trouble or details.reason) if details is not None else ""
        self._reason_text.setText(text)
        self._reason_icon.setPixmap(
            glyphs.glyph_pixmap("failure", style.colour("danger"), 18, self.devicePixelRatioF())
        )
        self._reason.setVisible(bool(text))
        self.result.show_details(details)
        self._draw_buttons()
        self.state_changed.emit()

    def _draw_buttons(self) -> None:
        hindrance = self.hindrance()
        if self._overwrite:
            text = "Overwrite!"
        elif self.details is None:
            text = "Run!"
        else:
            text = "Continue!" if self.is_continue else "Run now!"
        ours = self.job_type is not None
        self.run_button.setText(text)
        self.run_button.setEnabled(self.can_run())
        self.run_button.setToolTip(hindrance)
        self.schedule_button.setEnabled(self.can_run() and not self._overwrite)
        self.command_button.setEnabled(ours)
        for button in (self.run_button, self.schedule_button, self.command_button):
            button.setVisible(ours)
        self._why.setText(hindrance)


def _lacks_task(job_type: JobType, options: JobOptions, job_dir: Path) -> str:
    """Return the message with which a continuation is refused because no task is chosen, else nothing."""
    if any(task.switch and getattr(options, task.switch) for task in job_type.tasks):
        return ""
    try:
        job_type.task_for(options, True, job_dir)
    except UserError as error:
        return error.message
    return ""
