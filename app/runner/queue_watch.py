"""Follows jobs in queues of clusters beside whoever wants to know: asking is free, answers come later.

A thread asks each queue for all jobs at once, as long as somebody wants to know about one of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.runner.queue_record import QueueRecord
from app.runner.queue_systems import Phase, QueueState, ask_queue

#: Seconds between two questions to a queue that answers quickly.
PERIOD_S = 2.5
#: A job that nobody has asked about for so long is not followed any more (s).
_FORGET_S = 15.0
_Key = tuple[str, str]


@dataclass
class _Followed:
    wanted: float
    state: QueueState | None = None
    over_since: float | None = None


class QueueWatch:
    """The latest known states of jobs in queues.

    Parameters
    ----------
    ask
        What asks a queue.
    period_s
        Seconds between two questions.
    """

    def __init__(
        self,
        ask: Callable[[str, Sequence[str]], dict[str, QueueState]] = ask_queue,
        period_s: float = PERIOD_S,
    ) -> None:
        self._ask = ask
        self._period_s = period_s
        self._jobs: dict[_Key, _Followed] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def state(self, record: QueueRecord) -> QueueState | None:
        """Return the latest known state of a job at once, None before the first answer; it is followed on."""
        if record.system == "shell":
            return QueueState(Phase.RUNNING)
        with self._lock:
            job = self._jobs.setdefault((record.system, record.identifier), _Followed(0.0))
            job.wanted = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="queue watch", daemon=True)
                self._thread.start()
            return job.state

    def over_for_s(self, record: QueueRecord) -> float:
        """Return for how many seconds a job has been known to be over in its queue, 0 when it is not."""
        with self._lock:
            job = self._jobs.get((record.system, record.identifier))
            since = job.over_since if job is not None else None
        return 0.0 if since is None else time.monotonic() - since

    def forget(self) -> None:
        """Forget all states, as when the next question may meet another cluster."""
        with self._lock:
            self._jobs.clear()

    def _run(self) -> None:
        while True:
            asked = self._wanted()
            if not asked:
                return
            start = time.monotonic()
            for system, identifiers in asked.items():
                answers = self._ask(system, identifiers)
                self._keep(system, answers)
            # A queue that answers slowly is asked less often.
            time.sleep(max(self._period_s, 3 * (time.monotonic() - start)))

    def _wanted(self) -> dict[str, list[str]]:
        now = time.monotonic()
        with self._lock:
            for key in [key for key, job in self._jobs.items() if now - job.wanted > _FORGET_S]:
                del self._jobs[key]
            found: dict[str, list[str]] = {}
            for system, identifier in self._jobs:
                found.setdefault(system, []).append(identifier)
            if not found:
                self._thread = None
            return found

    def _keep(self, system: str, answers: dict[str, QueueState]) -> None:
        now = time.monotonic()
        with self._lock:
            for identifier, state in answers.items():
                job = self._jobs.get((system, identifier))
                if job is None:
                    continue
                job.state = state
                if state.phase is not Phase.OVER:
                    job.over_since = None
                elif job.over_since is None:
                    job.over_since = now


#: The one of this process.
WATCH = QueueWatch()
