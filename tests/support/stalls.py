"""Measures how long the window could not answer, in time on the clock and in time of the processor."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer


class StallMeter:
    """The longest time for which the event loop did not turn, while it is entered.

    On a busy machine the clock also counts what other programs took; the window's own part is what its
    thread used of the processor, `longest_cpu_ms`.

    Attributes
    ----------
    longest_ms, longest_cpu_ms
        Longest pause between two turns of the event loop.
    wall_s, cpu_s, process_s
        What the whole block took: on the clock, of the window's thread, of all threads.
    """

    def __init__(self) -> None:
        self._timer = QTimer(interval=1)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last = self._last_cpu = 0.0
        self.longest_ms = self.longest_cpu_ms = 0.0
        self.wall_s = self.cpu_s = self.process_s = 0.0
        self._begin = (0.0, 0.0, 0.0)

    def _beat(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1e3)
        self.longest_cpu_ms = max(self.longest_cpu_ms, (cpu - self._last_cpu) * 1e3)
        self._last, self._last_cpu = now, cpu

    def __enter__(self) -> StallMeter:
        self._begin = (time.perf_counter(), time.thread_time(), time.process_time())
        self._last, self._last_cpu = self._begin[:2]
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beat()
        self._timer.stop()
        wall, cpu, process = self._begin
        self.wall_s, self.cpu_s = self._last - wall, self._last_cpu - cpu
        self.process_s = time.process_time() - process
