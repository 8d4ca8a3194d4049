"""A thread that always works on the newest request, and whose finished answers are always shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal


class Latest(QObject):
    """Runs a function in one thread; requests that wait are replaced by newer ones.

    Unlike :class:`widgets.background.Newest`, an answer is not dropped because somebody has asked for
    something else meanwhile: while a trajectory plays, or the mouse drags, there always is a newer request,
    and the map would stand still until the mouse rests.

    Parameters
    ----------
    function : callable
        Takes the request, returns the answer; must not touch widgets.
    parent : QObject
        Owner.

    Signals
    -------
    answered : object
        The newest answer there is.
    failed : object
        An exception of the function.
    """

    answered = Signal(object)
    failed = Signal(object)
    _returned = Signal()

    def __init__(self, function: Callable[[Any], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._function = function
        self._wake = threading.Condition()
        self._request: Any = None
        self._answer: Any = None
        self._waiting = self._ready = self._leaving = self._working = False
        self._thread: threading.Thread | None = None
        self._returned.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def pending(self) -> bool:
        """Whether an answer is still to come."""
        with self._wake:
            return self._waiting or self._working or self._ready

    def request(self, value: Any) -> None:
        """Ask for an answer, instead of a request that is still waiting."""
        with self._wake:
            if self._leaving:
                return
            self._request, self._waiting = value, True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="heteroscope-map", daemon=True)
                self._thread.start()
            self._wake.notify()

    def leave(self) -> None:
        """End the thread after what it is doing; nothing is answered any more."""
        with self._wake:
            self._leaving = True
            self._waiting = self._ready = False
            self._request = self._answer = None
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(5.0)

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._waiting or self._leaving):
                    self._wake.wait()
                if self._leaving:
                    return
                request, self._request = self._request, None
                self._waiting, self._working = False, True
            answer: Any = None
            error: Exception | None = None
            try:
                answer = self._function(request)
            except Exception as caught:
                error = caught
            with self._wake:
                self._working = False
                if self._leaving:
                    return
                self._answer, self._ready = (answer, error), True
            try:
                self._returned.emit()
            except RuntimeError:
                return  # the window was closed while the function ran

    def _deliver(self) -> None:
        with self._wake:
            if not self._ready:
                return  # a newer answer was delivered instead
            (answer, error), self._answer, self._ready = self._answer, None, False
        if error is not None:
            self.failed.emit(error)
        else:
            self.answered.emit(answer)
