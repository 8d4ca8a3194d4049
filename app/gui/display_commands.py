"""Shows files in viewers: from the panes, from menus, and from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMenu

from app.gui.display import viewer_for
from app.gui.display_pages import can_show_pdf
from app.gui.display_window import DisplayWindow

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from widgets.inputs_outputs import IoEntry

_FILES = (
    "All that can be shown (*.star *.mrc *.mrcs *.map *.cs *.pdf *.png *.jpg *.svg *.csv *.out *.err *.txt "
    "*.json *.log);;All files (*)"
)


class DisplayCommands:
    """Handlers of the actions that show files; holds the viewers that are open."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.viewers: list[DisplayWindow] = []

    def display(self) -> None:
        """Ask for any file and show it."""
        window = self.window
        folder = window.project_path or Path.home()
        details = window.page.details
        text, _ = QFileDialog.getOpenFileName(
            window, "Display a file", str(details.folder if details is not None else folder), _FILES
        )
        if text:
            self.show_file(Path(text))

    def show_file(self, path: Path, label: str = "") -> DisplayWindow | None:
        """Show a file in a viewer of its own, or bring the one that shows it to the front.

        Parameters
        ----------
        path
            Absolute, or relative to the project.
        label
            Label of the node, where it is known.
        """
        window = self.window
        full = path if window.project_path is None else window.project_path / path
        viewer = viewer_for(full.name, label or self._label_of(str(path)))
        if viewer == "desktop" or (viewer == "pdf" and not can_show_pdf()):
            self._with_desktop(full)
            return None
        for opened in self.viewers:
            if opened.path == full and opened.viewer == viewer:
                opened.showNormal() if opened.isMinimized() else opened.show()
                opened.raise_()
                opened.activateWindow()
                return opened
        made = DisplayWindow(full, viewer, window.project_path, self._forget)
        self.viewers.append(made)
        made.show()
        return made

    def add_menu(self, menu: QMenu) -> None:
        """Add a sub-menu with the files of the shown job."""
        self.fill_from(menu.addMenu("&Display"))

    def fill_from(self, menu: QMenu) -> None:
        """Fill a menu with the files of the job that is shown when it opens."""
        menu.aboutToShow.connect(lambda: self.fill_menu(menu))

    def fill_menu(self, menu: QMenu) -> None:
        """Offer the files of the shown job, as RELION's Display does: ``in:`` and ``out:``."""
        menu.clear()
        menu.setToolTipsVisible(True)
        inputs, outputs = self.window.io.entries()
        for word, entries in (("in", inputs), ("out", outputs)):
            self._add_entries(menu, word, entries)
            if entries:
                menu.addSeparator()
        details = self.window.page.details
        if details is not None:
            for name in ("run.out", "run.err", "job.star"):
                path = Path(details.entry.name) / name
                action = menu.addAction(f"log: {name}" if name != "job.star" else "settings: job.star")
                action.triggered.connect(lambda _checked=False, p=path: self.show_file(p))
            menu.addSeparator()
        menu.addAction(self.window.actions_by_key["display"])

    def _add_entries(self, menu: QMenu, word: str, entries: Sequence[IoEntry]) -> None:
        seen = set()
        for entry in entries:
            if entry.path in seen:
                continue
            seen.add(entry.path)
            action = menu.addAction(f"{word}: {entry.path}".replace("&", "&&"))
            action.setEnabled(entry.exists)
            action.setToolTip(entry.label if entry.exists else "This file does not exist")
            action.triggered.connect(lambda _checked=False, p=entry.path: self.window.open_file(Path(p)))

    def close_all(self) -> None:
        """Close all viewers."""
        for opened in list(self.viewers):
            opened.close()

    def _label_of(self, path: str) -> str:
        inputs, outputs = self.window.io.entries()
        return next((entry.label for entry in (*inputs, *outputs) if entry.path == path), "")

    def _forget(self, closed: DisplayWindow) -> None:
        if closed in self.viewers:
            self.viewers.remove(closed)

    def _with_desktop(self, path: Path) -> None:
        window = self.window
        if QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            window.tell(f"{path.name} is opened by a program of the desktop.")
        else:
            ending = path.suffix or "this kind"
            window.complain(
                f"There is no viewer for {ending} files here, and no program of the desktop opens it. "
                f"The file is {path}."
            )
