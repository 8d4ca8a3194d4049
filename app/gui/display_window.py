"""A window of its own for one file: reading, what it holds, or why it cannot be shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMainWindow, QStackedWidget, QWidget

from app.gui.display import TITLES, Viewer
from app.gui.display_content import Asking, make_content
from app.gui.icons import program_icon
from app.viewing.loading import Content, load
from jobs.core.errors import UserError
from widgets.empty_state import EmptyState
from widgets.explorer.work import Work

#: Sizes that windows of each kind were left with; kept while the program runs.
_geometries: dict[str, QByteArray] = {}


class DisplayWindow(QMainWindow):
    """Shows a file; closed with Esc or Ctrl+W.

    Parameters
    ----------
    path
        The file.
    viewer
        Who shows it.
    project_dir
        Folder to which names of images are relative; None outside of a project.
    on_closed
        Called once the window is gone.
    reads
        Reads what is to be shown, when that is not the whole file.
    """

    def __init__(
        self,
        path: Path,
        viewer: Viewer,
        project_dir: Path | None = None,
        on_closed: Callable[[DisplayWindow], None] | None = None,
        parent: QWidget | None = None,
        *,
        reads: Callable[[], Content] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("display_window")
        self.setWindowIcon(program_icon())
        self.path, self.viewer = path, viewer
        self._project_dir, self._on_closed, self._reads = project_dir, on_closed, reads
        self._folder = path.parent
        inside = project_dir is not None and path.is_relative_to(project_dir)
        shown = path.relative_to(project_dir) if inside and project_dir is not None else path
        self.setWindowTitle(f"{shown} – {TITLES[viewer]}")
        self.state = EmptyState("clock", "Reading…", str(shown))
        self.state.action.connect(self.read)
        self.content: QWidget | None = None
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.state)
        self.setCentralWidget(self._pages)
        self._work = Work(self)
        for key, slot in ((QKeySequence("Esc"), self.close), (QKeySequence("Ctrl+W"), self.close)):
            action = QAction(self)
            action.setShortcut(key)
            action.triggered.connect(slot)
            self.addAction(action)
        again = QAction(self)
        again.setShortcut(QKeySequence("F5"))
        again.triggered.connect(self.read)
        self.addAction(again)
        self.resize(1180, 760)
        if viewer in _geometries:
            self.restoreGeometry(_geometries[viewer])
        self.read()

    def read(self) -> None:
        """Read the file (again)."""
        path, viewer, project = self.path, self.viewer, self._project_dir
        reads = self._reads or (lambda: load(path, viewer, project))
        self.state.set_message("Reading…", str(path), glyph="clock")
        self._pages.setCurrentWidget(self.state)
        self._work.start(lambda _p, _c: reads(), self._show, self._fail)

    @property
    def busy(self) -> bool:
        """Whether the file is still being read."""
        return self._work.busy

    def _show(self, content: Content) -> None:
        self._drop()
        self.content = make_content(self.path, self.viewer, content, Asking(self._ask_save, self._ask_open))
        self._pages.addWidget(self.content)
        self._pages.setCurrentWidget(self.content)

    def _fail(self, error: Exception) -> None:
        text = str(error) if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {error}"
        self.state.set_message("This file cannot be shown", text, "Try again", "warning")
        self._pages.setCurrentWidget(self.state)

    def _drop(self) -> None:
        """Let go of what was shown before."""
        if self.content is not None:
            _close_down(self.content)
            self._pages.removeWidget(self.content)
            self.content.deleteLater()
            self.content = None

    def _ask_save(self, title: str, name: str, names: str, done: Callable[[Path], None]) -> None:
        ending = Path(name).suffix
        text, _ = QFileDialog.getSaveFileName(self, title, str(self._folder / name), names)
        if text:
            done(Path(text) if Path(text).suffix else Path(text + ending))

    def _ask_open(self, title: str, names: str, done: Callable[[Path], None]) -> None:
        text, _ = QFileDialog.getOpenFileName(self, title, str(self._folder), names)
        if text:
            done(Path(text))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the size, end what reads and draws."""
        _geometries[self.viewer] = self.saveGeometry()
        self._work.cancel()
        self._drop()
        if self._on_closed is not None:
            self._on_closed(self)
        # the timer keeps the window until Qt deletes it, in its own time
        QTimer.singleShot(0, self.deleteLater)
        event.accept()


def _close_down(content: QWidget) -> None:
    """End the threads of all viewers in a page."""
    for part in (content, *content.findChildren(QWidget)):
        ending: Any = getattr(part, "close_down", None)
        if callable(ending):
            ending()
