"""The local queue: jobs that wait until their GPUs (or the CPU) are free, whoever is there to start them.

The queue is a file in the project. Every Heteroscope process that looks at the project moves it on: the
window, a waiting command, and the short-lived process that follows the end of each job. So it goes on when
the window is closed. Where it is not a job of this project that is waited for, a small process waits
(:mod:`app.runner.queue_keeper`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.project.project import Project
from app.runner.checks import slot_for
from app.runner.devices import Devices, numbers_of, takes_what_is_free
from app.runner.launch import (
    SCHEDULED,
    continue_job,
    start_job,
    start_scheduled,
    status_of,
    task_of,
)
from app.runner.reservations import announce, claims_of_others, machine_lock
from app.runner.spawn import spawn_program
from jobs.core.declaration import JobOptions, JobType
from jobs.core.errors import UserError
from jobs.core.folder import ExitStatus, JobFolder

_FOLDER = ".heteroscope"


@dataclass(frozen=True)
class Entry:
    """A job that waits; `added` are seconds since 1970.

    `slot` is ``gpu0``, ``gpu0,1`` (both), ``any0,1`` (one of them), ``auto`` (any there is) or ``cpu``.
    """

    job: str
    slot: str
    added: float


def queue_path(project_dir: Path) -> Path:
    """Return the file of a project's queue."""
    return Path(project_dir) / _FOLDER / "queue.json"


