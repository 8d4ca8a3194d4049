"""The screen without a project: open, create, recent projects, the demo, and where data come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

import resources
from app import __version__
from app.gui import icons
from app.gui.welcome_parts import DropShade, Picture, RecentRow, Tile
from app.project.recent import RecentProject
from widgets import style

_WIDTH = 980
_SHOWN = 7
_NEWS = 3
_HINTS = (
    ("project", "RELION", "Open its project folder: all jobs are there, and stay RELION's."),
    ("import", "cryoSPARC", "In a new project, run Import on the .cs file of a refinement."),
    ("particles", "Warp, M, others", "Import their STAR files, maps and masks the same way."),
)


class WelcomePage(QScrollArea):
    """What there is to do before a project is open.

    Signals
    -------
    create_requested, open_requested, demo_requested
        The three ways in.
    project_chosen, project_forgotten : str
        Path of a recent project that is to be opened, or taken off the list.
    folder_dropped : str
        Path of a folder (or file) that was dropped on the page.
    page_requested : str, str
        Name and title of a help page; the name ``whats_new`` means the changes.
    """

    create_requested = Signal()
    open_requested = Signal()
    demo_requested = Signal()
    project_chosen = Signal(str)
    project_forgotten = Signal(str)
    folder_dropped = Signal(str)
    page_requested = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setAcceptDrops(True)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._rows: list[RecentRow] = []
        page = QWidget()
        page.setObjectName("welcome_page")
        outer = QHBoxLayout(page)
        outer.setContentsMargins(style.WIDE, style.WIDE, style.WIDE, style.WIDE)
        middle = QWidget()
        middle.setMaximumWidth(_WIDTH)
        outer.addStretch(1)
        outer.addWidget(middle, 100)
        outer.addStretch(1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.WIDE)
        column.addStretch(2)
        column.addLayout(self._make_title())
        body = QHBoxLayout()
        body.setSpacing(style.WIDE)
        body.addLayout(self._make_left(), 4)
        body.addLayout(self._make_right(), 5)
        column.addLayout(body)
        column.addStretch(3)
        self.setWidget(page)
        self._shade = DropShade(self)

    # -- building ------------------------------------------------------------------------------------------

    @staticmethod
    def _make_title() -> QHBoxLayout:
        picture = QLabel()
        picture.setPixmap(icons.program_icon().pixmap(72, 72))
        title = QLabel("Heteroscope")
        title.setFont(style.scaled_font(2.4, bold=True))
        style.ThemeWatcher(title, lambda: title.setFont(style.scaled_font(2.4, bold=True)))
        subtitle = QLabel(
            f"See the motions and mixtures in cryo-EM data, on RELION projects.   {__version__}"
        )
        style.set_role(subtitle, "muted")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(title)
        words.addWidget(subtitle)
        row = QHBoxLayout()
        row.setSpacing(style.LARGE)
        row.addWidget(picture)
        row.addLayout(words, 1)
        return row

    def _make_left(self) -> QVBoxLayout:
        left = QVBoxLayout()
        left.setSpacing(style.SMALL)
        left.addWidget(_heading("Start"))
        for name, picture, title, text, signal in (
            (
                "welcome_open",
                "open",
                "Open project…",
                "A folder in which RELION was used",
                self.open_requested,
            ),
            (
                "welcome_create",
                "new",
                "New project…",
                "In an empty or existing folder",
                self.create_requested,
            ),
            (
                "welcome_demo",
                "simulate",
                "Try the demo…",
                "Simulates a moving molecule and learns its motion",
                self.demo_requested,
            ),
        ):
            tile = Tile(name, picture, title, text)
            tile.clicked.connect(signal)
            left.addWidget(tile)
        left.addSpacing(style.SMALL)
        left.addWidget(_heading("Your data"))
        for picture, title, text in _HINTS:
            left.addLayout(_hint(picture, title, text))
        left.addWidget(self._link("welcome_import", "How files are imported", ("import", "Import")))
        left.addStretch(1)
        return left

    def _make_right(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(style.SMALL)
        right.addWidget(_heading("Recent projects"))
        card = QFrame()
        card.setObjectName("recent_card")
        style.set_role(card, "card")
        self._recent = QVBoxLayout(card)
        self._recent.setContentsMargins(style.TIGHT, style.TIGHT, style.TIGHT, style.TIGHT)
        self._recent.setSpacing(1)
        right.addWidget(card)
        tip = QLabel("A project folder can also be dragged onto this page.")
        style.set_role(tip, "caption")
        right.addWidget(tip)
        right.addSpacing(style.SMALL)
        right.addWidget(_heading("What is new"))
        for text in latest_changes():
            right.addLayout(_bullet(text))
        right.addWidget(self._link("welcome_news", "All changes", ("whats_new", "What is new")))
        right.addStretch(1)
        return right

    def _link(self, name: str, text: str, page: tuple[str, str]) -> QWidget:
        link = QPushButton(text)
        link.setObjectName(name)
        style.set_role(link, "link")
        link.setCursor(Qt.CursorShape.PointingHandCursor)
        link.clicked.connect(lambda: self.page_requested.emit(*page))
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(link)
        row.addStretch(1)
        return holder

    # -- recent projects -----------------------------------------------------------------------------------

    def set_recent(self, projects: Sequence[RecentProject]) -> None:
        """Show the recent projects, newest first; a row that has the focus keeps it."""
        focused = next((row.path for row in self._rows if row.button.hasFocus()), "")
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._rows = []
        for project in projects[:_SHOWN]:
            row = RecentRow(project)
            row.chosen.connect(self.project_chosen)
            row.forgotten.connect(self.project_forgotten)
            self._recent.addWidget(row)
            self._rows.append(row)
            if row.path == focused:
                row.button.setFocus()
        if not projects:
            empty = QLabel("Projects that you open are listed here.")
            empty.setObjectName("recent_empty")
            empty.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
            style.set_role(empty, "muted")
            self._recent.addWidget(empty)

    def rows(self) -> list[RecentRow]:
        """Return the rows of recent projects that are shown."""
        return list(self._rows)

    def showEvent(self, event: QShowEvent) -> None:
        """Put the focus where most begin: on the newest project, or on Open."""
        super().showEvent(event)
        usable = [row.button for row in self._rows if row.button.isEnabled()]
        first = usable[0] if usable else self.findChild(Tile, "welcome_open")
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- dropping ------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the shade cover the page."""
        super().resizeEvent(event)
        self._shade.setGeometry(self.rect())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a folder of this machine."""
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()
            self._shade.raise_()
            self._shade.show()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accept it anywhere on the page."""
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Take the shade away."""
        self._shade.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand on what was dropped."""
        self._shade.hide()
        event.acceptProposedAction()
        self.folder_dropped.emit(str(Path(event.mimeData().urls()[0].toLocalFile())))


