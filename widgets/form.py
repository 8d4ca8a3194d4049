"""The form of a job, made from its declaration: tabs of rows as RELION's users know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QScrollArea, QTabWidget, QVBoxLayout, QWidget

from jobs.core.declaration import JobOptions, JobType, Kind, from_values, specs, tabs, to_text
from jobs.core.errors import Problem
from widgets import style
from widgets.background import Newest
from widgets.fields import GpuChoice
from widgets.form_page import FormPage, Surroundings
from widgets.form_problems import FormProblems
from widgets.form_row import FormRow
from widgets.form_state import notice_for, update_rows
from widgets.form_summary import FormSummary
from widgets.node_source import NodeCandidate, NodeSource

Mode = Literal["new", "continue"]
Validator = Callable[[JobOptions], list[Problem]]
#: Gives short texts beside fields, by the names of their options.
Describer = Callable[[JobOptions], Mapping[str, str]]

_CHECK_DELAY_MS = 250
#: So many rows take a few milliseconds to make.
_ROWS_AT_ONCE = 4


class JobForm(QWidget):
    """All options of a job type, validated while they are typed.

    Typing is never blocked: a wrong text stays, and the reason appears underneath a moment later. Checks run
    off the GUI thread. Every input widget carries the option's name as object name, its reason label is
    ``reason_<name>``, its help button ``help_<name>``.

    Parameters
    ----------
    job_type : JobType
        The declaration.
    node_source : NodeSource, optional
        Candidates for input nodes; without it those fields have Browse only.
    validator : callable, optional
        Checks complete options, for example ``lambda o: job_type.problems(o, context)``; called off the GUI
        thread.
    project_dir : Path, optional
        Folder to which paths are relative.
    gpus : callable, optional
        Returns the GPUs offered in the GPU field.
    at_once : bool
        Make all rows now; otherwise `build_more` has to be called until it returns False.
    """

    changed = Signal()
    problems_changed = Signal(object)

    def __init__(
        self,
        job_type: JobType,
        parent: QWidget | None = None,
        *,
        node_source: NodeSource | None = None,
        validator: Validator | None = None,
        project_dir: Path | None = None,
        gpus: Callable[[], Sequence[GpuChoice]] | None = None,
        at_once: bool = True,
    ) -> None:
        super().__init__(parent)
        self.job_type = job_type
        self.setObjectName(f"form_{job_type.key}")
        self._validator = validator
        self._surroundings = Surroundings(project_dir, node_source, lambda: self._job_dir, gpus)
        self._mode: Mode = "new"
        self._job_dir: Path | None = None
        self._unknown: dict[str, str] = {}
        self._loading = False
        self.rows: dict[str, FormRow] = {}
        self.pages: dict[str, FormPage] = {}
        self.tab_widget = QTabWidget(self)
        self.tab_widget.setObjectName("form_tabs")
        self.tab_widget.setDocumentMode(False)
        self._tab_names = tabs(job_type.options)
        self._has_dependents = any(d.shown is not None or d.series for d in specs(job_type.options))
        self._left_out: set[str] = set()
        self._describer: Describer | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self.tab_widget, 1)
        self._summary = FormSummary(self)
        self._summary.show_requested.connect(self.reveal_problems)
        layout.addWidget(self._summary)
        self._problems = FormProblems(
            self.rows, self.tab_widget, self._tab_names, self._summary, self.show_tab
        )
        self._checker = Newest(self._check, _CHECK_DELAY_MS, self)
        self._checker.answered.connect(self._on_checked)
        self._checker.failed.connect(self._on_check_failed)
        style.ThemeWatcher(self, self._problems.show)
        self._steps = self._build()
        while at_once and self.build_more():
            pass

    # -- building ------------------------------------------------------------------------------------------

    def build_more(self) -> bool:
        """Make some more rows; returns False when the form is complete."""
        return next(self._steps, None) is not None

    def _build(self) -> Iterator[int]:
        """Make the pages row by row; stands still after every few rows, for the window has more to do."""
        declared = specs(self.job_type.options)
        for name in self._tab_names:
            page = self.pages[name] = FormPage(name, declared, self.tab_widget)
            self.tab_widget.addTab(page, name)
            own = [d for d in declared if d.tab == name]
            for number, spec in enumerate(own):
                row = self.rows[spec.name] = page.add_row(spec, self._surroundings)
                row.editor.changed.connect(lambda name=spec.name: self._on_changed(name))
                if number % _ROWS_AT_ONCE == _ROWS_AT_ONCE - 1:
                    yield number
            page.finish()
            yield len(own)
        self.reset()

    # -- values --------------------------------------------------------------------------------------------

    def values(self) -> dict[str, str]:
        """Return what the form shows, in RELION's words, with unknown values that were loaded."""
        shown = {name: row.editor.text() for name, row in self.rows.items()}
        return {**self._unknown, **shown}

    def options(self) -> JobOptions | None:
        """Return the options, or None while a field holds something that cannot be read."""
        options, problems = from_values(self.job_type.options, self.values())
        return None if any(problem.severity == "error" for problem in problems) else options

    def set_values(self, values: Mapping[str, str], *, reset: bool = False) -> None:
        """Show values, for example those of a ``job.star``.

        Parameters
        ----------
        values : mapping
            Option name to text; names nobody knows are kept aside and given back by `values`.
        reset : bool
            Set options that are not in `values` to their defaults instead of keeping what is shown.
        """
        self._loading = True
        for name, row in self.rows.items():
            if name in values:
                row.editor.set_text(values[name])
            elif reset:
                row.editor.set_text(to_text(row.spec, row.spec.default))
        self._loading = False
        if reset:
            self._unknown = {}
        self._unknown |= {name: text for name, text in values.items() if name not in self.rows}
        self._problems.forget_touch()
        self._update_enabled()
        self.changed.emit()
        self.check()

    def reset(self) -> None:
        """Set every option to its default."""
        self.set_values({}, reset=True)

    @property
    def mode(self) -> Mode:
        """Whether a new job is made or one is continued."""
        return self._mode

    def set_mode(self, mode: Mode, job_dir: Path | None = None) -> None:
        """Choose between a new job and the continuation of the one in `job_dir`."""
        self._mode = mode
        self._job_dir = job_dir
        self._update_enabled()
        self.check()

    def set_validator(self, validator: Validator | None, describer: Describer | None = None) -> None:
        """Check and describe with other functions from now on (another project or job)."""
        self._validator, self._describer = validator, describer
        self.check()

    def show_tab(self, name: str, shown: bool) -> None:
        """Show or hide a tab; a field on it that needs attention brings it back."""
        if name in self._tab_names:
            self.tab_widget.setTabVisible(self._tab_names.index(name), shown)

    def focus_field(self, name: str) -> None:
        """Show the tab of a field, scroll to it and give it the focus."""
        row = self.rows.get(name)
        if row is None:
            return
        self.show_tab(row.spec.tab, True)
        self.tab_widget.setCurrentIndex(self._tab_names.index(row.spec.tab))
        area = self.tab_widget.currentWidget()
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(row.editor)
        row.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- checking ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check what is shown, soon."""
        self._checker.request(self.values())

    @property
    def checking(self) -> bool:
        """Whether the answer of a check is still to come."""
        return self._checker.pending

    def problems(self) -> list[Problem]:
        """Return the problems shown."""
        return list(self._problems.found)

    def has_errors(self) -> bool:
        """Tell whether something shown keeps the job from starting."""
        return self._problems.has_errors()

    def set_problems(self, problems: Sequence[Problem]) -> None:
        """Show problems at their fields, on their tabs and in the summary."""
        self._problems.found = list(problems)
        self._problems.show()
        self.problems_changed.emit(self._problems.found)

    def reveal_problems(self) -> None:
        """Show also the problems of fields not filled in yet in full, and go to the first one."""
        name = self._problems.reveal()
        if name is not None:
            self.focus_field(name)

    def _check(self, values: dict[str, str]) -> tuple[list[Problem], Mapping[str, str]]:
        options, problems = from_values(self.job_type.options, values)
        unread = {problem.field for problem in problems}
        if self._validator is not None:
            problems = problems + [
                p for p in self._validator(options) if p.field is None or p.field not in unread
            ]
        return problems, self._describer(options) if self._describer is not None else {}

    def _on_checked(self, found: tuple[list[Problem], Mapping[str, str]]) -> None:
        problems, captions = found
        self.set_problems(problems)
        for name, row in self.rows.items():
            row.set_caption(captions.get(name, ""))

    def _on_check_failed(self, error: BaseException) -> None:
        self.set_problems([Problem(f"The options could not be checked: {error}", severity="warning")])

    def _on_changed(self, name: str) -> None:
        if self._loading:
            return
        self._problems.touch(name)
        if self._has_dependents or self.rows[name].spec.kind is Kind.YESNO:
            self._update_enabled()
        self.changed.emit()
        self.check()

    def _update_enabled(self) -> None:
        options, _problems = from_values(self.job_type.options, self.values())
        is_continue = self._mode == "continue"
        update_rows(self.job_type, self.rows, options, is_continue=is_continue)
        for name, page in self.pages.items():
            page.show_notice(notice_for(page, is_continue))
            left_out = bool(page.rows) and not any(row.shown for row in page.rows)
            if left_out or name in self._left_out:
                self.tab_widget.setTabVisible(self._tab_names.index(name), not left_out)
            (self._left_out.add if left_out else self._left_out.discard)(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F1 explains the field that has the focus."""
        focus = self.window().focusWidget()
        if event.key() == Qt.Key.Key_F1 and focus is not None:
            for row in self.rows.values():
                if row.editor is focus or row.editor.isAncestorOf(focus):
                    row.show_help()
                    return
        super().keyPressEvent(event)


__all__ = ["GpuChoice", "JobForm", "Mode", "NodeCandidate", "NodeSource", "Validator"]
