"""The report of the shown job: written beside the window, then opened in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app.project.project import Project
from app.report.writing import write_report

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class ReportCommands:
    """Handler of the action about reports."""

    window: MainWindow

    def make_report(self) -> None:
        """Write the report of the shown job, and show it; of a project that is only read, ask where to."""
        window = self.window
        project, name = window.project_path, window.wanted
        if project is None or not name:
            return
        out: Path | None = None
        if window.readonly:
            text, _ = QFileDialog.getSaveFileName(
                window, "Save the report", str(Path.home() / "report.html"), "Web page (*.html)"
            )
            if not text:
                return
            out = Path(text)

        def write() -> Path:
            return write_report(Project.open(project, readonly=True), name, out, with_ancestors=True)

        window.tell(f"The report of {name.rstrip('/')} is being written …")
        window.bridge.submit(write, self._show_report, window.complain_of)

    def _show_report(self, path: Path) -> None:
        shown = QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.resolve())))
        self.window.tell(
            f"The report is {path}." if shown else f"The report is {path}: open it in a browser."
        )
