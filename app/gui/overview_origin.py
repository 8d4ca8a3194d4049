"""Where a run comes from: its commands, inputs and versions, to copy and to check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.provenance.inputs import CHANGED, MISSING, UNCHANGED, InputFile, check
from app.provenance.story import Run, Story
from jobs.core.figures import Fact
from widgets import glyphs, style
from widgets.background import Newest
from widgets.copy_block import CopyBlock
from widgets.facts import FactGrid

_COLUMNS = ("File", "From", "Since the run", "SHA-256")
_ROW = 30
_LOOK = {UNCHANGED: ("success", "success"), CHANGED: ("warning", "warning"), MISSING: ("failure", "danger")}
_WORDS = {UNCHANGED: "Unchanged", CHANGED: "Has changed", MISSING: "Missing"}


class InputsTable(QTreeWidget):
    """The inputs of a run: where each came from, and whether it still is what it was."""

    job_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview_inputs")
        self.setHeaderLabels(list(_COLUMNS))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.header().setStretchLastSection(True)
        self._files: tuple[InputFile, ...] = ()
        self.itemActivated.connect(self._activate)
        style.ThemeWatcher(self, self._fill)

    def set_files(self, files: tuple[InputFile, ...]) -> None:
        """Show other inputs."""
        if files != self._files:
            self._files = files
            self._fill()

    def _fill(self) -> None:
        self.clear()
        for known in self._files:
            words = _WORDS.get(known.state, "Not recorded")
            item = QTreeWidgetItem(
                [known.path, known.producer.rstrip("/") or "outside the project's jobs", words, known.sha256]
            )
            glyph, colour = _LOOK.get(known.state, ("unknown", "muted"))
            item.setIcon(2, glyphs.glyph_icon(glyph, colour))
            item.setForeground(2, style.colour(colour))
            item.setFont(3, style.monospace_font(0.9))
            item.setForeground(3, style.colour("muted"))
            if known.producer:
                item.setForeground(1, style.colour("accent"))
                item.setToolTip(1, f"Double-click to show {known.producer}")
                item.setData(0, Qt.ItemDataRole.UserRole, known.producer)
            else:
                item.setForeground(1, style.colour("muted"))
            item.setToolTip(2, f"{words}: {known.detail}" if known.detail else words)
            covers = "of its size, its first and its last MiB" if known.sha256 else ""
            item.setToolTip(3, f"{known.sha256}\n{covers}".strip())
            self.addTopLevelItem(item)
        rows = max(1, len(self._files))
        self.setFixedHeight(self.header().sizeHint().height() + _ROW * rows + 2 * self.frameWidth() + 2)

    def _activate(self, item: QTreeWidgetItem) -> None:
        if name := item.data(0, Qt.ItemDataRole.UserRole):
            self.job_chosen.emit(str(name))

    def texts(self) -> list[list[str]]:
        """Return the rows as they are read."""
        items = [self.topLevelItem(k) for k in range(self.topLevelItemCount())]
        return [[item.text(c) for c in range(len(_COLUMNS))] for item in items if item is not None]


class Origin(QScrollArea):
    """Commands, inputs and versions of one run."""

    job_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview_origin")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._project_dir: Path | None = None
        self._story: Story | None = None
        self._checker = Newest(_check_all, 0, self)
        self._checker.answered.connect(self._checked)
        self.run = QComboBox()
        self.run.setObjectName("origin_run")
        self.run.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.run.activated.connect(lambda _index: self._show())
        self.again = CopyBlock("Heteroscope command")
        self.command = CopyBlock("What was executed")
        self.inputs_title = _heading("Inputs")
        self.check_button = QPushButton("Check contents")
        self.check_button.setObjectName("origin_check")
        self.check_button.setToolTip("Read the files again and compare them with their recorded hashes")
        self.check_button.clicked.connect(self.check_contents)
        self.inputs = InputsTable()
        self.inputs.job_chosen.connect(self.job_chosen)
        self.versions_title = _heading("Versions")
        self.versions = FactGrid(120)
        row = QHBoxLayout()
        row.addWidget(self.inputs_title, 1)
        row.addWidget(self.check_button)
        page = QWidget()
        style.set_role(page, "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(style.MEDIUM, style.MEDIUM, style.MEDIUM, style.MEDIUM)
        column.setSpacing(style.SMALL)
        column.addWidget(self.run, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.again)
        column.addWidget(self.command)
        column.addLayout(row)
        column.addWidget(self.inputs)
        column.addWidget(self.versions_title)
        column.addWidget(self.versions)
        column.addStretch(1)
        self.setWidget(page)

    def show_story(self, project_dir: Path, story: Story) -> None:
        """Show the latest run, or the one chosen before in the same job."""
        same = self._story is not None and self._story.name == story.name
        runs_before = len(self._story.runs) if same and self._story is not None else -1
        self._project_dir, self._story = project_dir, story
        if len(story.runs) != runs_before:
            self.run.clear()
            for run in story.runs:
                self.run.addItem(f"Run {run.number}: {run.title}", run.number)
            self.run.setCurrentIndex(self.run.count() - 1)
        self.run.setVisible(len(story.runs) > 1)
        self._show()

    def _chosen(self) -> Run | None:
        runs = self._story.runs if self._story is not None else ()
        index = self.run.currentIndex()
        return runs[index] if 0 <= index < len(runs) else None

    def _show(self) -> None:
        run = self._chosen()
        self.again.set_text(run.again if run is not None else "")
        ours = run is not None and bool(run.again)
        self.command.set_text(
            run.command if run is not None else "", "Command of the worker" if ours else "What was executed"
        )
        files = run.inputs if run is not None else ()
        self._show_files(files)
        self.check_button.setVisible(any(known.sha256 for known in files))
        versions = dict(run.versions) if run is not None else {}
        now = self._story.now if self._story is not None else {}
        self.versions.set_facts(_version_facts(versions, now))
        self.versions_title.setVisible(bool(versions))

    def _show_files(self, files: tuple[InputFile, ...]) -> None:
        self.inputs.set_files(files)
        for part in (self.inputs, self.inputs_title):
            part.setVisible(bool(files))

    def check_contents(self) -> None:
        """Compare the content of every input with its record."""
        run = self._chosen()
        if run is not None and self._project_dir is not None:
            self.check_button.setEnabled(False)
            self.check_button.setText("Checking…")
            self._checker.request((self._project_dir, run.number, run.inputs))

    def _checked(self, answer: tuple[int, tuple[InputFile, ...]]) -> None:
        self.check_button.setEnabled(True)
        self.check_button.setText("Check contents")
        run = self._chosen()
        if run is not None and run.number == answer[0] and len(run.inputs) == len(answer[1]):
            self._show_files(answer[1])


def _check_all(wanted: tuple[Path, int, tuple[InputFile, ...]]) -> tuple[int, tuple[InputFile, ...]]:
    """Read the files, beside the window."""
    project_dir, number, files = wanted
    return number, tuple(check(project_dir, known, content=True) for known in files)


def _version_facts(then: Mapping[str, str], now: Mapping[str, str]) -> list[Fact]:
    """Return the versions of the run, each with the one of today where that is another."""
    return [
        Fact(name, version, f"now {now.get(name, 'not installed')}" if now.get(name) != version else "")
        for name, version in then.items()
    ]


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    style.set_role(label, "subheading")
    return label
