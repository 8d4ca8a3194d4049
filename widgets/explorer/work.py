"""One piece of background work at a time, with progress, abort, and the newest winning."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from jobs.core.errors import AbortRequested
from jobs.core.exploring import Cancelled, Progress

Function = Callable[[Progress, Cancelled], Any]


class Work(QObject):
    """Runs functions in threads; starting one gives up the one before, whose answer is dropped.

    Signals
    -------
    progressed
        Steps done, of how many (0: unknown), and what is being done.
    finished
        The work is over, however it ended; nothing is under way.
    """

    progressed = Signal(int, int, str)
    finished = Signal()
    _told = Signal(int, int, int, str)
    _returned = Signal(int, object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self._done: Callable[[Any], object] | None = None
        self._failed: Callable[[Exception], object] | None = None
        self.busy = False
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)
        self._returned.connect(self._on_returned, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        function: Function,
        done: Callable[[Any], object],
        failed: Callable[[Exception], object],
        title: str = "",
    ) -> None:
        """Begin; `done` gets the answer and `failed` the exception, both in the thread of the window."""
        self._number += 1
        number = self._number
        self._done, self._failed, self.busy = done, failed, True
        if title:
            self.progressed.emit(0, 0, title)
        thread = threading.Thread(
            target=self._work, args=(number, function), name="heteroscope-explorer", daemon=True
        )
        thread.start()

    def cancel(self) -> None:
        """Give up what is under way."""
        self._number += 1
        self._end()

    def _work(self, number: int, function: Function) -> None:
        answer: Any = None
        error: BaseException | None = None
        try:
            answer = function(
                lambda done, of, text: self._tell(number, done, of, text), lambda: number != self._number
            )
        except Exception as caught:
            error = caught
        try:
            self._returned.emit(number, answer, error)
        except RuntimeError:
            return  # the window was closed meanwhile

    def _tell(self, number: int, done: int, of: int, text: str) -> None:
        if number == self._number:
            self._told.emit(number, done, of, text)

    def _on_told(self, number: int, done: int, of: int, text: str) -> None:
        if number == self._number:
            self.progressed.emit(done, of, text)

    def _on_returned(self, number: int, answer: Any, error: Exception | None) -> None:
        if number != self._number:
            return
        done, failed = self._done, self._failed
        self._end()
        if error is None:
            if done is not None:
                done(answer)
        elif not isinstance(error, AbortRequested) and failed is not None:
            failed(error)

    def _end(self) -> None:
        self._done = self._failed = None
        if self.busy:
            self.busy = False
            self.finished.emit()
