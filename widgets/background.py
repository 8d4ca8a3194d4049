"""Calls a possibly slow function off the GUI thread; of several requests only the newest answer counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal


class Newest(QObject):
    """Runs a function in a thread of its own, a short while after the last request.

    Requests made while the function runs are remembered, the newest only. Answers to requests that have been
    overtaken are dropped, so a slow check of an old text never marks a field that was corrected meanwhile.

    Parameters
    ----------
    function : callable
        Takes the request, returns the answer; must not touch widgets. Exceptions are handed to `failed`.
    delay_ms : int
        Quiet time to wait for, in milliseconds.
    parent : QObject
        Owner.
    """

    answered = Signal(object)
    failed = Signal(object)
    _returned = Signal(int, object, object)

    def __init__(self, function: Callable[[Any], Any], delay_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._function = function
        self._number = 0
        self._request: Any = None
        self._busy = False
        self._again = False
        self._timer = QTimer(self, singleShot=True, interval=delay_ms)
        self._timer.timeout.connect(self._start)
        self._returned.connect(self._on_returned)

    @property
    def pending(self) -> bool:
        """Whether an answer is still to come."""
        return self._busy or self._timer.isActive()

    def request(self, value: Any) -> None:
        """Ask for an answer to `value`, replacing what was asked before."""
        self._number += 1
        self._request = value
        self._timer.start()

    def cancel(self) -> None:
        """Forget all requests; an answer under way is dropped."""
        self._number += 1
        self._again = False
        self._timer.stop()

    def _start(self) -> None:
        if self._busy:
            self._again = True
            return
        self._busy = True
        thread = threading.Thread(
            target=self._work, args=(self._number, self._request), name="heteroscope-check", daemon=True
        )
        thread.start()

    def _work(self, number: int, request: Any) -> None:
        answer: Any = None
        error: BaseException | None = None
        try:
            answer = self._function(request)
        except Exception as caught:
            error = caught
        try:
            self._returned.emit(number, answer, error)
        except RuntimeError:
            return  # the window was closed while the function ran

    def _on_returned(self, number: int, answer: Any, error: BaseException | None) -> None:
        self._busy = False
        if self._again:
            self._again = False
            self._start()
        if number != self._number:
            return
        if error is not None:
            self.failed.emit(error)
        else:
            self.answered.emit(answer)
