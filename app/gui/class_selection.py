"""Writes chosen classes as a job of the project, beside the window, and whoever closes what meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.class_services import JobClasses, begin_selection, finish_selection, write_selection
from widgets.explorer.work import Work

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from jobs.formats.class_subset import ClassSubset


class SelectionWriter(QObject):
    """One selection: entered in the project first, written in a thread, then finished.

    Signals
    -------
    written : str, int, int
        Name of the job, and how many classes and particles it holds.
    failed : object
        The exception; the job, if there is one already, is marked as failed.
    """

    written = Signal(str, int, int)
    failed = Signal(object)

    def __init__(
        self, window: MainWindow, services: JobClasses, class_file: Path, rows: NDArray[np.int64]
    ) -> None:
        super().__init__(window)
        self._window, self._services = window, services
        self._class_file, self._rows = class_file, rows
        self._work = Work(self)

    def start(self) -> None:
        """Begin."""
        window, job = self._window, self._services.job
        window.bridge.submit(
            lambda: begin_selection(window.workplace.project, job, self._class_file), self._fill, self._fail
        )

    def _fill(self, name: str) -> None:
        project_dir, class_file, rows = self._services.project_dir, self._class_file, self._rows
        self._work.start(
            lambda _p, _c: write_selection(project_dir, name, class_file, rows),
            lambda written: self._finish(name, written, None),
            lambda error: self._finish(name, None, error),
        )

    def _finish(self, name: str, subset: ClassSubset | None, error: Exception | None) -> None:
        window = self._window

        def told(news: list[object]) -> None:
            window.take_all(news)
            if subset is not None:
                self.written.emit(name, subset.n_classes, subset.n_particles)
                self.deleteLater()
            elif error is not None:
                self._fail(error)

        window.bridge.submit(
            lambda: window.workplace.change(lambda project: finish_selection(project, name, subset)),
            told,
            self._fail,
        )

    def _fail(self, error: Exception) -> None:
        self.failed.emit(error)
        self.deleteLater()
