"""The options of all runs, and those of any two jobs beside one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.gui.news import JobEntry
from app.provenance.options import OptionLine, compare, options_of
from app.provenance.story import Story
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from widgets import style
from widgets.background import Newest
from widgets.choices import refill
from widgets.diff_table import DiffTable, ValueRow
from widgets.empty_state import EmptyState, WithEmptyState


class Parameters(QWidget):
    """Every option of every run, the ones that are not default first and marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview_parameters")
        self.table = DiffTable("Only what is not default", "{differ} of {all} are not default")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.MEDIUM, style.MEDIUM, style.MEDIUM)
        layout.addWidget(self.table)

    def show_story(self, story: Story) -> None:
        """Show the options of each run in a column of its own, and the defaults in the last."""
        runs = [run for run in story.runs if run.options]
        if not runs:
            own = any(line.default is not None for line in story.options)
            self.table.only.setVisible(own)
            self.table.set_rows(
                ["Value", "Default"] if own else ["Value"], [_plain_row(line, own) for line in story.options]
            )
            return
        self.table.only.setVisible(True)
        titles = ["Value"] if len(runs) == 1 else [f"Run {run.number}" for run in runs]
        by_run = [{line.name: line for line in run.options} for run in runs]
        names = dict.fromkeys(name for lines in reversed(by_run) for name in lines)
        rows = []
        for name in names:
            lines = [found.get(name) for found in by_run]
            known = next(line for line in reversed(lines) if line is not None)
            rows.append(
                ValueRow(
                    known.label,
                    name,
                    (*(line.shown if line else None for line in lines), known.default),
                    (*(line is not None and line.changed for line in lines), False),
                    known.help,
                )
            )
        self.table.set_rows([*titles, "Default"], rows)


def _plain_row(line: OptionLine, own: bool) -> ValueRow:
    cells = (line.shown, line.default) if own else (line.shown,)
    return ValueRow(line.label, line.name, cells, (line.changed,), line.help)


@dataclass(frozen=True)
class _Wanted:
    project_dir: Path
    name: str
    run: int | None


@dataclass(frozen=True)
class _Other:
    wanted: _Wanted
    runs: tuple[int, ...]
    options: tuple[OptionLine, ...]
    trouble: str = ""


def _read(wanted: _Wanted) -> _Other:
    """Read the options of the other job, beside the window."""
    runs = tuple(JobFolder(wanted.project_dir, wanted.name).runs())
    try:
        return _Other(wanted, runs, options_of(wanted.project_dir, wanted.name, wanted.run))
    except (UserError, OSError) as error:
        return _Other(wanted, runs, (), str(error))


