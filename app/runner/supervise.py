"""Looks after the jobs of an open project: finds running ones again, notices ends, carries out aborts."""

from __future__ import annotations

import time
from pathlib import Path

from app.project.project import Project
from app.runner.abort import Abort
from app.runner.deaths import bury
from app.runner.events import Event, JobEnded, JobStarted, Notice, StatusChanged
from app.runner.launch import RUNNING
from app.runner.outcome import OutcomeKind, outcome_of, read_worker
from app.runner.queue import LocalQueue
from app.runner.watcher import JobWatcher
from jobs.core.errors import UserError

_QUEUE_PERIOD_S = 2.0


class Supervisor:
    """Looks after all jobs of a project, also those that another window or the command line has started.

    :meth:`poll` is called about once a second, from one thread; it costs a few `stat` calls per running job.
    Jobs that are running when it begins are re-attached: the first look reports them as started.

    Parameters
    ----------
    project
        The project, opened for writing.
    grace_s
        Seconds that an aborted job has to stop by itself.
    """

    def __init__(self, project: Project, *, grace_s: float = 30.0) -> None:
        self.project = project
        self.grace_s = grace_s
        self._statuses: dict[str, str] = {}
        self._runs: dict[str, str] = {}
        self._ended: set[str] = set()
        self._aborts: dict[str, Abort] = {}
        self._watchers: dict[str, JobWatcher] = {}
        self._queue = LocalQueue(project)
        self._next_queue = 0.0
        self._trouble = ""
        self._first = True

    # ---------------------------------------------------------------------------------------- requests

    def watch(self, name: str) -> None:
        """Also report what a job prints and measures."""
        self._watchers.setdefault(name, JobWatcher(Path(self.project.path) / name, name))

    def abort(self, name: str, grace_s: float | None = None) -> None:
        """Begin to abort a job; :meth:`poll` sees it through. A second call ends it at once."""
        if name in self._aborts:
            self._aborts[name].hurry()
            return
        if self._queue.remove(name):
            return  # it only waited; it stays in the project as Scheduled
        process = self.project.pipeline.process(name)
        if process is None or process.status != RUNNING:
            return  # over already, or not begun
        grace = self.grace_s if grace_s is None else grace_s
        self._aborts[name] = Abort(Path(self.project.path), name, grace_s=grace)

    # --------------------------------------------------------------------------------------------- look

    def poll(self) -> list[Event]:
        """Look at everything once, and return what happened since the last look."""
        events: list[Event] = []
        try:
            self.project.refresh()
            if self._first:
                # Ends that nobody has entered yet are news; everything else is as it was found.
                self._statuses = self._all_statuses()
            events += self._look_at_running()
            events += self._status_changes()
            self._trouble = ""
            self._first = False
        except (UserError, OSError) as error:
            # A full disk, a lock that is held, a damaged project file: told once, and tried again.
            if str(error) != self._trouble:
                self._trouble = str(error)
                events.append(Notice("", str(error)))
        events += self._carry_on_aborts()
        for watcher in self._watchers.values():
            # Beginning and end come from the look at all jobs.
            events += [e for e in watcher.poll() if not isinstance(e, JobStarted | JobEnded)]
        # The end of a job is told after its last line.
        return sorted(events, key=lambda event: isinstance(event, JobEnded))

    def _look_at_running(self) -> list[Event]:
        events: list[Event] = []
        over = False
        for process in self.project.pipeline.running():
            job_dir = Path(self.project.path) / process.name
            outcome = outcome_of(job_dir)
            record = read_worker(job_dir)
            if record is not None and record.started and self._runs.get(process.name) != record.started:
                self._runs[process.name] = record.started
                self._ended.discard(process.name)
                events.append(JobStarted(process.name, run=record.run, attached=self._first))
            over |= bury(self.project, process.name, outcome)
            over |= outcome.is_over and outcome.kind is not OutcomeKind.VANISHED
        if over:
            self.project.check_completion()
        now = time.monotonic()
        if over or now >= self._next_queue:
            self._next_queue = now + _QUEUE_PERIOD_S
            self._queue.advance()
        return events

    def _all_statuses(self) -> dict[str, str]:
        return {process.name: process.status for process in self.project.pipeline.processes}

    def _status_changes(self) -> list[Event]:
        events: list[Event] = []
        now = self._all_statuses()
        for name, status in now.items():
            before = self._statuses.get(name)
            if before == status:
                continue
            events.append(StatusChanged(name, status))
            if status == RUNNING:
                self._ended.discard(name)
            elif before == RUNNING or name in self._runs:
                events += self._end_of(name)
        self._statuses = now
        return events

    def _end_of(self, name: str) -> list[Event]:
        if name in self._ended:
            return []
        outcome = outcome_of(Path(self.project.path) / name)
        if not outcome.is_over:
            return []
        self._ended.add(name)
        return [JobEnded(name, outcome)]

    def _carry_on_aborts(self) -> list[Event]:
        events: list[Event] = []
        for name, under_way in list(self._aborts.items()):
            if under_way.step():
                del self._aborts[name]
                if under_way.remark:
                    events.append(Notice(name, under_way.remark))
        return events
