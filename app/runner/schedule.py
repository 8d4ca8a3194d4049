"""Runs scheduled jobs one after another, each when its input files are there; stops at the first that fails.

Call: ``python -P -m app.runner.schedule [--schedule NAME] JOB…`` in the project's folder. While it runs there
is a file ``RUNNING_PIPELINER_default_<schedule>`` in the project, as with RELION; deleting it stops the
schedule after the present job.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.project.project import Project
from app.runner.deaths import bury
from app.runner.launch import RUNNING, SCHEDULED, start_scheduled, status_of
from app.runner.outcome import Outcome, OutcomeKind, outcome_of
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder

_POLL_S = 1.0


class Stopped(Exception):
    """The schedule was asked to stop."""


def marker(project_dir: Path, schedule: str) -> Path:
    """Return the file that exists while a schedule runs; deleting it stops the schedule."""
    return project_dir / f"RUNNING_PIPELINER_default_{schedule}"


def running_schedules(project_dir: Path) -> list[str]:
    """Return the names of the schedules that run in a project, RELION's own included."""
    start = marker(project_dir, "").name
    return sorted(path.name.removeprefix(start) for path in project_dir.glob(f"{start}*"))


def stop_schedule(project_dir: Path, schedule: str) -> None:
    """Ask a schedule to stop after the job it is at; one that is over already is no error."""
    marker(project_dir, schedule).unlink(missing_ok=True)


def run_in_order(
    project: Project,
    names: Sequence[str],
    *,
    say: Callable[[str], None],
    stopped: Callable[[], bool] = lambda: False,
    poll_s: float = _POLL_S,
) -> Outcome:
    """Run scheduled jobs in the given order and wait for their ends.

    Parameters
    ----------
    project
        The project.
    names
        The jobs.
    say
        Receives one sentence for each thing that happens.
    stopped
        Asked now and then; True ends the schedule after the present job.
    poll_s
        Seconds between two looks.

    Returns
    -------
    Outcome
        The outcome of the first job that did not succeed, else of the last.

    Raises
    ------
    UserError
        When a job cannot be started.
    Stopped
        When the schedule was asked to stop.
    """
    outcome = Outcome(OutcomeKind.SUCCEEDED)
    for name in names:
        _wait_for_inputs(project, name, say, stopped, poll_s)
        start_scheduled(project, name)
        say(f"{name} has started.")
        outcome = _wait_for_end(project, name, poll_s)
        say(f"{name}: {outcome.sentence}")
        if outcome.kind is not OutcomeKind.SUCCEEDED:
            return outcome
        if stopped():
            raise Stopped
    return outcome


def missing_inputs(project: Project, name: str) -> list[str]:
    """Return the input files of a job that do not exist yet, or that a running job is still writing."""
    makers = {node: process for process, node in project.pipeline.output_edges}
    busy = {process.name for process in project.pipeline.processes if process.status in (RUNNING, SCHEDULED)}
    return [
        node.name
        for node in project.job_inputs(name)
        if not (Path(project.path) / node.name).exists() or makers.get(node.name) in busy
    ]


def _wait_for_inputs(
    project: Project, name: str, say: Callable[[str], None], stopped: Callable[[], bool], poll_s: float
) -> None:
    told = False
    while True:
        if stopped():
            raise Stopped
        project.refresh()
        project.check_completion()
        if status_of(project, name) != SCHEDULED:
            raise UserError(f"{name} is {status_of(project, name)}, not Scheduled")
        missing = missing_inputs(project, name)
        if not missing:
            return
        if not told:
            say(f"{name} waits for {', '.join(missing)}.")
            told = True
        time.sleep(poll_s)


def _wait_for_end(project: Project, name: str, poll_s: float) -> Outcome:
    folder = JobFolder(project.path, name)
    while True:
        outcome = outcome_of(folder.path)
        if outcome.kind is not OutcomeKind.VANISHED and outcome.is_over:
            project.check_completion()
            return outcome
        bury(folder, outcome)
        time.sleep(poll_s)


def main(arguments: list[str]) -> int:
    """Run a schedule to its end; 0 when all jobs succeeded, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="app.runner.schedule", allow_abbrev=False)
    parser.add_argument("--schedule", default="schedule1")
    parser.add_argument("jobs", nargs="+")
    given = parser.parse_args(arguments)
    flag = marker(Path.cwd(), given.schedule)

    def say(text: str) -> None:
        sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        sys.stdout.flush()

    try:
        with flag.open("x"):
            pass
    except FileExistsError:
        say(f"A schedule {given.schedule} is running already; delete {flag.name} if that is not so.")
        return 1
    try:
        project = Project.open(Path.cwd())
        outcome = run_in_order(project, given.jobs, say=say, stopped=lambda: not flag.exists())
    except Stopped:
        say("The schedule was stopped.")
        return 1
    except UserError as error:
        say(f"The schedule ends here: {error}")
        return 1
    finally:
        flag.unlink(missing_ok=True)
    if outcome.kind is not OutcomeKind.SUCCEEDED:
        say("The schedule ends here because this job did not succeed.")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
