"""What a job reads and makes: producing and consuming jobs, each with its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QBrush, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSplitter,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.node_source import kind_in_words

_JOB_ROLE: Final = Qt.ItemDataRole.UserRole + 1
_PATH_ROLE: Final = Qt.ItemDataRole.UserRole + 2
#: Width from which inputs and outputs have room beside each other (pixels).
_BESIDE_FROM: Final = 560


@dataclass(frozen=True)
class IoEntry:
    """A file between two jobs.

    Attributes
    ----------
    path
        Path relative to the project.
    label
        RELION node label.
    job
        The job at the other end (producer of an input, consumer of an output); empty when there is none.
    job_title
        How that job is shown (alias), empty = its name.
    exists
        Whether the file is there.
    awaited
        Whether a file that is not there is to be expected: its job runs, or waits for its turn.
    """

    path: str
    label: str = ""
    job: str = ""
    job_title: str = ""
    exists: bool = True
    awaited: bool = False


class _IoTree(QWidget):
    """One of the two halves."""

    job_selected = Signal(str)
    file_activated = Signal(str)

    def __init__(self, title: str, empty_text: str, nobody: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nobody = nobody
        heading = QLabel(title, self)
        style.set_role(heading, "subheading")
        self.tree = QTreeWidget(self)
        self.tree.setHeaderHidden(True)
        self.tree.setColumnCount(2)
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(style.LARGE)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setAccessibleName(title)
        self.tree.itemActivated.connect(self._on_activated)
        self.tree.itemClicked.connect(self._on_clicked)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_menu)
        self._body = WithEmptyState(self.tree, EmptyState("nodes", empty_text, parent=self), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        self.head = QHBoxLayout()
        self.head.addWidget(heading, 1)
        heading.setMinimumHeight(style.CONTROL_HEIGHT)  # as the button beside one of the two headings
        layout.addLayout(self.head)
        layout.addWidget(self._body, 1)

    def set_entries(self, entries: Sequence[IoEntry]) -> None:
        self.tree.clear()
        by_job: dict[str, list[IoEntry]] = {}
        for entry in entries:
            by_job.setdefault(entry.job, []).append(entry)
        for job in sorted(by_job, key=lambda name: (not name, name)):
            files = by_job[job]
            parent = QTreeWidgetItem([files[0].job_title or job or self._nobody, ""])
            parent.setData(0, _JOB_ROLE, job)
            font = parent.font(0)
            font.setBold(bool(job))
            parent.setFont(0, font)
            self.tree.addTopLevelItem(parent)
            for entry in files:
                parent.addChild(self._file_item(entry))
        self.tree.expandAll()
        self.tree.resizeColumnToContents(0)
        self._body.show_empty(not entries)

    @staticmethod
    def _file_item(entry: IoEntry) -> QTreeWidgetItem:
        item = QTreeWidgetItem([PurePosixPath(entry.path).name, kind_in_words(entry.label)])
        item.setData(0, _PATH_ROLE, entry.path)
        lacks = not entry.exists and not entry.awaited
        colour = "warning" if lacks else "muted"
        item.setIcon(0, glyphs.glyph_icon("warning" if lacks else "file", colour))
        item.setForeground(1, QBrush(style.colour(colour)))
        item.setToolTip(0, entry.path)
        if not entry.exists:
            item.setText(1, "missing" if lacks else "being made")
            word = "does not exist" if lacks else "is written by the end of the job"
            item.setToolTip(0, f"{entry.path}\nThis file {word}")
        return item

    def _on_clicked(self, item: QTreeWidgetItem) -> None:
        job = item.data(0, _JOB_ROLE)
        if job:
            self.job_selected.emit(job)

    def menu_of(self, item: QTreeWidgetItem) -> QMenu:
        """Return what can be done with a line, for a right click on it."""
        menu = QMenu(self)
        path, job = item.data(0, _PATH_ROLE), item.data(0, _JOB_ROLE)
        if path:
            menu.addAction("Show", lambda: self.file_activated.emit(path))
            menu.addAction("Copy path", lambda: QApplication.clipboard().setText(path))
        elif job:
            menu.addAction("Go to this job", lambda: self.job_selected.emit(job))
            menu.addAction("Copy name", lambda: QApplication.clipboard().setText(job))
        return menu

    def _on_menu(self, place: QPoint) -> None:
        item = self.tree.itemAt(place)
        menu = self.menu_of(item) if item is not None else None
        if menu is not None and menu.actions():
            menu.exec(self.tree.viewport().mapToGlobal(place))

    def _on_activated(self, item: QTreeWidgetItem) -> None:
        path = item.data(0, _PATH_ROLE)
        if path:
            self.file_activated.emit(path)


class InputsOutputs(QSplitter):
    """Inputs and outputs beside each other, above each other where it is narrow.

    A click on a job goes there, a double click on a file shows it.
    """

    job_selected = Signal(str)
    file_activated = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName("inputs_outputs")
        self.setChildrenCollapsible(False)
        self.setHandleWidth(style.SMALL)
        self.inputs = _IoTree("Input to this job", "No inputs", "from outside the project", self)
        self.outputs = _IoTree("Output from this job", "No outputs yet", "not used by another job", self)
        self._shown: tuple[tuple[IoEntry, ...], tuple[IoEntry, ...]] = ((), ())
        for tree, name in ((self.inputs, "inputs_tree"), (self.outputs, "outputs_tree")):
            tree.tree.setObjectName(name)
            tree.job_selected.connect(self.job_selected)
            tree.file_activated.connect(self.file_activated)
            self.addWidget(tree)
        self.display_menu = QMenu(self)
        self.display_button = QToolButton(self)
        self.display_button.setObjectName("display_button")
        self.display_button.setText("Display")
        self.display_button.setToolTip("Show a file of this job")
        self.display_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.display_button.setMenu(self.display_menu)
        style.set_role(self.display_button, "button")
        self.outputs.head.addWidget(self.display_button)
        style.ThemeWatcher(self, self._fill)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the halves above each other where they would be too narrow to be read."""
        narrow = event.size().width() < _BESIDE_FROM and event.size().height() > event.size().width() / 2
        wanted = Qt.Orientation.Vertical if narrow else Qt.Orientation.Horizontal
        if wanted != self.orientation():
            self.setOrientation(wanted)
        super().resizeEvent(event)

    def entries(self) -> tuple[tuple[IoEntry, ...], tuple[IoEntry, ...]]:
        """Return the files shown: those read, and those made."""
        return self._shown

    def set_io(self, inputs: Sequence[IoEntry], outputs: Sequence[IoEntry]) -> None:
        """Show the files of a job; nothing happens when they are those shown already."""
        wanted = (tuple(inputs), tuple(outputs))
        if wanted != self._shown:
            self._shown = wanted
            self._fill()

    def _fill(self) -> None:
        self.inputs.set_entries(self._shown[0])
        self.outputs.set_entries(self._shown[1])
