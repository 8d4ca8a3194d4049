"""Ending a job: asked politely, then told, then forced."""

from __future__ import annotations

import time
from pathlib import Path

from app.runner import ending
from app.runner.outcome import WorkerRecord, outcome_of, read_worker
from app.runner.processes import end_group
from app.runner.queue_jobs import cancel_queued, submission
from app.runner.queue_record import QueueRecord
from app.runner.queue_systems import Phase
from app.runner.queue_watch import WATCH
from jobs.core.folder import JobFolder

#: Seconds between SIGTERM and SIGKILL.
TERM_S = 5.0
#: Seconds after a job was cancelled in its queue in which its own last words are waited for.
CANCEL_S = 10.0
#: Seconds for a queue to say whether a job waits or runs.
ANSWER_S = 8.0
#: Seconds after SIGKILL in which a process must be gone; one that waits for a dead disk never is.
KILL_S = 10.0


class Abort:
    """One abort under way; :meth:`step` is called now and then until it says that it is over.

    The worker is asked through the abort file, which it looks for every few seconds. When it has not stopped
    after the grace period, its whole process group gets SIGTERM, and SIGKILL a little later. Jobs in a
    cluster's queue are cancelled there instead: those that still wait at once, others after the grace period.

    Parameters
    ----------
    project_dir, name
        The job.
    grace_s
        Seconds it has to stop by itself.
    """

    def __init__(self, project_dir: Path, name: str, *, grace_s: float = 30.0) -> None:
        self.folder = JobFolder(project_dir, name)
        self.grace_s = grace_s
        self.remark = ""
        """What the user should know, "" = nothing."""
        self._term_s = TERM_S
        self._asked = time.monotonic()
        self._termed: float | None = None
        self._killed: float | None = None
        self._cancelled: float | None = None
        if not outcome_of(self.folder.path).is_over:
            self.folder.request_abort()

    def hurry(self) -> None:
        """Let the grace period be over now, and leave little time after SIGTERM."""
        self.grace_s = 0.0
        self._term_s = min(1.0, self._term_s)

    def step(self) -> bool:
        """Do what is due; True when the job is over, or nothing more can be done."""
        if ending.marker_of(str(self.folder.path)) is not None:
            return True
        now = time.monotonic()
        record = read_worker(self.folder.path)
        queued = submission(self.folder.path)
        if queued is not None and (queued.system != "shell" or record is None or record.worker is None):
            return self._in_queue(now, queued)
        if record is None or record.worker is None:
            return self._without_process(now)
        if record.worker_alive is None:
            return self._elsewhere(now, record)
        if record.worker_alive is False:
            return self._dead(record)
        if self._termed is None:
            if now - self._asked >= self.grace_s:
                end_group(record.worker.pid)
                self._termed = now
        elif self._killed is None:
            if now - self._termed >= self._term_s:
                end_group(record.worker.pid, kill=True)
                self._killed = now
        elif now - self._killed >= KILL_S:
            self.remark = (
                f"Process {record.worker.pid} of {self.folder.name} does not end even when killed; "
                "it probably waits for a disk that does not answer."
            )
            return True
        return False

    def _dead(self, record: WorkerRecord) -> bool:
        if record.keeper_alive:
            return False  # it writes the marker in a moment
        reason = ending.describe_end(record.exit_code, record.signal, aborted=True)
        ending.end_silently(str(self.folder.path), reason, aborted=True)
        return True

    def _without_process(self, now: float) -> bool:
        # Made by RELION, or not started yet: the file is all there is.
        if now - self._asked < self.grace_s:
            return False
        self.remark = (
            f"{self.folder.name} was asked to stop; its process is not known here, so it cannot be ended."
        )
        return True

    def _elsewhere(self, now: float, record: WorkerRecord) -> bool:
        if now - self._asked < self.grace_s:
            return False
        self.remark = (
            f"{self.folder.name} runs on {record.host} and was asked to stop; "
            "it cannot be ended from this machine."
        )
        return True

    def _in_queue(self, now: float, queued: QueueRecord) -> bool:
        named = f"{queued.title} (id {queued.identifier})"
        state = WATCH.state(queued)
        if self._cancelled is None:
            waits = queued.system == "shell" or (state is not None and state.phase is Phase.PENDING)
            unasked = state is None and now - self._asked < ANSWER_S
            if not waits and (unasked or now - self._asked < self.grace_s):
                return False
            why = cancel_queued(queued)
            if why:
                self.remark = (
                    f"{self.folder.name} was asked to stop; it could not be taken out of {named}: {why}."
                )
                return True
            self._cancelled = now
            if not waits:
                return False
        elif state is not None and state.phase is not Phase.OVER and now - self._cancelled < CANCEL_S:
            return False
        reason = f"The job was aborted on request and taken out of {named}."
        ending.end_silently(str(self.folder.path), reason, aborted=True)
        return True


def abort(project_dir: Path, name: str, *, grace_s: float = 30.0, poll_s: float = 0.1) -> str:
    """Abort a job and wait for its end.

    Returns
    -------
    str
        A remark for the user, "" when the job has ended.
    """
    under_way = Abort(project_dir, name, grace_s=grace_s)
    while not under_way.step():
        time.sleep(poll_s)
    return under_way.remark
