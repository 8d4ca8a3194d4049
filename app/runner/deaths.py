"""Jobs whose worker is gone without a word: their end is written down for them."""

from __future__ import annotations

import time

from app.project.graph import RUNNING
from app.project.project import Project
from app.project.trash import JOB_PIPELINE
from app.runner import ending
from app.runner.outcome import Outcome, OutcomeKind, outcome_of, read_worker
from app.runner.queue_jobs import bury_queued, queue_will_tell
from jobs.core.folder import JobFolder

#: A job of ours that stands as Running without a worker for so long was never started (s).
_LAUNCH_S = 60.0


def bury(project: Project, name: str, outcome: Outcome | None = None) -> bool:
    """Write reason and exit marker of a job whose worker is gone without a word.

    Nothing is done while its keeper lives (which does it), for workers on other machines (unless their queue
    says that the job is over), for jobs that wait as Scheduled, or for jobs of other programs.

    Returns
    -------
    bool
        True when a marker was written.
    """
    folder = JobFolder(project.path, name)
    job_dir = str(folder.path)
    outcome = outcome or outcome_of(folder.path)
    record = read_worker(folder.path)
    if record is not None and record.queue_id and bury_queued(folder.path, record):
        return True
    aborted = ending.abort_requested(job_dir)
    if outcome.kind is OutcomeKind.VANISHED and record is not None:
        if record.keeper_alive or (record.queue_id and queue_will_tell(folder.path)):
            return False
        reason = ending.describe_end(record.exit_code, record.signal, aborted=aborted)
        return ending.end_silently(job_dir, reason, aborted=aborted)
    if outcome.kind is OutcomeKind.NOT_STARTED and record is None and _was_never_started(project, folder):
        reason = "The job was entered but never started: the program that launched it ended too early."
        return ending.end_silently(job_dir, reason, aborted=aborted)
    return False


def _was_never_started(project: Project, folder: JobFolder) -> bool:
    runs = folder.runs()
    if not runs:
        return False  # another program's job
    try:
        # of a scheduled job the options are old; the other file is written when it becomes Running
        records = (folder.options_file(runs[-1]), folder.path / JOB_PIPELINE)
        entered = max(record.stat().st_mtime for record in records if record.exists())
    except (OSError, ValueError):
        return False
    if time.time() - entered <= _LAUNCH_S:
        return False
    project.refresh()
    process = project.pipeline.process(folder.name)
    return process is not None and process.status == RUNNING
