"""Background work whose answers keep coming while requests do, as when a handle is dragged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from widgets.background import Newest


class Steady(QObject):
    """Runs a function in a thread, one request at a time.

    A request made meanwhile waits, the newest only. Unlike `Newest`, what is under way is always finished and
    answered, so that somebody who drags sees something happen.

    Parameters
    ----------
    function : callable
        Takes the request, returns the answer; must not touch widgets. Exceptions are handed to `failed`.
    parent : QObject
        Owner.
    """

    answered = Signal(object)
    failed = Signal(object)

    def __init__(self, function: Callable[[Any], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._worker = Newest(function, 0, self)
        self._worker.answered.connect(self._on_answered)
        self._worker.failed.connect(self._on_failed)
        self._waiting: list[Any] = []

    @property
    def pending(self) -> bool:
        """Whether an answer is still to come."""
        return self._worker.pending

    def request(self, value: Any) -> None:
        """Ask for an answer to `value`, after the one under way."""
        if self._worker.pending:
            self._waiting = [value]
        else:
            self._worker.request(value)

    def _on_answered(self, answer: Any) -> None:
        self._go_on()
        self.answered.emit(answer)

    def _on_failed(self, error: Exception) -> None:
        self._go_on()
        self.failed.emit(error)

    def _go_on(self) -> None:
        if self._waiting:
            self._worker.request(self._waiting.pop())
