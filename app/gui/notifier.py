"""Tells that a job ended to a person who looks at something else."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from app.gui.icons import program_icon

_SHOWN_MS = 10_000


class Notifier(QObject):
    """Shows notifications of the desktop, as far as it has them.

    Parameters
    ----------
    window
        The window that is brought to the front by a click.
    """

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None

    def notify(self, title: str, text: str, *, good: bool = True) -> None:
        """Say something; the entry of the window in the task bar asks for attention, too.

        Parameters
        ----------
        title, text
            What happened.
        good
            Whether it is good news.
        """
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(program_icon(), self)
            self._tray.messageClicked.connect(self._come_forward)
            self._tray.activated.connect(lambda _reason: self._come_forward())
        kind = QSystemTrayIcon.MessageIcon.Information if good else QSystemTrayIcon.MessageIcon.Warning
        self._tray.show()
        self._tray.showMessage(title, text, kind, _SHOWN_MS)
        # an icon that does nothing is not left behind
        QTimer.singleShot(2 * _SHOWN_MS, self, self._tray.hide)

    def _come_forward(self) -> None:
        if self._window.isMinimized():
            self._window.showNormal()
        self._window.raise_()
        self._window.activateWindow()