def latest_changes(count: int = _NEWS) -> list[str]:
    """Return the first entries of the changelog, each cut at the end of its first part."""
    found: list[str] = []
    for line in resources.changelog().read_text(encoding="utf-8").splitlines():
        if line.startswith("- "):
            found.append(line[2:].strip())
        elif line.startswith("  ") and found:
            found[-1] += f" {line.strip()}"
    return [_first_part(text.replace("`", "").replace("**", "")) for text in found[:count]]


def _first_part(text: str) -> str:
    ends = [place for mark in ("; ", ". ", ": ") if (place := text.find(mark, 40)) > 0]
    return text[: min(ends)] + "." if ends else text


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    style.set_role(label, "heading")
    return label


def _bullet(text: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(style.SMALL)
    for words, stretch in (("•", 0), (text, 1)):
        label = QLabel(words, wordWrap=bool(stretch))
        style.set_role(label, "caption")
        row.addWidget(label, stretch, Qt.AlignmentFlag.AlignTop)
    return row


def _hint(picture: str, title: str, text: str) -> QHBoxLayout:
    heading = QLabel(title)
    style.set_role(heading, "subheading")
    caption = QLabel(text, wordWrap=True)
    style.set_role(caption, "caption")
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(heading)
    words.addWidget(caption)
    row = QHBoxLayout()
    row.setContentsMargins(style.LARGE, style.TIGHT, 0, style.TIGHT)
    row.setSpacing(style.LARGE)
    row.addWidget(Picture(picture, 22, "muted"), 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(words, 1)
    return row
