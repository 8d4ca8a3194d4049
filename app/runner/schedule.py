"""Runs scheduled jobs one after another, each when its input files are there; stops at the first that fails.

Call: ``python -P -m app.runner.schedule [--schedule NAME] [--repeat N] … JOB…`` in the project.
While it runs there are files ``RUNNING_PIPELINER_<schedule>`` and ``RUNNING_PIPELINER_default_<schedule>`` in
it, as with RELION; deleting one stops the schedule after the present job.

With more than one repeat, every job runs again as it was scheduled: a continuation does its task once more, a
new job begins anew in its folder.
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
from app.runner.schedule_plan import (
    SchedulePlan,
    clear_markers,
    marker,
    markers,
    running_schedules,
    set_markers,
    stop_schedule,
)
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder

__all__ = ["marker", "running_schedules", "stop_schedule"]

_POLL_S = 1.0


class Stopped(Exception):
    """The schedule was asked to stop."""


def run_in_order(
    project: Project,
    names: Sequence[str],
    *,
    say: Callable[[str], None],
    stopped: Callable[[], bool] = lambda: False,
    poll_s: float = _POLL_S,
    plan: SchedulePlan | None = None,
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
    plan
        Repeats and times to wait.

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
    plan = plan or SchedulePlan()
    if plan.wait_before_min:
        say(f"Waiting for {plan.wait_before_min:g} min before the first job.")
    _pause(60 * plan.wait_before_min, stopped, poll_s)
    outcome = Outcome(OutcomeKind.SUCCEEDED)
    for repeat in range(1, plan.repeats + 1):
        start = time.monotonic()
        if plan.repeats > 1:
            say(f"Repeat {repeat} of {plan.repeats}.")
        if repeat > 1:
            _schedule_again(project, names)
        outcome = _run_once(project, names, say, stopped, poll_s, plan)
        if outcome.kind is not OutcomeKind.SUCCEEDED:
            return outcome
        if repeat < plan.repeats:
            _pause(60 * plan.between_min - (time.monotonic() - start), stopped, poll_s)
    return outcome


def _run_once(
    project: Project,
    names: Sequence[str],
    say: Callable[[str], None],
    stopped: Callable[[], bool],
    poll_s: float,
    plan: SchedulePlan,
) -> Outcome:
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
        _pause(plan.after_s, stopped, poll_s)
    return outcome


def _schedule_again(project: Project, names: Sequence[str]) -> None:
    """Enter jobs that have ended as Scheduled once more, with the settings they had."""
    project.refresh()
    for name in names:
        project.continue_job(name, status=SCHEDULED)


def _pause(seconds: float, stopped: Callable[[], bool], poll_s: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stopped():
            raise Stopped
        time.sleep(min(poll_s, left))


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
        bury(project, name, outcome)
        time.sleep(poll_s)


def read_plan(arguments: Sequence[str]) -> tuple[SchedulePlan, list[str]]:
    """Return the plan and the jobs of a command line."""
    parser = argparse.ArgumentParser(prog="app.runner.schedule", allow_abbrev=False)
    parser.add_argument("--schedule", default="schedule1")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--min_wait", type=float, default=0.0)
    parser.add_argument("--min_wait_before", type=float, default=0.0)
    parser.add_argument("--sec_wait_after", type=float, default=0.0)
    parser.add_argument("jobs", nargs="+")
    given = parser.parse_args(list(arguments))
    plan = SchedulePlan(
        given.schedule, given.min_wait_before, given.repeat, given.min_wait, given.sec_wait_after
    )
    return plan, given.jobs


def main(arguments: list[str]) -> int:
    """Run a schedule to its end; 0 when all jobs succeeded, 1 otherwise."""
    here = Path.cwd()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        sys.stdout.flush()

    plan, names = read_plan(arguments)
    if not set_markers(here, plan.name):
        say(
            f"A schedule {plan.name} is running already; delete {marker(here, plan.name).name} if that is "
            "not so."
        )
        return 1
    flags = markers(here, plan.name)
    try:
        project = Project.open(here)
        outcome = run_in_order(
            project, names, say=say, stopped=lambda: not all(flag.exists() for flag in flags), plan=plan
        )
    except Stopped:
        say("The schedule was stopped.")
        return 1
    except UserError as error:
        say(f"The schedule ends here: {error}")
        return 1
    finally:
        clear_markers(here, plan.name)
    if outcome.kind is not OutcomeKind.SUCCEEDED:
        say("The schedule ends here because this job did not succeed.")
        return 1
    say("All jobs of the schedule have succeeded.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
