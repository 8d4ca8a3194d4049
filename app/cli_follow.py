"""Waiting for a job at a terminal, and ending one: progress, Ctrl-C, and the abort command."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.cli_progress import Progress
from app.project.project import Project
from app.runner import launch
from app.runner.abort import Abort, abort
from app.runner.deaths import bury
from app.runner.launch import status_of
from app.runner.outcome import Outcome, OutcomeKind, outcome_of, read_worker
from app.runner.queue import LocalQueue
from app.runner.queue_jobs import place_in_queue, submission
from app.runner.queue_systems import Phase
from app.runner.queue_watch import WATCH
from app.runner.watcher import JobWatcher
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder

_POLL_S = 0.1
_KEEPER_S = 5.0


def attend(project: Project, name: str, given: argparse.Namespace) -> int:
    """Wait for the end of a job unless told not to; the last line printed is the job's path."""
    if given.detach:
        print(name)
        return 0
    progress = Progress(quiet=given.quiet, log=given.log)
    outcome = follow(project, name, progress)
    print(name)
    return outcome.exit_code


def follow(project: Project, name: str, progress: Progress) -> Outcome:
    """Show a job's progress until it has ended; Ctrl-C aborts it politely, a second one at once.

    Returns
    -------
    Outcome
        What became of it. A job that only waited in the local queue, and was taken out of it by Ctrl-C,
        counts as aborted.
    """
    folder = JobFolder(Path(project.path), name)
    watcher = JobWatcher(folder.path, name, this_run_only=True)
    queue = LocalQueue(project)
    under_way: Abort | None = None
    where = ""
    if any(entry.job == name for entry in queue.entries()):
        progress.say(f"{name} waits in the queue.")
    while True:
        try:
            events = watcher.poll()
            progress.show(events)
            outcome = outcome_of(folder.path)
            if outcome.is_over and outcome.kind is not OutcomeKind.VANISHED:
                outcome = _with_exit_code(folder.path, outcome)
                progress.show(watcher.poll())
                _complete(project)
                return outcome
            bury(project, name, outcome)
            where = _tell_place(folder.path, where, progress)
            queue.advance()
            if under_way is not None and under_way.step() and under_way.remark:
                progress.say(under_way.remark)
                return Outcome(OutcomeKind.ABORTED)
            time.sleep(_POLL_S)
        except KeyboardInterrupt:
            if queue.remove(name):
                progress.say(f"{name} was taken out of the queue; it stays in the project as Scheduled.")
                return Outcome(OutcomeKind.ABORTED)
            if under_way is None:
                under_way = Abort(Path(project.path), name)
                progress.say(f"Asking {name} to stop; press Ctrl-C again to end it at once.")
            else:
                under_way.hurry()


def _tell_place(job_dir: Path, known: str, progress: Progress) -> str:
    """Tell where a job of a cluster's queue is when that has changed; returns what was told."""
    queued = submission(job_dir)
    if queued is None:
        return known
    state = WATCH.state(queued)
    if state is None or state.phase is Phase.OVER:
        return known
    place = place_in_queue(job_dir, queued, state).sentence
    if place != known:
        progress.say(f"{place}.")
    return place


def _with_exit_code(job_dir: Path, outcome: Outcome) -> Outcome:
    """Wait for the keeper, which knows the exit code a moment after the worker has written its marker."""
    patience = time.monotonic() + _KEEPER_S
    while time.monotonic() < patience:
        record = read_worker(job_dir)
        if record is None or record.ended or not record.keeper_alive:
            return outcome_of(job_dir)
        time.sleep(0.01)
    return outcome


def _complete(project: Project) -> None:
    try:
        project.check_completion()
    except UserError as error:
        # The project will be brought up to date by whoever opens it next; the job's own result stands.
        print(f"Warning: {error}", file=sys.stderr)


def stop(words: Sequence[str]) -> int:
    """``heteroscope abort JOB``: ask a job to stop, and end it after the grace period."""
    parser = Parser(
        prog="heteroscope abort", description="Ask a job to stop, and end it after a grace period."
    )
    parser.add_argument("job", metavar="JOB")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    parser.add_argument(
        "--grace", type=float, default=30.0, metavar="SECONDS", help="time to stop by itself [30]"
    )
    given = parser.read(words)
    project = open_project(given.project, given.job)
    name = find_job(project, given.job)
    if LocalQueue(project).remove(name):
        print(f"{name} was taken out of the queue; it stays in the project as Scheduled.", file=sys.stderr)
        print(name)
        return 0
    if status_of(project, name) != launch.RUNNING:
        raise UserError(f"{name} is not running, it is {status_of(project, name)}")
    remark = abort(Path(project.path), name, grace_s=given.grace)
    _complete(project)
    print(remark or outcome_of(Path(project.path) / name).sentence, file=sys.stderr)
    print(name)
    return 1 if remark else 0