class Comparison(QWidget):
    """The shown job beside another one, or one of its runs beside another."""

    compared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview_compare")
        self._project_dir: Path | None = None
        self._story: Story | None = None
        self._entries: dict[str, JobEntry] = {}
        self._reader = Newest(_read, 30, self)
        self._reader.answered.connect(self._take)
        self.this_run = QComboBox()
        self.this_run.setObjectName("compare_this_run")
        self.other = QComboBox()
        self.other.setObjectName("compare_other")
        self.other.setMinimumWidth(260)
        self.other.setMaxVisibleItems(20)
        self.other_run = QComboBox()
        self.other_run.setObjectName("compare_other_run")
        self._this = QLabel()
        self._with = QLabel("with")
        style.set_role(self._this, "subheading")
        style.set_role(self._with, "muted")
        for box in (self.this_run, self.other_run):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        # the names of ten thousand jobs are not measured
        self.other.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.other.setMinimumContentsLength(34)
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        for part in (self._this, self.this_run, self._with, self.other, self.other_run):
            row.addWidget(part)
        row.addStretch(1)
        self.table = DiffTable("Only differences", "{differ} of {all} options differ", only=True)
        self.message = EmptyState("list", "Nothing to compare with")
        self.stack = WithEmptyState(self.table, self.message)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.MEDIUM, style.MEDIUM, style.MEDIUM)
        layout.setSpacing(style.SMALL)
        layout.addLayout(row)
        layout.addWidget(self.stack, 1)
        self.this_run.activated.connect(lambda _index: self._ask())
        self.other.activated.connect(lambda _index: self._choose_other())
        self.other_run.activated.connect(lambda _index: self._ask())

    def show_story(self, project_dir: Path, story: Story, entries: Mapping[str, JobEntry]) -> None:
        """Offer the other jobs of the project; the choice stays while the job stays."""
        new = self._story is None or self._story.name != story.name or self._project_dir != project_dir
        runs = [run.number for run in story.runs if run.options]
        before = [run.number for run in self._story.runs if run.options] if self._story is not None else []
        changed = new or runs != before or dict(entries) != self._entries
        self._project_dir, self._story, self._entries = project_dir, story, dict(entries)
        if not changed:
            return
        self._this.setText(story.name.rstrip("/"))
        refill(self.this_run, [(f"run {number}", number) for number in runs], runs[-1] if runs else None)
        self.this_run.setVisible(len(runs) > 1)
        mine = entries.get(story.name)
        kind = mine.type_label if mine is not None else ""
        others = [entry for entry in reversed(tuple(entries.values())) if entry.name != story.name]
        others.sort(key=lambda entry: entry.type_label != kind)
        choices = [(f"{entry.name.rstrip('/')} · {_called(entry)}", entry.name) for entry in others]
        if len(runs) > 1:
            place = sum(entry.type_label == kind for entry in others)
            choices.insert(place, (f"{story.name.rstrip('/')} · another run of this job", story.name))
        keep = None if new else self.other.currentData()
        refill(self.other, choices, keep if keep is not None else (choices[0][1] if choices else None))
        for part in (self.other, self._with, self._this):
            part.setVisible(bool(choices))
        if new:
            self._set_other_runs(())
            # what two other jobs had in common is not to be read as a comparison of this one
            self.message.set_message("Reading the options…", glyph="list")
            self.stack.show_empty(True)
        if choices:
            self._choose_other() if new else self._ask()
        else:
            self.other_run.hide()
            self.message.set_message("Nothing to compare with", "This is the only job of the project.")
            self.stack.show_empty(True)

    def choose(self, name: str) -> None:
        """Compare with this job."""
        self.other.setCurrentIndex(self.other.findData(name))
        self._choose_other()

    def _choose_other(self) -> None:
        """Begin with the latest run of the other job; of this one, with the run before."""
        self._set_other_runs(())
        if self._story is not None and self.other.currentData() == self._story.name:
            runs = [run.number for run in self._story.runs if run.options]
            shown = self.this_run.currentData()
            earlier = [number for number in runs if number != shown]
            self._set_other_runs(tuple(runs), earlier[-1] if earlier else None)
        self._ask()

    def _set_other_runs(self, runs: tuple[int, ...], wanted: int | None = None) -> None:
        chosen = wanted if wanted is not None else (runs[-1] if runs else None)
        refill(self.other_run, [(f"run {number}", number) for number in runs], chosen)
        self.other_run.setVisible(len(runs) > 1)

    def _ask(self) -> None:
        name = self.other.currentData()
        if self._project_dir is not None and name:
            self._reader.request(_Wanted(self._project_dir, name, self.other_run.currentData()))

    def _take(self, other: _Other) -> None:
        story = self._story
        if story is None or other.wanted.name != self.other.currentData():
            return
        if self.other_run.count() == 0 and len(other.runs) > 1:
            self._set_other_runs(other.runs)
        if other.trouble:
            self.message.set_message("It cannot be compared", other.trouble, glyph="warning")
            self.stack.show_empty(True)
            self.compared.emit()
            return
        shown = self.this_run.currentData()
        mine = next((run.options for run in story.runs if run.number == shown), story.options)
        rows = [
            ValueRow(d.label, d.name, (d.left, d.right), (d.differs, d.differs))
            for d in compare(mine, other.options)
        ]
        self.table.set_rows(
            [
                _title(story.name, shown if self.this_run.count() > 1 else None),
                _title(other.wanted.name, self.other_run.currentData() if self.other_run.count() else None),
            ],
            rows,
        )
        self.stack.show_empty(False)
        self.compared.emit()


def _called(entry: JobEntry) -> str:
    return entry.alias or entry.title


def _title(name: str, run: int | None) -> str:
    return name.rstrip("/") + (f", run {run}" if run is not None else "")
