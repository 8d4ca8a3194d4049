"""Garbage is collected in the window's thread only.

Python collects cyclic garbage in whatever thread happens to allocate. When that is one of the lanes and the
garbage holds Qt objects, they are destroyed in the wrong thread, which ends the program. So automatic
collection is off while a window is open, and a timer does the same work where it belongs.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_PERIOD_MS = 1000
_open = 0


class Collector(QObject):
    """Collects garbage now and then in the thread it lives in, from `start` to `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._started = False
        self._timer = QTimer(self, interval=_PERIOD_MS)
        self._timer.timeout.connect(self.collect)

    def start(self) -> None:
        """Take over from Python; what exists by now stays, and is not looked through again and again."""
        global _open  # noqa: PLW0603 - the collector of Python is global, too
        if not self._started:
            self._started = True
            _open += 1
            gc.disable()
            gc.freeze()
            self._timer.start()

    def stop(self) -> None:
        """Give the work back to Python when no window needs it any more."""
        global _open  # noqa: PLW0603
        if self._started:
            self._started = False
            self._timer.stop()
            _open -= 1
            if not _open:
                gc.unfreeze()
                gc.enable()

    def collect(self) -> None:
        """Collect the generations that are due, as Python would."""
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > self._thresholds[generation]:
                gc.collect(generation)
                return
