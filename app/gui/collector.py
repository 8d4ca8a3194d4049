"""Garbage is collected in the window's thread only.

Python collects cyclic garbage in whatever thread happens to allocate. When that is one of the lanes and the
garbage holds Qt objects, they are destroyed in the wrong thread, which ends the program. So automatic
collection is off while a window is open, and a timer does the same work where it belongs.
"""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, QTimer

#: Often, because what came together since the last time is looked through at once.
_PERIOD_MS = 200
#: Everything is looked through when what has grown old is more than this share of what has been kept.
_SHARE = 0.25
#: So many modules more than at the last look: a library was loaded, beside the window.
_LIBRARY = 20
_open = 0


class Collector(QObject):
    """Collects garbage now and then in the thread it lives in, from `start` to `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._started = False
        self._grown_old = self._kept = 0
        self._modules = len(sys.modules)
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
        """Collect the generations that are due, as Python would; what a library brought stays uncollected."""
        before, self._modules = self._modules, len(sys.modules)
        if self._modules >= before + _LIBRARY:
            # hundreds of thousands of functions and tables that live as long as the program: to look through
            # them would stall the window
            gc.freeze()
            return
        counts = gc.get_count()
        due = [counts[k] > self._thresholds[k] for k in range(3)]
        if due[2] and self._grown_old > _SHARE * self._kept:
            gc.collect(2)
            self._grown_old, self._kept = 0, len(gc.get_objects(2))
        elif due[1]:
            young = len(gc.get_objects(0)) + len(gc.get_objects(1))
            self._grown_old += young - gc.collect(1)
        elif due[0]:
            gc.collect(0)
