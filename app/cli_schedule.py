"""``heteroscope schedule``: run scheduled jobs, once or again and again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.project.graph import SCHEDULED
from app.runner.schedule import Stopped, run_in_order
from app.runner.schedule_plan import (
    SchedulePlan,
    clear_markers,
    markers,
    running_schedules,
    set_markers,
    start_schedule,
    stop_schedule,
)
from jobs import registry
from jobs.core.errors import UserError


def _parser() -> Parser:
    parser = Parser(
        prog="heteroscope schedule",
        description="Run scheduled jobs one after another, each when its input files are there; stop at "
        "the first that fails.",
    )
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", help="jobs in their order [all scheduled ones of ours]"
    )
    parser.add_argument("--project", default=None, help="folder of the project [the current one]")
    parser.add_argument("--name", default="schedule1", help="name of the schedule [schedule1]")
    parser.add_argument("--wait", type=float, default=0.0, metavar="MIN", help="minutes before the first job")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run all of them N times [1]")
    parser.add_argument(
        "--every", type=float, default=0.0, metavar="MIN", help="least minutes from one repeat to the next"
    )
    parser.add_argument(
        "--pause", type=float, default=0.0, metavar="S", help="seconds to wait after each job"
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="return at once; the schedule goes on by itself, its log is pipeline_NAME.log",
    )
    parser.add_argument(
        "--stop", action="store_true", help="start no further jobs; the one that runs goes on to its end"
    )
    parser.add_argument("--list", action="store_true", help="name the schedules that run")
    return parser


def schedule(words: Sequence[str]) -> int:
    """Run, list or stop schedules."""
    parser = _parser()
    given = parser.read(words)
    look = given.list and not given.stop
    project = open_project(given.project, given.jobs[0] if given.jobs else "", look=look)
    folder = Path(project.path)
    if given.list or given.stop:
        running = running_schedules(folder)
        if given.stop and given.name != parser.get_default("name"):
            running = [name for name in running if name == given.name]
        for name in running:
            if given.stop:
                stop_schedule(folder, name)
            print(name)
        return 0
    plan = SchedulePlan(given.name, given.wait, given.repeat, given.every, given.pause)
    names = [find_job(project, job) for job in given.jobs] or [
        process.name
        for process in project.pipeline.processes
        if process.status == SCHEDULED
        and registry.of_job(process.type_label, folder / process.name) is not None
    ]
    if given.detach or not names:
        start_schedule(project, names, plan)
        print("\n".join(names))
        return 0
    for name in names:
        if (status := project.process(name).status) != SCHEDULED:
            raise UserError(f"{name} is {status}, not Scheduled")
    if not set_markers(folder, plan.name):
        raise UserError(f"The schedule {plan.name} is being run already", hint="Choose another --name")
    flags = markers(folder, plan.name)
    try:
        outcome = run_in_order(
            project,
            names,
            say=lambda text: print(text, file=sys.stderr),
            stopped=lambda: not all(flag.exists() for flag in flags),
            plan=plan,
        )
    except Stopped:
        print("The schedule was stopped.", file=sys.stderr)
        return 130
    finally:
        clear_markers(folder, plan.name)
    print("\n".join(names))
    return outcome.exit_code
