"""The window as the demo opens it: on one job, watched to its end, with pictures where nobody sees it.

Run as a program: ``python -P -m app.gui.demo_window PROJECT JOB [--pictures FOLDER]``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.gui.main_window import MainWindow
from app.settings import Settings
from app.settings import load as load_settings
from jobs.core.folder import JobFolder
from widgets.style import apply_theme

#: Seconds after the opening at which pictures are taken; after the last, one each minute.
_MOMENTS_S = (4.0, 15.0, 45.0)
_LATER_S = 60.0
#: After the end of the job, the window has this long to draw the result (s).
_SETTLE_S = 3.0
_LOOK_MS = 500
_SIZE = (1600, 1000)


class Photographer(QObject):
    """Takes pictures of a window while a job runs, and the last ones of the result; then says so.

    Parameters
    ----------
    window
        What is pictured.
    job
        The job that is watched.
    folder
        Where the pictures go, numbered in their order.
    done
        Called after the last picture.
    """

    def __init__(self, window: MainWindow, job: JobFolder, folder: Path, done: Callable[[], object]) -> None:
        super().__init__(window)
        self._window = window
        self._job = job
        self._folder = folder
        self._done = done
        self._started = time.monotonic()
        self._ended: float | None = None
        self._next = _MOMENTS_S[0]
        self._taken = 0
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Take a picture when it is time for one."""
        now = time.monotonic()
        elapsed = now - self._started
        if self._ended is None and self._job.exit_status() is not None:
            self._ended = now
        if self._ended is not None:
            if now - self._ended >= _SETTLE_S:
                self._timer.stop()
                self._finish()
            return
        if elapsed >= self._next:
            self.take("running")
            later = [moment for moment in _MOMENTS_S if moment > elapsed]
            self._next = later[0] if later else elapsed + _LATER_S

    def take(self, what: str) -> None:
        """Save a picture of the window."""
        self._taken += 1
        self._window.grab().save(str(self._folder / f"{self._taken:02d}_{what}.png"))

    def _finish(self) -> None:
        """Picture the result in both themes, then the panes below the form one after another."""
        self.take("result")
        for pane in ("io", "note", "logs"):
            self._window.panes.reveal(pane)
            QApplication.processEvents()
            self.take(f"result_{pane}")
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        for theme in ("dark", "light"):
            apply_theme(application, theme)
            QApplication.processEvents()
            self.take(f"result_{theme}")
        self._done()


def open_on(project: Path, name: str, settings: Settings) -> MainWindow:
    """Return the window, which opens a project and shows one of its jobs as soon as it is read."""
    window = MainWindow(settings)
    window.project_commands.open(project)

    def show_job() -> None:
        if window.project_path is None or name not in window.entries:
            QTimer.singleShot(100, window, show_job)
            return
        window.select(name, started=True)
        window.panes.reveal("monitor")

    show_job()
    return window


def main(argv: Sequence[str]) -> int:
    """Open the window and stay until it is closed or the last picture has been taken."""
    parser = argparse.ArgumentParser(prog="demo_window")
    parser.add_argument("project", type=Path)
    parser.add_argument("job")
    parser.add_argument("--pictures", type=Path, default=None)
    given = parser.parse_args(argv)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("heteroscope")
    # pictures are always made with the same preferences, and leave those of the person untouched
    settings = load_settings() if given.pictures is None else Settings(theme="light")
    apply_theme(application, settings.theme)
    window = open_on(given.project.resolve(), given.job, settings)
    if given.pictures is not None:
        window.resize(*_SIZE)
        job = JobFolder(given.project.resolve(), given.job)
        Photographer(window, job, given.pictures, window.close)  # kept alive by the window
    window.show()
    # Python looks for signals only while it runs: with a turn now and then, the demo can end the window.
    signal.signal(signal.SIGTERM, lambda *_: window.close())
    turn = QTimer(interval=300)
    turn.timeout.connect(lambda: None)
    turn.start()
    return application.exec()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
