"""The first page of the overview: how the job went, what it found, and what can be done next."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.news import JobDetails
from app.gui.overview_progress import ProgressLine
from app.gui.overview_steps import Advice, Step
from app.project.disk_use import JobUse, in_words
from app.provenance.story import Run, Story
from jobs.core.figures import Fact
from widgets import glyphs, style
from widgets.copy_block import CopyBlock
from widgets.durations import duration
from widgets.facts import FactGrid
from widgets.run_table import RunRow, RunTable


def date(when: datetime | None) -> str:
    """Return a moment in full, the year only when it is another one."""
    if when is None:
        return ""
    year = "" if when.year == datetime.now().year else f"{when:%Y}, "
    return f"{when.day} {when:%b}, {year}{when:%H:%M}"


class AdviceBar(QFrame):
    """The suggested next step with the buttons that do it."""

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("advice")
        style.set_role(self, "bar-info")
        self._icon = QLabel()
        self.text = QLabel(wordWrap=True)
        self.text.setObjectName("advice_text")
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._row = QHBoxLayout()
        self._row.setSpacing(style.SMALL)
        self._row.addStretch(1)
        self._advice = Advice()
        self.buttons: list[QPushButton] = []
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.text, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(top)
        layout.addLayout(self._row)
        self._draw()
        style.ThemeWatcher(self, self._draw)
        self.hide()

    def set_advice(self, advice: Advice) -> None:
        """Show another step; without any, the bar is gone."""
        if advice == self._advice:
            return
        self._advice = advice
        for old in self.buttons:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.buttons = []
        for number, step in enumerate(advice.steps):
            button = QPushButton(step.text)
            button.setObjectName(f"step_{step.key}")
            button.setToolTip(step.tip)
            if number == 0:
                style.set_role(button, "primary")
            elif step.key == "abort":
                style.set_role(button, "danger")
            button.clicked.connect(lambda _checked=False, key=step.key: self.asked.emit(key))
            self._add(button)
        if advice.more:
            self._add(self._menu_button(advice.more))
        self.text.setText(advice.text)
        self.setVisible(bool(advice.text or advice.steps or advice.more))

    def _menu_button(self, steps: tuple[Step, ...]) -> QPushButton:
        button = QPushButton("Continue with…")
        button.setObjectName("step_more")
        menu = QMenu(button)
        for step in steps:
            action = menu.addAction(step.text)
            action.triggered.connect(lambda _checked=False, key=step.key: self.asked.emit(key))
        button.setMenu(menu)
        return button

    def _add(self, button: QPushButton) -> None:
        self._row.insertWidget(self._row.count() - 1, button)
        self.buttons.append(button)

    def _draw(self) -> None:
        pixmap = glyphs.glyph_pixmap("right", style.colour("info"), 18, self.devicePixelRatioF())
        self._icon.setPixmap(pixmap)


class Summary(QScrollArea):
    """Everything that is known at a glance."""

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview_summary")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.facts = FactGrid(98)
        self.reason = _Reason()
        self.advice = AdviceBar()
        self.advice.asked.connect(self.asked)
        self._found = QVBoxLayout()
        self._found.setSpacing(style.SMALL)
        self._findings: tuple[tuple[str, tuple[Fact, ...]], ...] = ()
        self._parts: list[QWidget] = []
        self.runs_title = _heading("Runs")
        self.runs = RunTable()
        self.log = CopyBlock("Last lines of the log")
        self.errors = CopyBlock("Last lines of run.err")
        self.progress = ProgressLine()
        self.room = QLabel(wordWrap=True)
        self.room.setObjectName("overview_room")
        style.set_role(self.room, "muted")
        self.room.hide()
        page = QWidget()
        style.set_role(page, "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(style.MEDIUM, style.MEDIUM, style.MEDIUM, style.MEDIUM)
        column.setSpacing(style.MEDIUM)
        column.addWidget(self.reason)
        column.addWidget(self.progress)
        column.addWidget(self.facts)
        column.addWidget(self.room)
        column.addWidget(self.advice)
        column.addLayout(self._found)
        column.addWidget(self.runs_title)
        column.addWidget(self.runs)
        column.addWidget(self.errors)
        column.addWidget(self.log)
        column.addStretch(1)
        self.setWidget(page)

    def show_details(self, details: JobDetails, advice: Advice) -> None:
        """Show what is known at once; the rest comes with the story."""
        self.reason.set_text(details.trouble or details.reason, gentle=details.entry.status == "Aborted")
        self.advice.set_advice(advice)
        self._set_findings(details.findings if details.entry.status == "Succeeded" else ())

    def show_story(self, story: Story) -> None:
        """Show times, sizes and runs."""
        latest = story.latest
        if story.trouble:
            self.reason.set_text(story.trouble)
        facts = [*story.data]
        if latest is not None:
            first = story.runs[0]
            waits = story.status == "Scheduled" and all(run.seconds is None for run in story.runs)
            facts = [
                Fact("Entered" if waits else "Started", date(first.started)),
                Fact("Ended", date(latest.ended) or ("still running" if story.status == "Running" else "")),
                Fact("Total time" if len(story.runs) > 1 else "Duration", duration(story.seconds)),
                *story.data,
                Fact("Ran on", where(latest)),
                Fact("Seed", "" if latest.seed is None else str(latest.seed)),
            ]
        self.facts.set_facts([fact for fact in facts if fact.value])
        self.progress.set_progress(story.progress)
        self.runs.set_rows(run_rows(story.runs))
        self.runs.setVisible(bool(story.runs))
        self.runs_title.setVisible(bool(story.runs))
        wanted = story.status in ("Failed", "Aborted", "Running") or latest is None or not latest.task
        self.log.set_text("\n".join(story.tail) if wanted else "")
        self.errors.set_text("\n".join(story.errors) if wanted else "")

    def show_room(self, use: JobUse | None) -> None:
        """Show the room the job takes, and what cleaning would free; None while that is not known."""
        self.room.setText(room_words(use) if use is not None else "")
        self.room.setVisible(use is not None)

    def _set_findings(self, findings: tuple[tuple[str, tuple[Fact, ...]], ...]) -> None:
        if findings == self._findings:
            return
        self._findings = findings
        for part in self._parts:
            self._found.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._parts = []
        for title, facts in findings:
            grid = FactGrid(190, cards=True)
            grid.set_facts(facts)
            for part in (_heading(title), grid):
                self._found.addWidget(part)
                self._parts.append(part)

    def findings(self) -> dict[str, dict[str, str]]:
        """Return the key figures as they are read: task to title to value."""
        return {title: {fact.title: fact.value for fact in facts} for title, facts in self._findings}


class _Reason(QFrame):
    """Why the job ended badly."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("overview_reason")
        self._gentle = False
        style.set_role(self, "bar-error")
        self._icon = QLabel()
        self.text = QLabel(wordWrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.MEDIUM, style.SMALL, style.SMALL, style.SMALL)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.text, 1)
        self._draw()
        style.ThemeWatcher(self, self._draw)

    def set_text(self, text: str, *, gentle: bool = False) -> None:
        """Say another reason, or none; gently where somebody wanted the end."""
        self._gentle = gentle
        style.set_role(self, "bar-warning" if gentle else "bar-error")
        self._draw()
        self.text.setText(text)
        self.setVisible(bool(text))

    def _draw(self) -> None:
        glyph, colour = ("stopped", "warning") if self._gentle else ("failure", "danger")
        pixmap = glyphs.glyph_pixmap(glyph, style.colour(colour), 18, self.devicePixelRatioF())
        self._icon.setPixmap(pixmap)


