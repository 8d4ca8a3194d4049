"""The desktop's notification service (org.freedesktop.Notifications), which needs no tray."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import SLOT, QObject, QProcess, Signal, Slot
from PySide6.QtDBus import QDBusConnection

_SERVICE = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
_NUMBER = re.compile(r"\(uint32 (\d+),?\)")


class DesktopBus(QObject):
    """Sends notifications over the session's bus and hears when one is clicked.

    They are sent by ``gdbus``, which comes with the desktops that have no tray: Qt for Python cannot send
    the unsigned number that the service wants.

    Signals
    -------
    clicked : str
        Name of the job of a notification that was clicked.
    """

    clicked = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: dict[int, str] = {}
        bus = QDBusConnection.sessionBus()
        self._program = shutil.which("gdbus") if bus.isConnected() else None
        if self._program is not None:
            # the stubs of Qt for Python want bytes here, Qt for Python itself what SLOT gives
            slot: Any = SLOT("action(uint,QString)")
            bus.connect("", _PATH, _SERVICE, "ActionInvoked", self, slot)

    def notify(
        self, title: str, text: str, *, good: bool, job: str, shown_ms: int, failed: Callable[[], None]
    ) -> None:
        """Show a notification, without a sound; `failed` is called when the desktop has no such service."""
        if self._program is None:
            failed()
            return
        process = QProcess(self)

        def ended(code: int) -> None:
            found = _NUMBER.search(bytes(process.readAllStandardOutput().data()).decode(errors="replace"))
            process.deleteLater()
            if code == 0 and found is not None:
                self._jobs[int(found[1])] = job
            else:
                failed()

        process.finished.connect(lambda code, _status: ended(code))
        process.errorOccurred.connect(
            lambda error: failed() if error is QProcess.ProcessError.FailedToStart else None
        )
        process.start(self._program, arguments(title, text, good=good, shown_ms=shown_ms))

    @Slot("uint", str)
    def action(self, number: int, action: str) -> None:
        """Hear a click on one of the notifications of this program."""
        if number in self._jobs:
            self.clicked.emit(self._jobs.pop(number))


def arguments(title: str, text: str, *, good: bool, shown_ms: int) -> list[str]:
    """Return the command line that sends a notification."""
    urgency = 1 if good else 2
    hints = f"{{'suppress-sound': <true>, 'desktop-entry': <'heteroscope'>, 'urgency': <byte {urgency}>}}"
    return [
        *("call", "--session", "--timeout", "3", "--dest", _SERVICE, "--object-path", _PATH),
        *("--method", f"{_SERVICE}.Notify", "--"),
        *("Heteroscope", "uint32 0", "heteroscope", _quoted(title), _quoted(text)),
        *("['default', 'Show']", hints, f"int32 {shown_ms}"),
    ]


def _quoted(text: str) -> str:
    """Return a text in the notation of gdbus."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
