"""The application object: theme, and the hook that turns any unexpected exception into a message."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QMainWindow

import app.settings as preferences
from app.display_command import DisplayRequest
from app.explorer_services import JobServices
from app.gui.display_alone import DisplayAlone, show_files
from app.gui.icons import program_icon
from app.gui.main_window import MainWindow
from app.settings import Settings
from jobs.core.declaration import JobType
from jobs.core.exploring import ViewRequest
from widgets import style

_log = logging.getLogger("heteroscope")


class ExceptionHook(QObject):
    """Takes the place of ``sys.excepthook`` while the window is open: the program goes on.

    Signals
    -------
    raised : str, str
        One sentence, and the whole traceback.
    """

    raised = Signal(str, str)

    def install(self) -> None:
        """Take over; exceptions in slots arrive here too."""
        self._previous = sys.excepthook
        sys.excepthook = self._handle

    def remove(self) -> None:
        """Give the place back."""
        sys.excepthook = self._previous

    def _handle(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        _log.error("Unexpected exception:\n%s", details)
        self.raised.emit(f"Something unexpected happened: {kind.__name__}: {error}", details)


def make_application(argv: Sequence[str], settings: Settings) -> QApplication:
    """Return the application object with name, icon, theme and size of text."""
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication([*argv])
    application.setApplicationName("heteroscope")
    application.setApplicationDisplayName("Heteroscope")
    application.setDesktopFileName("heteroscope")
    style.set_text_scale(application, settings.font_scale)
    style.apply_theme(application, settings.theme)
    application.setWindowIcon(program_icon())
    return application


def open_window(
    settings: Settings, project: Path | None = None, *, readonly: bool = False, tomo: bool = False
) -> MainWindow:
    """Make the window, show it, and open a project in it."""
    window = MainWindow(settings)
    window.show()
    for text in settings.warnings:
        window.message_bar.show_warning(text)
    if tomo:
        window.housekeeping.set_tomo(True)
    if project is not None:
        window.project_commands.open(project.expanduser().absolute(), readonly=readonly)
    return window


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    argv
        Arguments after the program's name: at most the project's folder, ``--readonly`` and ``--tomo``.

    Returns
    -------
    int
        Exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    folders = [word for word in arguments if not word.startswith("--")]
    return _stay(
        lambda settings: open_window(
            settings,
            Path(folders[0]) if folders else None,
            readonly="--readonly" in arguments,
            tomo="--tomo" in arguments,
        )
    )


def explore(job_type: JobType, request: ViewRequest, services: JobServices) -> int:
    """Open the explorer on a job, in the window of its project when it has one, and stay until it is closed.

    Returns
    -------
    int
        Exit code.
    """
    from app.gui.explorer_window import ExplorerWindow, explore_when_open
    from app.view_commands import in_project
    from widgets.explorer import graphics

    def show(settings: Settings) -> MainWindow | ExplorerWindow:
        if not in_project(request):
            alone = ExplorerWindow(services, request)
            alone.show()
            return alone
        graphics.preload()
        window = open_window(settings, request.project_dir)
        explore_when_open(window, job_type, request, services)
        return window

    return _stay(show)


def display(request: DisplayRequest) -> int:
    """Show files, each in a viewer of its own, and stay until all are closed; returns the exit code."""
    return _stay(lambda _settings: show_files(request))


def _stay(show: Callable[[Settings], QMainWindow | DisplayAlone]) -> int:
    """Make the application and a window, and stay until it is closed."""
    # Threads hand over to the window within a millisecond, not five: dragging in the explorer stays smooth.
    sys.setswitchinterval(0.001)
    settings = preferences.load()
    application = make_application([sys.argv[0]], settings)
    hook = ExceptionHook()
    hook.install()
    # Python handles signals only while its code runs: a timer gives it the chance, so that Ctrl+C works.
    signal.signal(signal.SIGINT, lambda *_: application.quit())
    wake = QTimer()
    wake.start(500)
    wake.timeout.connect(lambda: None)
    try:
        window = show(settings)
        if isinstance(window, MainWindow):
            hook.raised.connect(window.show_exception)
        application.aboutToQuit.connect(window.close)
        return application.exec()
    finally:
        hook.remove()
