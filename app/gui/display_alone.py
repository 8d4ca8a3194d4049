"""Viewers opened from the command line, without a main window."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from app.display_command import DisplayRequest
from app.gui.collector import Collector
from app.gui.display import viewer_for
from app.gui.display_pages import can_show_pdf
from app.gui.display_window import DisplayWindow
from jobs.core.errors import UserError


class DisplayAlone(QObject):
    """Holds the windows; garbage is collected in their thread as long as one is open.

    Raises
    ------
    UserError
        When none of the files can be shown.
    """

    def __init__(self, request: DisplayRequest) -> None:
        super().__init__()
        self._collector = Collector(self)
        self._collector.start()
        self.windows: list[DisplayWindow] = []
        for path in request.files:
            viewer = viewer_for(path.name)
            if viewer == "desktop" or (viewer == "pdf" and not can_show_pdf()):
                if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
                    self._collector.stop()
                    raise UserError(
                        f"there is no viewer for {path.suffix or 'such'} files, and no program of the "
                        "desktop opens it",
                        path=path,
                    )
                continue
            window = DisplayWindow(path, viewer, request.project_dir, self._forget)
            self.windows.append(window)
            window.show()

    def _forget(self, window: DisplayWindow) -> None:
        if window in self.windows:
            self.windows.remove(window)
        if not self.windows:
            self._collector.stop()

    def close(self) -> bool:
        """Close all windows."""
        return all([window.close() for window in list(self.windows)])  # noqa: C419 - close each

    @property
    def is_empty(self) -> bool:
        """Whether all files went to programs of the desktop."""
        return not self.windows


def show_files(request: DisplayRequest) -> DisplayAlone:
    """Show files in the application that runs."""
    shown = DisplayAlone(request)
    application = QApplication.instance()
    if shown.is_empty and application is not None:
        QTimer.singleShot(0, application, application.quit)
    return shown