def room_words(use: JobUse) -> str:
    """Return the room a job takes, and what cleaning would free."""
    words = f"Takes {in_words(use.size)} on the disk"
    if not use.harsh:
        return f"{words}."
    if use.gentle == use.harsh:
        return f"{words}; cleaning would free {in_words(use.gentle)}."
    if not use.gentle:
        return f"{words}; harsh cleaning would free {in_words(use.harsh)}."
    return (
        f"{words}; gentle cleaning would free {in_words(use.gentle)}, harsh cleaning {in_words(use.harsh)}."
    )


def run_rows(runs: tuple[Run, ...]) -> list[RunRow]:
    """Return the runs for the table, each with its share of the time of all."""
    total = sum(run.seconds or 0.0 for run in runs) or 1.0
    rows, start = [], 0.0
    for run in runs:
        length = (run.seconds or 0.0) / total
        rows.append(
            RunRow(
                run.number,
                run.title,
                "" if run.outcome == "Scheduled" else date(run.started),
                duration(run.seconds),
                run.outcome,
                where(run),
                (start, length),
            )
        )
        start += length
    return rows


def where(run: Run) -> str:
    """Return computer and device of a run, as far as they are known."""
    return ", ".join(part for part in (run.host, _device(run.device)) if part)


def _device(name: str) -> str:
    if name == "cpu":
        return "CPU"
    return name.replace("cuda:", "GPU ").replace("cuda", "GPU")


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    style.set_role(label, "subheading")
    return label
