"""The forms of all job types: made a few rows at a time while nobody waits, or at once when one is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QStackedWidget

from jobs.core.declaration import JobType
from widgets.fields import GpuChoice
from widgets.form import JobForm, NodeSource
from widgets.path_field import PathEditor

#: Tab of the options which the original programs have on their command line only.
ADVANCED = "Advanced"
#: When forms begin to be made in advance, and the pause between two steps (ms).
_DELAY_MS, _PAUSE_MS = 400, 20


class JobForms(QObject):
    """Makes and keeps one form per job type, on the pages of a stack.

    Signals
    -------
    changed, problems_changed
        Something was typed into a form, or its problems are other ones.
    """

    changed = Signal()
    problems_changed = Signal()

    def __init__(
        self,
        types: Sequence[JobType],
        stack: QStackedWidget,
        node_source: NodeSource | None,
        gpus: Callable[[], Sequence[GpuChoice]] | None,
    ) -> None:
        super().__init__(stack)
        self._types = {job_type.key: job_type for job_type in types}
        self._stack = stack
        self._node_source = node_source
        self._gpus = gpus
        self._project_dir: Path | None = None
        self._advanced = True
        self._forms: dict[str, JobForm] = {}
        self._growing: dict[str, JobForm] = {}
        self._stale: set[str] = set()
        self.defaults: dict[str, Mapping[str, str]] = {}
        self._timer = QTimer(self, interval=_PAUSE_MS)
        self._timer.timeout.connect(self._grow)
        QTimer.singleShot(_DELAY_MS, self._timer, self._timer.start)

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a form of this type, and it shows this project."""
        return key in self._forms and key not in self._stale

    def __getitem__(self, key: str) -> JobForm:
        if key not in self._forms:
            form = self._begun(key)
            while form.build_more():
                pass
            self._complete(key)
        if key in self._stale:
            self._renew(key)
        return self._forms[key]

    def _grow(self) -> None:
        """Take one step towards the forms that there are not yet, or that show another project."""
        if self._stale:
            self._renew(next(iter(self._stale)))
            return
        key = next((key for key in self._types if key not in self._forms), None)
        if key is None:
            self._timer.stop()
        elif not self._begun(key).build_more():
            self._complete(key)

    def _begun(self, key: str) -> JobForm:
        if key not in self._growing:
            # made where it will stand: moved there, all its parts would be styled once more
            self._growing[key] = JobForm(
                self._types[key],
                self._stack,
                node_source=self._node_source,
                project_dir=self._project_dir,
                gpus=self._gpus,
                at_once=False,
            )
            self._growing[key].hide()
        return self._growing[key]

    def _complete(self, key: str) -> None:
        form = self._forms[key] = self._growing.pop(key)
        self._set_project(form)
        if key in self.defaults:
            form.set_values(self.defaults[key])
        form.changed.connect(self.changed)
        form.problems_changed.connect(lambda _problems: self.problems_changed.emit())
        form.show_tab(ADVANCED, self._advanced)
        self._stack.addWidget(form)

    def set_project(self, project_dir: Path | None) -> None:
        """Empty all forms, soon or when they are wanted; their paths are relative to another project then."""
        self._project_dir = project_dir
        self.defaults = {}
        self._stale = set(self._forms)
        QTimer.singleShot(_DELAY_MS, self._timer, self._timer.start)

    def _renew(self, key: str) -> None:
        self._stale.discard(key)
        form = self._forms[key]
        self._set_project(form)
        form.blockSignals(True)  # nobody has changed anything
        form.set_values(self.defaults.get(key, {}), reset=True)
        form.blockSignals(False)

    def _set_project(self, form: JobForm) -> None:
        for row in form.rows.values():
            if isinstance(row.editor, PathEditor):
                row.editor.set_project(self._project_dir, self._node_source)

    def set_advanced(self, shown: bool) -> None:
        """Show the tabs with options for advanced use, or not."""
        self._advanced = shown
        for form in self._forms.values():
            form.show_tab(ADVANCED, shown)
