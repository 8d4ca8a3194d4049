"""The explorer opened from the command line: in the window of its project, or in one of its own."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow

import resources
from app.explorer_services import JobServices
from app.gui.dialogs import forms
from app.gui.main_window import MainWindow
from jobs.core.declaration import JobType
from jobs.core.exploring import ViewRequest


class ExplorerWindow(QMainWindow):
    """Explores a folder that belongs to no project."""

    def __init__(self, services: JobServices, request: ViewRequest) -> None:
        super().__init__()
        from widgets.explorer.explorer import Explorer

        self.setObjectName("explorer_window")
        self.services = services
        self.explorer = Explorer(self.services, request)
        self.explorer.top.back.hide()
        self.explorer.help_requested.connect(self.show_help)
        self.setCentralWidget(self.explorer)
        self.setWindowTitle(f"{services.title} – Heteroscope")
        self.resize(1280, 800)

    def show_help(self) -> None:
        """Show the page about the explorer."""
        text = resources.help_page("explorer").read_text(encoding="utf-8")
        forms.show_page(self, "The explorer", text)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the process that holds the model."""
        self.explorer.close_down()
        self.services.close()
        event.accept()


def explore_when_open(
    window: MainWindow, job_type: JobType, request: ViewRequest, services: JobServices
) -> None:
    """Open the explorer as soon as the project has been read."""
    name = services.job
    if window.project_path is None or name not in window.entries:
        QTimer.singleShot(50, window, lambda: explore_when_open(window, job_type, request, services))
        return
    services.can_write = not window.readonly
    window.select(name)
    window.explorer_commands.open(name, job_type, request, services)
