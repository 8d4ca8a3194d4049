"""The centre of the window: what job is shown, its form, and the buttons that start it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.gui.foreign_job import ForeignJobView
from app.gui.job_checks import job_describer, job_validator
from app.gui.job_forms import JobForms
from app.gui.job_header import JobHeader, ReasonBar
from app.gui.news import JobDetails
from app.gui.result_bar import ResultBar
from app.gui.start_buttons import StartButtons
from jobs.core.declaration import JobOptions, JobType
from widgets import style
from widgets.fields import GpuChoice
from widgets.form import JobForm, NodeSource


class JobPage(QWidget):
    """A new job or one of the lists.

    As in RELION, a form keeps its fields when its type is clicked, and shows those of a job that is clicked.
    The start button is active again once something has changed.

    Signals
    -------
    run_requested, rehearsal_requested, schedule_requested, command_requested, log_requested
        The buttons.
    state_changed
        Whether the job may be started has changed.
    """

    run_requested = Signal()
    rehearsal_requested = Signal()
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
        self._project_dir: Path | None = None
        self._readonly = False
        self._touched = False
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
        self.header = JobHeader()
        self.alias = self.header.alias
        layout.addWidget(self.header)
        self._reason = ReasonBar()
        self._reason.log_requested.connect(self.log_requested)
        layout.addWidget(self._reason)
        self.result = ResultBar()
        layout.addWidget(self.result)
        self._stack = QStackedWidget()
        self.foreign = ForeignJobView()
        self._stack.addWidget(self.foreign)
        layout.addWidget(self._stack, 1)
        self._forms = JobForms(types, self._stack, node_source, gpus)
        self._forms.changed.connect(self._on_changed)
        self._forms.problems_changed.connect(self._refresh)
        buttons = self._buttons = StartButtons()
        self.run_button, self.schedule_button = buttons.run, buttons.schedule
        self.command_button = buttons.command
        buttons.run_requested.connect(self.run_requested)
        buttons.schedule_requested.connect(self.schedule_requested)
        buttons.command_requested.connect(self.command_requested)
        buttons.rehearsal_requested.connect(self.rehearsal_requested)
        layout.addWidget(buttons)
        style.ThemeWatcher(self, self._refresh)

    # -- what is shown -------------------------------------------------------------------------------------

    def set_project(self, project_dir: Path | None, *, readonly: bool = False) -> None:
        """Forget what belongs to another project; paths are relative to this one from now on."""
        self._project_dir = project_dir
        self._readonly = readonly
        self.details = None
        self.job_type = None
        self._forms.set_project(project_dir)
        self._touched = False

    def set_defaults(self, defaults: Mapping[str, Mapping[str, str]]) -> None:
        """Begin new jobs with the settings last used; forms that were touched already stay."""
        self._forms.defaults = dict(defaults)
        for key, values in self._forms.defaults.items():
            if key in self._forms and not self._touched and self.details is None:
                self._forms[key].set_values(values)
                self._touched = False

    def form(self, key: str) -> JobForm:
        """Return the form of a job type, made at its first use unless that was prepared."""
        return self._forms[key]

    def set_advanced(self, shown: bool) -> None:
        """Show the tabs with options for advanced use, or not."""
        self._forms.set_advanced(shown)

    @property
    def current_form(self) -> JobForm | None:
        """The form shown, None while another program's job is."""
        return self.form(self.job_type.key) if self.job_type is not None else None

    def show_new(self, key: str, values: Mapping[str, str] | None = None) -> None:
        """Show a new job of a type; the fields keep what they hold, unless values are given."""
        form = self.form(key)
        self.job_type = self._types[key]
        if self.details is not None:
            # what a job was rehearsed with is wanted again; that it was a rehearsal is not
            form.set_values({t.switch: "No" for t in self.job_type.rehearsals if t.switch})
        self.details = None
        self._overwrite = False
        self.alias.clear()
        if values is not None:
            form.set_values(values)
        form.set_mode("new")
        self._watch(form, None)
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
            self._watch(form, details.entry.name)
            self._changed_since_start = not just_started
        else:
            # What a continuation needs may have been written meanwhile.
            form.check()
        self._stack.setCurrentWidget(form)
        self._refresh()

    def _watch(self, form: JobForm, name: str | None) -> None:
        """Let a form be checked as that of a new job, or of the one with this name."""
        job_type, project_dir = self.job_type, self._project_dir
        if job_type is None or project_dir is None:
            form.set_validator(None)
            return

        def keep(sentence: str) -> None:
            self._lacks_task = sentence

        validator = job_validator(job_type, project_dir, name, keep)
        form.set_validator(validator, job_describer(job_type, project_dir))

    # -- starting ------------------------------------------------------------------------------------------

    @property
    def is_continue(self) -> bool:
        """Whether the start button continues a job; a scheduled one and one to overwrite begin anew."""
        return self.details is not None and not self._overwrite and self.details.entry.status != "Scheduled"

    def reason_text(self) -> str:
        """Return why the shown job ended badly, as it is read."""
        return self._reason.text()

    def set_overwrite(self, on: bool) -> None:
        """Let the start button run the shown job again from scratch, or continue it."""
        self._overwrite = on and self.details is not None
        form = self.current_form
        if form is not None and self.details is not None:
            form.set_mode("new" if self._overwrite else "continue", self.details.folder)
            self._watch(form, None if self._overwrite else self.details.entry.name)
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
        """Return the options shown, None while a field cannot be read."""
        form = self.current_form
        return form.options() if form is not None else None

    def hindrance(self) -> str:
        """Return why the shown job cannot be started now, empty when it can."""
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
        details = self.details
        room = self.room_of(details.entry.name) if details is not None else ""
        self.header.show_state(details, self.job_type, room)
        reason = (details.trouble or details.reason) if details is not None else ""
        self._reason.show_text(reason, gentle=details is not None and details.entry.status == "Aborted")
        self.result.show_details(details)
        self._draw_buttons()
        self.state_changed.emit()

    def _draw_buttons(self) -> None:
        if self._overwrite:
            text = "Overwrite!"
        elif self.details is None:
            text = "Run!"
        else:
            text = "Continue!" if self.is_continue else "Run now!"
        self._buttons.show_state(
            text,
            self.hindrance(),
            ours=self.job_type is not None,
            can_run=self.can_run(),
            overwrites=self._overwrite,
            rehearsals=self.job_type.rehearsals if self.job_type and self.details is None else (),
        )