def read_entries(project_dir: Path) -> list[Entry]:
    """Return the waiting jobs of a project, first come first."""
    try:
        stored = json.loads(queue_path(project_dir).read_text(encoding="utf-8"))
        return [Entry(str(e["job"]), str(e["slot"]), float(e["added"])) for e in stored["waiting"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        # A damaged queue loses the order of waiting, never a job: they stay Scheduled in the project.
        return []


class LocalQueue:
    """Jobs of one project that wait for their turn.

    Parameters
    ----------
    project
        The project.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.path = queue_path(Path(project.path))
        self.needs_keeper = False
        """Whether a job waits for something whose end no process of this project would notice."""

    def entries(self) -> list[Entry]:
        """Return the waiting jobs, first come first."""
        return read_entries(Path(self.project.path))

    def submit(
        self, job_type: JobType, options: JobOptions, *, alias: str = "", name: str | None = None
    ) -> str:
        """Let a job start when its GPUs (or the CPU) are free of earlier ones; returns its name.

        Jobs for a cluster's queue are submitted at once: the cluster lets them wait. Jobs of types that use
        no GPU at all begin at once as well.

        Parameters
        ----------
        job_type, options
            What is to be done.
        alias
            A name for a new job.
        name
            Job that is continued; None = a new one.

        Raises
        ------
        UserError
            As :func:`app.runner.launch.start_job` and :func:`app.runner.launch.continue_job`.
        """
        slot = slot_for(job_type, options, task_of(self.project, job_type, options, name))
        if name is None:
            name = start_job(self.project, job_type, options, schedule=bool(slot), alias=alias)
        else:
            name = continue_job(self.project, name, job_type, options, schedule=bool(slot))
        if slot:
            self.add(name, slot)
            self.advance()
            self.ensure_keeper()
        return name

    # -- changing ------------------------------------------------------------------------------------------

    def add(self, name: str, slot: str) -> None:
        """Let a job that is Scheduled in the project wait for a slot."""
        with self._locked() as waiting:
            waiting[:] = [entry for entry in waiting if entry.job != name]
            waiting.append(Entry(name, slot, time.time()))

    def remove(self, name: str) -> bool:
        """Take a job out of the queue (it stays Scheduled); False when it did not wait."""
        with self._locked() as waiting:
            before = len(waiting)
            waiting[:] = [entry for entry in waiting if entry.job != name]
            return len(waiting) < before

    def move(self, name: str, place: int) -> bool:
        """Give a waiting job another place among all that wait, 0 = first; False when it does not wait.

        The times of arrival stay where they were, so that other projects are neither favoured nor passed.
        """
        with self._locked() as waiting:
            moved = next((entry for entry in waiting if entry.job == name), None)
            if moved is None:
                return False
            times = [entry.added for entry in waiting]
            waiting.remove(moved)
            waiting.insert(min(max(place, 0), len(waiting)), moved)
            waiting[:] = [Entry(e.job, e.slot, added) for e, added in zip(waiting, times, strict=True)]
        return True

    def start_now(self, name: str) -> None:
        """Start a waiting job although its device is busy.

        Raises
        ------
        UserError
            When it cannot be started; it then stays Scheduled, or is Failed where its worker did not begin.
        """
        self.remove(name)
        start_scheduled(self.project, name)

    # -- moving on -----------------------------------------------------------------------------------------

    def advance(self) -> list[str]:
        """Start every waiting job whose device is free, in their order.

        A job that waits for several GPUs gets them together: those it names are kept for it until the last is
        free, so that smaller jobs behind it do not take them again and again. Nobody holds one GPU while it
        waits for another, so jobs never wait for each other in a circle. Jobs of other projects that came
        earlier are left what they can start with. A job that cannot be started becomes Failed, with the
        reason in its ``run.err``, and the next gets its turn.

        Returns
        -------
        list of str
            The jobs that were started.
        """
        self.needs_keeper = False
        if not self.path.exists() or not self.entries():
            return []
        started: list[str] = []
        with machine_lock() as ours, self._locked() as waiting:
            if not ours:
                self.needs_keeper = True
                return []
            self.project.refresh()
            devices = Devices.look(self.project)
            others = claims_of_others(self.project.path)
            claimed: set[str] = set()
            for entry in list(waiting):
                if self._status(entry.job) != SCHEDULED:
                    waiting.remove(entry)  # deleted, or started by hand
                    continue
                while others and others[0].added < entry.added:
                    earlier = others.pop(0)
                    devices.give_way(earlier.project, earlier.job, earlier.slot, claimed)
                place = devices.place_for(entry.slot, claimed)
                if place is None:
                    claimed.update(numbers_of(entry.slot))
                    self.needs_keeper |= not devices.waits_for_own(entry.slot)
                    continue
                waiting.remove(entry)
                if self._start(entry, place):
                    devices.occupy(Path(self.project.path), entry.job, place)
                    started.append(entry.job)
            announce(self.project.path, [(e.job, e.slot, e.added) for e in waiting])
        return started

    def ensure_keeper(self) -> None:
        """Start the process that waits for what no job of this project will announce, if there is need."""
        if self.needs_keeper:
            log = self.path.with_name("queue.log")
            spawn_program(self.project.path, "app.runner.queue_keeper", [], log)

    def _start(self, entry: Entry, place: str) -> bool:
        try:
            start_scheduled(self.project, entry.job, place=place if takes_what_is_free(entry.slot) else "")
        except UserError as error:
            folder = JobFolder(self.project.path, entry.job)
            if folder.path.is_dir() and folder.exit_status() is None:
                with folder.run_err.open("a", encoding="utf-8") as log:
                    log.write(f"ERROR: {error}\n")
                folder.mark(ExitStatus.FAILURE)
            if self._status(entry.job) == SCHEDULED:
                self.project.mark_failed(entry.job)
            return False
        return True

    def _status(self, name: str) -> str:
        try:
            return status_of(self.project, name)
        except UserError:
            return ""

    @contextlib.contextmanager
    def _locked(self) -> Iterator[list[Entry]]:
        """Give the waiting jobs to be changed; only one process at a time does so."""
        self.path.parent.mkdir(exist_ok=True)
        with (self.path.parent / "queue.lock").open("w") as lock:
            # Without locks (some network file systems) two programs may start a job at the same moment; the
            # project's own lock then still keeps its status right.
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            before = self.entries()
            waiting = list(before)
            try:
                yield waiting
            finally:
                if waiting != before:
                    self._write(waiting)

    def _write(self, waiting: list[Entry]) -> None:
        temporary = self.path.with_name(f".queue.{os.getpid()}.tmp")
        content = {"version": 1, "waiting": [asdict(entry) for entry in waiting]}
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.path)
