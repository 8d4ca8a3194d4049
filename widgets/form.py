"""The form of a job, made from its declaration: tabs of rows as RELION's users know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from jobs.core.declaration import JobOptions, JobType, Kind, OptionSpec, from_values, specs, tabs, to_text
from jobs.core.errors import Problem
from widgets import style
from widgets.background import Newest
from widgets.fields import (
    ChoiceEditor,
    Editor,
    GpuChoice,
    GpuEditor,
    NumberEditor,
    TextEditor,
    YesNoEditor,
)
from widgets.form_row import FormRow
from widgets.form_summary import FormSummary, mark_tab
from widgets.node_source import NodeCandidate, NodeSource
from widgets.path_field import PathEditor

Mode = Literal["new", "continue"]
Validator = Callable[[JobOptions], list[Problem]]

_PAGE_WIDTH = 900
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
        self._node_source = node_source
        self._validator = validator
        self._project_dir = project_dir
        self._gpus = gpus
        self._mode: Mode = "new"
        self._job_dir: Path | None = None
        self._unknown: dict[str, str] = {}
        self._touched: set[str] = set()
        self._revealed = False
        self._loading = False
        self._problems: list[Problem] = []
        self.rows: dict[str, FormRow] = {}
        self.tab_widget = QTabWidget(self)
        self.tab_widget.setObjectName("form_tabs")
        self.tab_widget.setDocumentMode(False)
        self._tab_names = tabs(job_type.options)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self.tab_widget, 1)
        self._summary = FormSummary(self)
        self._summary.show_requested.connect(self.reveal_problems)
        layout.addWidget(self._summary)
        self._checker = Newest(self._check, _CHECK_DELAY_MS, self)
        self._checker.answered.connect(self._on_checked)
        self._checker.failed.connect(self._on_check_failed)
        style.ThemeWatcher(self, self._show_problems)
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
            page, area = self._make_page(declared)
            page.setObjectName(f"page_{name}")
            self.tab_widget.addTab(area, name)
            own = [d for d in declared if d.tab == name]
            for number, spec in enumerate(own):
                self._make_row(spec, number, page)
                if number % _ROWS_AT_ONCE == _ROWS_AT_ONCE - 1:
                    yield number
            grid = page.layout()
            assert isinstance(grid, QGridLayout)
            grid.setRowStretch(2 * len(own), 1)
            yield len(own)
        self.reset()

    def _make_row(self, spec: OptionSpec, number: int, page: QWidget) -> None:
        editor = self._make_editor(spec, page)
        row = FormRow(spec, editor, page)
        if spec.when:
            row.label.setIndent(style.LARGE)
        grid = page.layout()
        assert isinstance(grid, QGridLayout)
        row.place(grid, number)
        editor.changed.connect(lambda name=spec.name: self._on_changed(name))
        self.rows[spec.name] = row

    def _make_page(self, declared: Sequence[OptionSpec]) -> tuple[QWidget, QScrollArea]:
        """Return an empty page and what it scrolls in; each part is made where it will stand."""
        area = QScrollArea(self.tab_widget.findChild(QStackedWidget))
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        holder = QWidget(area.viewport())
        style.set_role(holder, "page")
        page = QWidget(holder)
        style.set_role(page, "page")
        page.setMaximumWidth(_PAGE_WIDTH)
        grid = QGridLayout(page)
        grid.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        grid.setHorizontalSpacing(style.MEDIUM)
        grid.setVerticalSpacing(style.TIGHT)
        grid.setColumnStretch(1, 1)
        widest = max((style.text_width(self.font(), d.label) for d in declared), default=0)
        grid.setColumnMinimumWidth(0, min(widest + style.LARGE, 320))
        beside = QHBoxLayout(holder)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(page, 100)
        beside.addStretch(1)
        area.setWidget(holder)
        return page, area

    def _make_editor(self, spec: OptionSpec, page: QWidget) -> Editor:
        if spec.is_path:
            return PathEditor(
                spec,
                page,
                project_dir=self._project_dir,
                node_source=self._node_source,
                start_folder=lambda: self._job_dir,
            )
        if spec.kind is Kind.GPU:
            return GpuEditor(spec, page, gpus=self._gpus)
        kinds: dict[Kind, type[Editor]] = {
            Kind.INTEGER: NumberEditor,
            Kind.NUMBER: NumberEditor,
            Kind.YESNO: YesNoEditor,
            Kind.CHOICE: ChoiceEditor,
        }
        return kinds.get(spec.kind, TextEditor)(spec, page)

    # -- values --------------------------------------------------------------------------------------------

    def values(self) -> dict[str, str]:
        """Return what the form shows, in RELION's words, with unknown values that were loaded."""
        shown = {name: row.editor.text() for name, row in self.rows.items()}
        return {**self._unknown, **shown}

    def options(self) -> JobOptions | None:
        """Return the options, or None while a field holds something that can not be read."""
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
        self._touched.clear()
        self._revealed = False
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

    def set_validator(self, validator: Validator | None) -> None:
        """Check with another function from now on (another project or job)."""
        self._validator = validator
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
        return list(self._problems)

    def has_errors(self) -> bool:
        """Tell whether something shown keeps the job from starting."""
        return any(problem.severity == "error" for problem in self._problems)

    def set_problems(self, problems: Sequence[Problem]) -> None:
        """Show problems at their fields, on their tabs and in the summary."""
        self._problems = list(problems)
        self._show_problems()
        self.problems_changed.emit(self._problems)

    def reveal_problems(self) -> None:
        """Show also the problems of fields not filled in yet in full, and go to the first one."""
        self._revealed = True
        self._show_problems()
        for problem in sorted(self._problems, key=lambda p: p.severity != "error"):
            if problem.field in self.rows:
                self.focus_field(str(problem.field))
                return

    def _check(self, values: dict[str, str]) -> list[Problem]:
        options, problems = from_values(self.job_type.options, values)
        unread = {problem.field for problem in problems}
        if self._validator is not None:
            problems = problems + [
                p for p in self._validator(options) if p.field is None or p.field not in unread
            ]
        return problems

    def _on_checked(self, problems: list[Problem]) -> None:
        self.set_problems(problems)

    def _on_check_failed(self, error: BaseException) -> None:
        self.set_problems([Problem(f"The options could not be checked: {error}", severity="warning")])

    def _on_changed(self, name: str) -> None:
        if self._loading:
            return
        self._touched.add(name)
        if self.rows[name].spec.kind is Kind.YESNO:
            self._update_enabled()
        self.changed.emit()
        self.check()

    def _update_enabled(self) -> None:
        options, _problems = from_values(self.job_type.options, self.values())
        is_continue = self._mode == "continue"
        for row in self.rows.values():
            enabled = self.job_type.is_enabled(row.spec, options, is_continue)
            row.set_enabled(enabled, "" if enabled else self._why_grey(row.spec, is_continue))
            if not enabled:
                row.set_problem(None)

    def _why_grey(self, spec: OptionSpec, is_continue: bool) -> str:
        if spec.enabled == "new" and is_continue:
            return "Fixed when the job was started"
        if spec.enabled == "continue" and not is_continue:
            return "Available when a job is continued"
        switch = self.rows.get(spec.when)
        return f"Used when “{switch.spec.label.rstrip(':')}” is Yes" if switch is not None else ""

    # -- showing problems ----------------------------------------------------------------------------------

    def _is_gentle(self, problem: Problem) -> bool:
        """Nobody is scolded for a field that has not been filled in yet."""
        row = self.rows.get(problem.field or "")
        if row is None or self._revealed:
            return False
        return problem.field not in self._touched and not row.editor.text()

    def _show_problems(self) -> None:
        worst: dict[str, Problem] = {}
        for problem in self._problems:
            name = problem.field or ""
            if name in self.rows and (name not in worst or worst[name].severity == "warning"):
                worst[name] = problem
        for name, row in self.rows.items():
            found = worst.get(name)
            row.set_problem(found, gentle=found is not None and self._is_gentle(found))
        for index, tab in enumerate(self._tab_names):
            here = [row.problem for row in self.rows.values() if row.spec.tab == tab and row.problem]
            loud = [problem for problem in here if not self._is_gentle(problem)]
            mark_tab(self.tab_widget, index, loud)
            if loud:
                self.show_tab(tab, True)
        self._show_summary([row.problem for row in self.rows.values() if row.problem])

    def _show_summary(self, at_fields: list[Problem]) -> None:
        general = [problem for problem in self._problems if problem.field not in self.rows]
        loud = [problem for problem in at_fields if not self._is_gentle(problem)]
        needed = [p for p in at_fields if self._is_gentle(p) and p.severity == "error"]
        labels = [self.rows[str(problem.field)].spec.label.rstrip(":") for problem in needed]
        self._summary.show_state(general, loud, labels)

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
