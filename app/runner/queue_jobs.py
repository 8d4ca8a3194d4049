"""Jobs of a project that were handed to a queue: their state, their end noticed, and taking them back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from app.project.project import Project
from app.runner import ending
from app.runner.identity import host_name, is_alive
from app.runner.outcome import WorkerRecord, read_worker
from app.runner.processes import end_group
from app.runner.queue_record import QueueRecord, read_queue_record
from app.runner.queue_systems import Phase, QueueState, ask_queue, cancel_in_queue
from app.runner.queue_watch import WATCH
from app.runner.queue_words import ending_sentence, logged_reason
from jobs.core.errors import UserError

#: Seconds for the job's own last words to arrive (over a network) after the queue said it is over.
_LAST_WORDS_S = 3.0
_LAST_WORDS_SUCCESS_S = 15.0


def submission(job_dir: Path) -> QueueRecord | None:
    """Return how a job was submitted that is not over yet, None for all others."""
    record = read_queue_record(job_dir)
    if record is None or ending.marker_of(str(job_dir)) is not None:
        return None
    worker = read_worker(job_dir)
    return record if worker is None or worker.run in (None, record.run) else None


@dataclass(frozen=True)
class Place:
    """Where a submitted job is, in words; `waits` when it has not begun."""

    sentence: str
    waits: bool


def place_in_queue(job_dir: Path, queued: QueueRecord, state: QueueState | None) -> Place:
    """Return where a submitted job is; where the queue cannot be asked, as far as its files tell."""
    state = state or QueueState(Phase.UNKNOWN)
    worker = read_worker(job_dir)
    begun = worker is not None and worker.worker is not None
    if state.phase is not Phase.UNKNOWN:
        return Place(state.sentence(queued), state.waits)
    if begun and worker is not None and worker.host:
        known = replace(state, phase=Phase.RUNNING, node=worker.host).sentence(queued)
        return Place(f"{known}; {state.trouble}" if state.trouble else known, False)
    return Place(state.sentence(queued), not begun)


def queue_states(project_dir: Path, names: Iterable[str]) -> dict[str, tuple[QueueRecord, QueueState]]:
    """Ask the queues about jobs and wait for the answers; jobs outside of queues are left out."""
    records = {name: record for name in names if (record := submission(project_dir / name)) is not None}
    found: dict[str, tuple[QueueRecord, QueueState]] = {}
    for system in {record.system for record in records.values()}:
        ours = {name: record for name, record in records.items() if record.system == system}
        answers = (
            {record.identifier: QueueState(Phase.RUNNING) for record in ours.values()}
            if system == "shell"
            else ask_queue(system, sorted({record.identifier for record in ours.values()}))
        )
        found |= {name: (record, answers[record.identifier]) for name, record in ours.items()}
    return found


def bury_queued(job_dir: Path, record: WorkerRecord | None) -> bool:
    """Write reason and exit marker of a submitted job that is over without a word of its own.

    The queue is asked beside the caller; nothing is done before it has answered, and nothing where it cannot
    be asked (another machine of the site).

    Returns
    -------
    bool
        True when a marker was written.
    """
    queued = submission(job_dir)
    if queued is None:
        return False
    aborted = ending.abort_requested(str(job_dir))
    if queued.system == "shell":
        return _bury_shell(job_dir, queued, record, aborted)
    state = WATCH.state(queued)
    if state is None or state.phase is not Phase.OVER:
        return False
    if record is not None and record.keeper_alive:
        return False  # it writes the marker in a moment
    patience = _LAST_WORDS_SUCCESS_S if state.word in ("COMPLETED", "") else _LAST_WORDS_S
    if WATCH.over_for_s(queued) < patience:
        return False
    if aborted:
        reason = f"The job was aborted on request and taken out of {queued.title} (id {queued.identifier})."
    else:
        start = record.log_start[1] if record is not None else 0
        logged = "" if state.word in ("TIMEOUT", "OUT_OF_MEMORY") else logged_reason(str(job_dir), start)
        reason = logged or ending_sentence(state.word, state.code)
    return ending.end_silently(str(job_dir), reason, aborted=aborted)


def queue_will_tell(job_dir: Path) -> bool:
    """Tell whether it is the queue that will say how a job ended whose process is gone."""
    queued = submission(job_dir)
    if queued is None or queued.system == "shell":
        return False
    state = WATCH.state(queued)
    return state is None or state.phase is not Phase.UNKNOWN


def _bury_shell(job_dir: Path, queued: QueueRecord, record: WorkerRecord | None, aborted: bool) -> bool:
    if queued.host != host_name() or queued.process is None or is_alive(queued.process):
        return False
    if record is not None and record.worker is not None:
        return False  # it began; its keeper or its own record tells how it ended
    reason = (
        "The job was aborted on request."
        if aborted
        else "The submission script ended before the job had begun; see the lines above."
    )
    return ending.end_silently(str(job_dir), reason, aborted=aborted)


def cancel_queued(queued: QueueRecord) -> str:
    """Take a job out of its queue; returns "" when that was done, else why it was not."""
    if queued.system != "shell":
        return cancel_in_queue(queued.system, queued.identifier)
    if queued.host != host_name() or queued.process is None:
        return f"its shell runs on {queued.host or 'another machine'}"
    if is_alive(queued.process):
        end_group(queued.process.pid)
    return ""


def withdraw(project: Project, names: Iterable[str]) -> list[str]:
    """Take jobs that are about to be deleted, and have not begun, out of their queues; returns those.

    Raises
    ------
    UserError
        When a queue does not let go of one.
    """
    path = Path(project.path)
    waiting = {name: found for name, found in queue_states(path, names).items() if found[1].waits}
    for name, (queued, _) in waiting.items():
        named = f"{queued.title} (id {queued.identifier})"
        why = cancel_queued(queued)
        if why:
            raise UserError(f"{name} could not be taken out of {named}: {why}", hint="Nothing was deleted")
        reason = f"The job was taken out of {named} to be deleted."
        ending.end_silently(str(path / name), reason, aborted=True)
    if waiting:
        project.check_completion()
    return list(waiting)
