"""Files dragged onto the window: a project is opened, settings fill a form, other files are imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from app.gui.last_settings import settings_type
from jobs.core.options import join_paths
from widgets.path_field import relative_to_project

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

_IMPORT = "import"
_FILES = "fn_in_other"


def dropped_paths(data: QMimeData) -> list[Path]:
    """Return the local files and folders that are being dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


class FileDrops(QObject):
    """Takes what is dropped anywhere on the window where no field wants it.

    Parameters
    ----------
    window
        The window.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.setAcceptDrops(True)
        window.welcome.folder_dropped.connect(lambda path: self.take([Path(path)]))

    def enter(self, event: QDragEnterEvent) -> None:
        """Accept files and folders of this machine."""
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            if self._window.project_path is not None:
                self._window.tell("Drop files to import them, or the folder of a project to open it.")

    def drop(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        event.acceptProposedAction()
        self.take(dropped_paths(event.mimeData()))

    def take(self, paths: Sequence[Path]) -> None:
        """Open a folder as a project, load settings, or show an Import job with these files."""
        window = self._window

        def decide(folders: list[bool]) -> None:
            if len(paths) == 1 and folders[0]:
                window.project_commands.open(paths[0])
            elif any(folders):
                window.complain("Files and folders cannot be dropped together.")
            elif window.project_path is None:
                window.complain("Open or create a project first; then drop the files again to import them.")
            elif window.readonly:
                window.complain("The project is open for reading only, so nothing can be imported.")
            elif len(paths) == 1 and settings_type(paths[0]) is not None:
                window.job_commands.load_settings(paths[0])
            else:
                self._import([str(path) for path in paths])

        window.bridge.submit(
            lambda: [path.is_dir() for path in paths], decide, window.complain_of, lane="watch"
        )

    def _import(self, paths: Sequence[str]) -> None:
        window = self._window
        text = join_paths(relative_to_project(path, window.project_path) for path in paths)
        window.show_new(_IMPORT, {_FILES: text})
        window.tell(f"{len(paths)} {'file' if len(paths) == 1 else 'files'} to import: check, then Run!.")
