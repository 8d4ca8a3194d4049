"""What is wrong with a form, shown where it can be put right: at fields, on tabs and underneath."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtWidgets import QTabWidget

from jobs.core.errors import Problem
from widgets.form_row import FormRow
from widgets.form_summary import FormSummary, mark_tab


class FormProblems:
    """The problems of a form, and how loudly each is told.

    Parameters
    ----------
    rows : mapping
        The rows by the names of their options; may still grow.
    tab_widget : QTabWidget
        The tabs.
    tab_names : sequence of str
        Their names, in order.
    summary : FormSummary
        The line underneath.
    show_tab : callable
        Brings a hidden tab back.
    """

    def __init__(
        self,
        rows: Mapping[str, FormRow],
        tab_widget: QTabWidget,
        tab_names: Sequence[str],
        summary: FormSummary,
        show_tab: Callable[[str, bool], None],
    ) -> None:
        self._rows = rows
        self._tab_widget = tab_widget
        self._tab_names = tab_names
        self._summary = summary
        self._show_tab = show_tab
        self._touched: set[str] = set()
        self._revealed = False
        self.found: list[Problem] = []

    def forget_touch(self) -> None:
        """Other values were loaded: nobody has filled in anything yet."""
        self._touched.clear()
        self._revealed = False

    def touch(self, name: str) -> None:
        """Somebody has typed into a field."""
        self._touched.add(name)

    def reveal(self) -> str | None:
        """Show also the problems of fields not filled in yet in full; returns the first field at fault."""
        self._revealed = True
        self.show()
        for problem in sorted(self.found, key=lambda p: p.severity != "error"):
            if self._has_place(problem):
                return str(problem.field)
        return None

    def _has_place(self, problem: Problem) -> bool:
        """Whether there is a field at which it can be shown; one that is left out is none."""
        return problem.field in self._rows and self._rows[str(problem.field)].shown

    def has_errors(self) -> bool:
        """Tell whether something keeps the job from starting."""
        return any(problem.severity == "error" for problem in self.found)

    def show(self) -> None:
        """Show everything as it is known now."""
        worst: dict[str, Problem] = {}
        for problem in self.found:
            name = problem.field or ""
            if name in self._rows and (name not in worst or worst[name].severity == "warning"):
                worst[name] = problem
        for name, row in self._rows.items():
            found = worst.get(name)
            row.set_problem(found, gentle=found is not None and self._is_gentle(found))
        for index, tab in enumerate(self._tab_names):
            here = [row.problem for row in self._rows.values() if row.spec.tab == tab and row.problem]
            loud = [problem for problem in here if not self._is_gentle(problem)]
            mark_tab(self._tab_widget, index, loud)
            if loud:
                self._show_tab(tab, True)
        self._show_summary([row.problem for row in self._rows.values() if row.problem])

    def _is_gentle(self, problem: Problem) -> bool:
        """Nobody is scolded for a field that has not been filled in yet."""
        row = self._rows.get(problem.field or "")
        if row is None or self._revealed:
            return False
        return problem.field not in self._touched and not row.editor.text()

    def _show_summary(self, at_fields: list[Problem]) -> None:
        general = [problem for problem in self.found if not self._has_place(problem)]
        loud = [problem for problem in at_fields if not self._is_gentle(problem)]
        needed = [p for p in at_fields if self._is_gentle(p) and p.severity == "error"]
        labels = [self._rows[str(problem.field)].spec.label.rstrip(":") for problem in needed]
        self._summary.show_state(general, loud, labels)
