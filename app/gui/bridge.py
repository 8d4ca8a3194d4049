"""Everything slow happens here: three threads beside the window, and one Qt signal back to it.

The *project lane* owns the open project: every reading and writing of it, starting and stopping
jobs included, is done there, one thing after the other; between requests it looks every few
hundred milliseconds whether jobs ended or other programs changed the project. The *watch lane*
follows the files of the job that is shown, the GPUs and the lock, so that it keeps moving while the
project lane waits for a lock. The *disk lane* counts the room that jobs take.
"""

from __future__ import annotations

import itertools
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from PySide6.QtCore import QObject, QThread, Signal, Slot

from app.gui.collector import Collector

Lane = Literal["project", "watch", "disk"]
T = TypeVar("T")

#: Time between two looks at the project and at the shown job (s).
POLL_S = 0.3


@dataclass(frozen=True)
class Reply:
    """What became of a request: its result, or the exception that stopped it."""

    number: int
    result: object = None
    error: Exception | None = None


@dataclass(frozen=True)
class LaneTrouble:
    """A regular look failed; told once for each new message, never as an exception."""

    lane: str
    error: Exception


class LaneThread(QThread):
    """Does requests in order; while there are none, calls its ticks again and again."""

    news = Signal(object)

    def __init__(self, name: str, period_s: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._name = name
        self._period_s = period_s
        self._requests: queue.SimpleQueue[tuple[int, Callable[[], object]] | None] = queue.SimpleQueue()
        self._ticks: list[Callable[[], list[object]]] = []
        self._last_trouble = ""

    def set_period(self, period_s: float) -> None:
        """Change the time between two looks, from the next look on."""
        self._period_s = period_s

    def add_tick(self, tick: Callable[[], list[object]]) -> None:
        """Have a function called at every look; what it returns is sent to the window."""
        self._ticks.append(tick)

    def request(self, number: int, work: Callable[[], object]) -> None:
        """Queue a piece of work."""
        self._requests.put((number, work))

    def stop(self) -> None:
        """End after the work in hand; what still waits is dropped."""
        self.requestInterruption()
        self._requests.put(None)

    def run(self) -> None:
        """Work until stopped (called by Qt in the new thread)."""
        due = time.monotonic()
        while not self.isInterruptionRequested():
            try:
                item = self._requests.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                self._look()
                due = time.monotonic() + self._period_s
                continue
            if item is None:
                break
            self._answer(*item)
            # A result usually changes what there is to see: look at once.
            due = time.monotonic()

    def _answer(self, number: int, work: Callable[[], object]) -> None:
        try:
            reply = Reply(number, work())
        except Exception as error:  # every failure belongs to the window, none to the thread
            reply = Reply(number, error=error)
        self.news.emit(reply)

    def _look(self) -> None:
        for tick in self._ticks:
            try:
                found = tick()
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                if text != self._last_trouble:
                    self._last_trouble = text
                    self.news.emit(LaneTrouble(self._name, error))
                continue
            for item in found:
                self.news.emit(item)


class Bridge(QObject):
    """Hands work to the lanes and brings news back.

    Signals
    -------
    news : object
        Every event for the window (see :mod:`app.gui.news`); replies are delivered to the callbacks of
        their request and are not repeated here.
    busy : bool
        Whether requests of the project lane are under way.
    """

    news = Signal(object)
    busy = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._collector = Collector(self)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[Lane, float, Callable[[Any], None], Callable[[Exception], None]]] = {}
        self.lanes: dict[Lane, LaneThread] = {
            "project": LaneThread("project", POLL_S, self),
            "watch": LaneThread("watch", POLL_S, self),
            "disk": LaneThread("disk", POLL_S, self),
        }
        for lane in self.lanes.values():
            lane.news.connect(self._receive)

    def start(self) -> None:
        """Start both threads; from now on garbage is collected in the window's thread only."""
        self._collector.start()
        for lane in self.lanes.values():
            lane.start()

    def stop(self, wait_ms: int = 5000) -> bool:
        """End both threads; running jobs go on. Returns False when a thread did not end in time."""
        for lane in self.lanes.values():
            lane.stop()
        ended = all([lane.wait(wait_ms) for lane in self.lanes.values()])  # noqa: C419 - wait for each
        if ended:
            self._collector.stop()
        return ended

    def submit(
        self,
        work: Callable[[], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        *,
        lane: Lane = "project",
    ) -> None:
        """Do something beside the window; the callbacks are called in the window's thread.

        Parameters
        ----------
        work
            Function without arguments, called in the lane's thread.
        done
            Receives the result.
        failed
            Receives the exception; without it, the exception is sent as `LaneTrouble`.
        lane
            Who does it.
        """
        number = next(self._numbers)
        self._waiting[number] = (
            lane,
            time.monotonic(),
            done or (lambda _result: None),
            failed or (lambda error: self.news.emit(LaneTrouble(lane, error))),
        )
        self.lanes[lane].request(number, work)
        if lane == "project":
            self.busy.emit(True)

    def wait_for(self, work: Callable[[], T], timeout_s: float) -> T:
        """Have the project lane do something and wait for it; for threads other than the window's.

        Raises
        ------
        TimeoutError
            When it took longer than `timeout_s`; otherwise whatever the work raises.
        """
        future: Future[T] = Future()

        def settle() -> None:
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

        self.lanes["project"].request(0, settle)
        return future.result(timeout_s)

    def waiting_s(self) -> float:
        """Return how long the oldest request to the project lane has been under way, 0 when none is."""
        since = [start for lane, start, _, _ in self._waiting.values() if lane == "project"]
        return time.monotonic() - min(since) if since else 0.0

    @Slot(object)
    def _receive(self, item: object) -> None:
        if not isinstance(item, Reply):
            self.news.emit(item)
            return
        if item.number not in self._waiting:
            return  # asked by another thread, which has its answer already
        lane, _, done, failed = self._waiting.pop(item.number)
        if lane == "project":
            self.busy.emit(self.waiting_s() > 0)
        if item.error is not None:
            failed(item.error)
        else:
            done(item.result)
