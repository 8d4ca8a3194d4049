"""The screen without a project: open, create, recent projects, the demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui import icons
from widgets import style


class _Recent(QWidget):
    """One recent project: its name, and where it lies."""

    def __init__(self, path: Path, present: bool) -> None:
        super().__init__()
        self.button = QPushButton(path.name)
        self.button.setObjectName("recent_project")
        style.set_role(self.button, "link")
        self.button.setEnabled(present)
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.setToolTip(str(path))
        where = QLabel(str(path.parent) if present else f"{path.parent}   (not found)")
        style.set_role(where, "muted" if present else "disabled")
        where.setMinimumWidth(50)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(where, 1)


class WelcomePage(QWidget):
    """What there is to do before a project is open.

    Signals
    -------
    create_requested, open_requested, demo_requested
        The three ways in.
    project_chosen : str
        Path of a recent project.
    """

    create_requested = Signal()
    open_requested = Signal()
    demo_requested = Signal()
    project_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        outer = QGridLayout(self)
        outer.setRowStretch(0, 1)
        outer.setRowStretch(2, 2)
        outer.setColumnStretch(0, 1)
        outer.setColumnStretch(2, 1)
        middle = QWidget()
        middle.setFixedWidth(620)
        outer.addWidget(middle, 1, 1)
        layout = QVBoxLayout(middle)
        layout.setSpacing(style.LARGE)
        layout.addLayout(self._make_title())
        row = QHBoxLayout()
        row.setSpacing(style.MEDIUM)
        for name, text, tip, signal in (
            ("welcome_open", "Open project…", "A folder in which RELION was used", self.open_requested),
            ("welcome_create", "New project…", "Start in an empty or existing folder", self.create_requested),
            (
                "welcome_demo",
                "Try the demo",
                "Simulates a moving molecule and learns its motion",
                self.demo_requested,
            ),
        ):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tip)
            if name == "welcome_open":
                style.set_role(button, "primary")
            button.clicked.connect(signal)
            caption = QLabel(tip, wordWrap=True)
            style.set_role(caption, "caption")
            column = QVBoxLayout()
            column.setSpacing(style.TIGHT)
            column.addWidget(button)
            column.addWidget(caption)
            column.addStretch(1)
            row.addLayout(column, 1)
        layout.addLayout(row)
        card = QFrame()
        style.set_role(card, "card")
        self._recent = QVBoxLayout(card)
        self._recent.setSpacing(0)
        layout.addWidget(card)

    @staticmethod
    def _make_title() -> QHBoxLayout:
        picture = QLabel()
        picture.setPixmap(icons.program_icon().pixmap(64, 64))
        title = QLabel("Heteroscope")
        title.setFont(style.scaled_font(2.2, bold=True))
        style.ThemeWatcher(title, lambda: title.setFont(style.scaled_font(2.2, bold=True)))
        subtitle = QLabel("See the motions and mixtures in cryo-EM data, on RELION projects.")
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

    def set_recent(self, paths: Sequence[tuple[Path, bool]]) -> None:
        """Show the recent projects, newest first, each with whether its folder still exists."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        caption = QLabel("Recent projects")
        style.set_role(caption, "subheading")
        self._recent.addWidget(caption)
        if not paths:
            empty = QLabel("Projects that you open are listed here.")
            style.set_role(empty, "muted")
            self._recent.addWidget(empty)
        for path, present in paths[:6]:
            row = _Recent(path, present)
            row.button.clicked.connect(lambda _checked=False, p=str(path): self.project_chosen.emit(p))
            self._recent.addWidget(row)
