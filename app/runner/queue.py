"""The local queue: jobs that run one after another per GPU (or on the CPU), whoever is there to start them.

The queue is a file in the project. Every Heteroscope process that looks at the project moves it on: the
window, a waiting command, and the short-lived process that follows the end of each job. So it goes on when
the window is closed.
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
from app.runner.checks import gpu_for, is_cluster_job
from app.runner.launch import SCHEDULED, continue_job, start_job, start_scheduled, status_of
from app.runner.outcome import outcome_of, read_worker
from jobs.core.declaration import JobOptions, JobType
from jobs.core.errors import UserError
from jobs.core.folder import ExitStatus, JobFolder

_FOLDER = ".heteroscope"


@dataclass(frozen=True)
class Entry:
    """A job that waits; `slot` is ``gpu0`` … or ``cpu``, `added` seconds since 1970."""

    job: str
    slot: str
    added: float


def slot_of(gpu: str) -> str:
    """Return the slot that a job with this GPU ("" = CPU) occupies."""
    return f"gpu{gpu}" if gpu else "cpu"


class LocalQueue:
    """Jobs of one project that wait for their turn.

    Parameters
    ----------
    project
        The project.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.path = Path(project.path) / _FOLDER / "queue.json"

    def entries(self) -> list[Entry]:
        """Return the waiting jobs, first come first."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return [Entry(str(e["job"]), str(e["slot"]), float(e["added"])) for e in stored["waiting"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError):
            # A damaged queue loses the order of waiting, never a job: they stay Scheduled in the project.
            return []

    def submit(
        self, job_type: JobType, options: JobOptions, *, alias: str = "", name: str | None = None
    ) -> str:
        """Let a job start when its GPU (or the CPU) is free of earlier ones; returns its name.

        Jobs for a cluster's queue are submitted at once: the cluster lets them wait.

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
        waits = not is_cluster_job(options)
        slot = slot_of(gpu_for(job_type, options).text) if waits else ""
        if name is None:
            name = start_job(self.project, job_type, options, schedule=waits, alias=alias)
        else:
            name = continue_job(self.project, name, job_type, options, schedule=waits)
        if not waits:
            return name
        self.add(name, slot)
        self.advance()
        return name

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

    def advance(self) -> list[str]:
        """Start the next job of every free slot.

        A job that cannot be started becomes Failed, with the reason in its ``run.err``, and the next gets its
        turn.

        Returns
        -------
        list of str
            The jobs that were started.
        """
        if not self.path.exists() or not self.entries():
            return []
        started: list[str] = []
        with self._locked() as waiting:
            self.project.refresh()
            busy = self._busy_slots()
            for entry in list(waiting):
                if self._status(entry.job) != SCHEDULED:
                    waiting.remove(entry)  # deleted, or started by hand
                    continue
                if entry.slot in busy:
                    continue
                waiting.remove(entry)
                if self._start(entry):
                    busy.add(entry.slot)
                    started.append(entry.job)
        return started

    def _start(self, entry: Entry) -> bool:
        try:
            start_scheduled(self.project, entry.job)
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

    def _busy_slots(self) -> set[str]:
        busy = set()
        for process in self.project.pipeline.running():
            job_dir = Path(self.project.path) / process.name
            record = read_worker(job_dir)
            if record is None or record.queue_id or outcome_of(job_dir).is_over:
                continue
            # A worker on another machine may use that machine's GPUs, not ours.
            if record.is_here:
                busy.add(slot_of(record.gpu))
        return busy

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
