"""Tells that a job ended to a person who looks at something else."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from app.gui.icons import program_icon
from app.gui.notifier_bus import DesktopBus

_SHOWN_MS = 10_000


class Notifier(QObject):
    """Shows notifications of the desktop, as far as it has them, without a sound.

    The desktop's notification service is asked first, then the tray; without either, the entry of the window
    in the task bar asks for attention, and its title and badge say how many jobs have ended since somebody
    last looked at the window.

    Parameters
    ----------
    window
        The window that is brought to the front by a click.

    Signals
    -------
    clicked : str
        Name of the job whose notification was clicked.
    """

    clicked = Signal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._bus: DesktopBus | None = None
        self._last_job = ""
        self.unseen = 0
        """Jobs that ended while the window was not in front."""
        window.installEventFilter(self)

    def notify(self, title: str, text: str, *, good: bool = True, job: str = "") -> None:
        """Say something.

        Parameters
        ----------
        title, text
            What happened.
        good
            Whether it is good news.
        job
            Name of the job that a click shows.
        """
        self._last_job = job
        self.unseen += 1
        self._show_badge()
        QApplication.alert(self._window)
        if self._bus is None:
            self._bus = DesktopBus(self)
            self._bus.clicked.connect(self._come_forward)
        self._bus.notify(
            title,
            text,
            good=good,
            job=job,
            shown_ms=_SHOWN_MS,
            failed=lambda: self._through_tray(title, text, good=good),
        )

    def _through_tray(self, title: str, text: str, *, good: bool) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(program_icon(), self)
            self._tray.messageClicked.connect(lambda: self._come_forward(self._last_job))
            self._tray.activated.connect(lambda _reason: self._come_forward(self._last_job))
        kind = QSystemTrayIcon.MessageIcon.Information if good else QSystemTrayIcon.MessageIcon.Warning
        self._tray.show()
        self._tray.showMessage(title, text, kind, _SHOWN_MS)
        # an icon that does nothing is not left behind
        QTimer.singleShot(2 * _SHOWN_MS, self, self._tray.hide)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the badge away as soon as somebody looks at the window."""
        if event.type() == QEvent.Type.WindowActivate and self.unseen:
            self.unseen = 0
            self._show_badge()
        return False

    def _show_badge(self) -> None:
        application = QGuiApplication.instance()
        # without the name of its entry in the desktop's menu there is nothing to put a badge on
        if isinstance(application, QGuiApplication) and application.desktopFileName():
            application.setBadgeNumber(self.unseen)
        title = self._window.windowTitle()
        if title.startswith("(") and ") " in title:
            title = title.partition(") ")[2]
        self._window.setWindowTitle(f"({self.unseen}) {title}" if self.unseen else title)

    def _come_forward(self, job: str) -> None:
        if self._window.isMinimized():
            self._window.showNormal()
        self._window.raise_()
        self._window.activateWindow()
        if job:
            self.clicked.emit(job)
