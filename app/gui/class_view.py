"""The window with the 2D classes of a job, and what is done with those that are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QMainWindow

from app.class_services import JobClasses, class_particles
from app.gui.class_jobs import has_classes, services_of
from app.gui.class_selection import SelectionWriter
from app.gui.display_window import DisplayWindow
from app.gui.icons import program_icon
from app.viewing.loading import Content
from jobs.core.class_set import ClassSet
from jobs.core.errors import UserError
from widgets.class_gallery.gallery import ClassGallery

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from app.gui.news import JobDetails


class ClassWindow(QMainWindow):
    """Shows the classes of one job; closed with Esc or Ctrl+W."""

    def __init__(self, services: JobClasses, commands: ClassCommands) -> None:
        super().__init__()
        self.setObjectName("class_window")
        self.setWindowIcon(program_icon())
        self.services, self.commands = services, commands
        self.gallery = ClassGallery(services)
        self.gallery.choice.set_can_write(not commands.window.readonly)
        self.gallery.subset_requested.connect(self._write)
        self.gallery.particles_requested.connect(self._show_particles)
        self.writing = False
        self.setCentralWidget(self.gallery)
        self.gallery.grid.setFocus()  # its keys are what the window is for
        self.setWindowTitle(f"Classes of {services.title} – Heteroscope")
        self.resize(1280, 800)
        for key in ("Esc", "Ctrl+W"):
            action = QAction(self)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(self.close)
            self.addAction(action)

    @property
    def busy(self) -> bool:
        """Whether anything is still being read or written."""
        return self.gallery.busy or self.writing

    def _show_particles(self, classes: ClassSet, k: int) -> None:
        self.commands.show_particles(self.services, classes, k)

    # -- writing -------------------------------------------------------------------------------------------

    def _write(self, class_file: Path, rows: NDArray[np.int64]) -> None:
        """Make a job of the selection; the gallery goes on meanwhile."""
        writer = SelectionWriter(self.commands.window, self.services, class_file, rows)
        writer.written.connect(self._written)
        writer.failed.connect(self._failed)
        self._set_writing(True)
        writer.start()

    def _set_writing(self, on: bool) -> None:
        self.writing = on
        self.gallery.choice.set_can_write(not on and not self.commands.window.readonly)

    def _written(self, name: str, classes: int, particles: int) -> None:
        self._set_writing(False)
        words = f"{classes:,} classes with {particles:,} particles were written as {name}"
        self.gallery.bar.show_success(words, "Show job", lambda: self._show_job(name))

    def _failed(self, error: Exception) -> None:
        self._set_writing(False)
        text = str(error) if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {error}"
        self.gallery.bar.show_error(text)

    def _show_job(self, name: str) -> None:
        window = self.commands.window
        window.select(name)
        window.raise_()
        window.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the threads that read."""
        self.gallery.close_down()
        self.commands.forget(self)
        event.accept()
        self.deleteLater()


class ClassCommands:
    """Opens the classes of jobs; holds the windows that are open."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.windows: list[ClassWindow] = []
        self.viewers: list[DisplayWindow] = []

    def classes(self) -> None:
        """Show the classes of the shown job."""
        details = self.window.page.details
        if details is None or not has_classes(details):
            self.window.complain("Choose a job with 2D classes, such as one of ISAC2 or RELION's Class2D.")
            return
        self.open(details)

    def open(self, details: JobDetails, path: Path | None = None) -> ClassWindow | None:
        """Show the classes of a job, or bring the window that does to the front; `path`: these ones."""
        project_dir = self.window.project_path
        if project_dir is None:
            return None
        services = services_of(details, project_dir)
        shown = next((opened for opened in self.windows if opened.services == services), None)
        if shown is None:
            shown = ClassWindow(services, self)
            self.windows.append(shown)
        shown.showNormal() if shown.isMinimized() else shown.show()
        shown.raise_()
        shown.activateWindow()
        if path is not None:
            shown.gallery.follower.choose(path)
        return shown

    def opens_file(self, path: Path) -> bool:
        """Open the gallery if a file is a set of classes of the shown job, and tell whether it was."""
        details, project_dir = self.window.page.details, self.window.project_path
        endings = ("_optimiser.star", "class_averages.star")
        if details is None or project_dir is None or not has_classes(details):
            return False
        if not str(path).startswith(details.entry.name) or not path.name.endswith(endings):
            return False
        model = path.with_name(path.name.replace("_optimiser.star", "_model.star"))
        return self.open(details, project_dir / model) is not None

    def show(self, details: JobDetails | None) -> None:
        """Let the monitor show the classes of a job while it makes them."""
        project_dir = self.window.project_path
        wanted = details is not None and project_dir is not None and has_classes(details)
        monitor = self.window.monitor
        if wanted and details is not None and project_dir is not None:
            monitor.classes.show_services(services_of(details, project_dir))
        else:
            monitor.classes.show_services(None)

    def show_particles(self, services: JobClasses, classes: ClassSet, k: int) -> None:
        """Show the particles of a class in a gallery of their own."""
        if classes.particles is None:
            self.window.complain("The particles of these classes are not known.")
            return
        project_dir = services.project_dir
        viewer = DisplayWindow(
            classes.particles,
            "images",
            project_dir,
            self._forget_viewer,
            reads=lambda: Content(images=class_particles(classes, k, project_dir)),
        )
        viewer.setWindowTitle(f"Particles of class {classes.numbers[k]} of {services.title}")
        self.viewers.append(viewer)
        viewer.show()

    def close(self) -> None:
        """Close all windows with classes and their particles."""
        self.window.monitor.classes.show_services(None)
        for opened in (*self.windows, *self.viewers):
            opened.close()

    def forget(self, closed: ClassWindow) -> None:
        """A window was closed."""
        if closed in self.windows:
            self.windows.remove(closed)

    def _forget_viewer(self, closed: DisplayWindow) -> None:
        if closed in self.viewers:
            self.viewers.remove(closed)
