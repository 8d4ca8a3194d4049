"""The window as the demo opens it: on one job, watched to its end, with pictures where nobody sees it.

Run as a program: ``python -P -m app.gui.demo_window PROJECT JOB [--pictures FOLDER]``.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

import app.settings as preferences
from app.gui.application import ExceptionHook, make_application, open_window
from app.gui.main_window import MainWindow
from app.gui.screenshots import grab
from app.settings import Settings
from jobs.core.folder import ExitStatus, JobFolder
from widgets import style

#: Seconds after the opening at which pictures are taken; after the last, one each minute.
_MOMENTS_S = (2.0, 6.0, 15.0, 45.0)
_LATER_S = 60.0
#: After the end of the job, the window has this long to draw the result (s).
_SETTLE_S = 3.0
_LOOK_MS = 500
#: The explorer has this long to open (s).
_EXPLORE_S = 60.0
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
    runs
        Runs of the job that are waited for.
    """

    def __init__(
        self, window: MainWindow, job: JobFolder, folder: Path, done: Callable[[], object], runs: int = 1
    ) -> None:
        super().__init__(window)
        self._window = window
        self._job = job
        self._folder = folder
        self._done = done
        self._started = time.monotonic()
        self._ended: float | None = None
        self._next = _MOMENTS_S[0]
        self._taken = 0
        self._runs = runs
        self._run = 1
        self._pictured = False
        self._explored = 0.0
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Take a picture when it is time for one."""
        now = time.monotonic()
        elapsed = now - self._started
        status = self._job.exit_status()
        if status is None and self._ended is not None:
            self._begin_run(now)
            elapsed = 0.0
        elif status is not None and self._ended is None:
            self._ended = now
        if self._ended is not None:
            if now - self._ended >= _SETTLE_S:
                self._show_result(status is ExitStatus.SUCCESS)
            return
        if elapsed >= self._next:
            self.take("running")
            later = [moment for moment in _MOMENTS_S if moment > elapsed]
            self._next = later[0] if later else elapsed + _LATER_S

    def _begin_run(self, now: float) -> None:
        """Another task of the job has begun."""
        self._run += 1
        self._started, self._ended, self._next = now, None, _MOMENTS_S[0]
        self._pictured = False

    def _show_result(self, succeeded: bool) -> None:
        """Picture the result of a run; after the last one, everything else too."""
        if self._run >= self._runs or not succeeded:
            self._timer.stop()
            self._finish()
        elif not self._pictured:
            self._pictured = True
            self.take("result")

    def take(self, what: str) -> None:
        """Save a picture of the window."""
        self._taken += 1
        grab(self._window, self._folder / f"{self._taken:02d}_{what}.png")

    def _finish(self) -> None:
        """Picture the result, the panes below the form, the form, the dark theme, and the explorer."""
        self.take("result")
        for pane in ("io", "note", "logs"):
            self._window.panes.reveal(pane)
            self.take(f"result_{pane}")
        self._window.panes.reveal("job")
        self.take("form")
        self._window.panes.reveal("monitor")
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        style.apply_theme(application, "dark")
        self.take("result_dark")
        style.apply_theme(application, "light")
        self._window.explorer_commands.explore()
        self._explored = time.monotonic()
        QTimer.singleShot(_LOOK_MS, self, self._picture_explorer)

    def _picture_explorer(self) -> None:
        """Picture the explorer, with a trajectory along the main motion, once it shows something."""
        explorer = self._window.explorer_commands.explorer
        late = time.monotonic() - self._explored > _EXPLORE_S
        if explorer is None or late:
            self._done()
            return
        if explorer.shown_state is None or explorer.plane is None:
            QTimer.singleShot(_LOOK_MS, self, self._picture_explorer)
            return
        if explorer.travel.trajectory is None:
            explorer.show_tab(explorer.paths)
            explorer.paths.choose("axis")
        if not explorer.travel.travelling.done.size or not explorer.travel.travelling.done.all():
            QTimer.singleShot(_LOOK_MS, self, self._picture_explorer)
            return
        explorer.player.go_to(explorer.player.count - 1)
        QTimer.singleShot(round(1000 * _SETTLE_S), self, self._end)

    def _end(self) -> None:
        self.take("explorer")
        self._done()


def show_job(window: MainWindow, name: str) -> None:
    """Show a job and its monitor as soon as the project has been read."""
    if window.project_path is None or name not in window.entries:
        QTimer.singleShot(100, window, lambda: show_job(window, name))
        return
    window.select(name, started=True)
    window.panes.reveal("monitor")


def main(argv: Sequence[str]) -> int:
    """Open the window and stay until it is closed or the last picture has been taken."""
    parser = argparse.ArgumentParser(prog="demo_window")
    parser.add_argument("project", type=Path)
    parser.add_argument("job")
    parser.add_argument("--pictures", type=Path, default=None)
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args(argv)
    folder = given.project.resolve()
    if given.pictures is None:
        return _show(folder, given.job, preferences.load(), None, given.runs)
    # Pictures are always made with the same preferences, and leave those of the person untouched.
    with tempfile.TemporaryDirectory(prefix="heteroscope-demo-") as private:
        os.environ["XDG_CONFIG_HOME"] = private
        return _show(folder, given.job, Settings(theme="light"), given.pictures, given.runs)


def _show(folder: Path, name: str, settings: Settings, pictures: Path | None, runs: int) -> int:
    application = make_application(sys.argv[:1], settings)
    hook = ExceptionHook()
    hook.install()
    window = open_window(settings, folder)
    hook.raised.connect(window.show_exception)
    show_job(window, name)
    if pictures is not None:
        window.resize(*_SIZE)
        # kept alive by the window
        Photographer(window, JobFolder(folder, name), pictures, window.close, runs)
    # Python looks for signals only while it runs: with a turn now and then, the demo can end the window.
    signal.signal(signal.SIGTERM, lambda *_: window.close())
    turn = QTimer(interval=300)
    turn.timeout.connect(lambda: None)
    turn.start()
    try:
        return application.exec()
    finally:
        hook.remove()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
