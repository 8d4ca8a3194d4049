"""How a schedule is to run, the files that say it does, and its start."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.project.graph import SCHEDULED
from app.project.project import Project
from app.runner.identity import Identity, host_name, identify, is_alive
from app.runner.spawn import spawn_program
from app.runner.stored import read_stored
from jobs.core.errors import UserError

_START: Final = "RUNNING_PIPELINER_"
#: RELION's pipeliner makes the first form, its window looks for the second.
_FORMS: Final = ("", "default_")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class SchedulePlan:
    """When and how often scheduled jobs run.

    Attributes
    ----------
    name
        Of the schedule; its log is ``pipeline_<name>.log``.
    wait_before_min
        Minutes to wait before the first job.
    repeats
        How often all jobs run.
    between_min
        Least minutes from the start of one repeat to the next.
    after_s
        Seconds to wait after each job.
    """

    name: str = "schedule1"
    wait_before_min: float = 0.0
    repeats: int = 1
    between_min: float = 0.0
    after_s: float = 0.0

    def __post_init__(self) -> None:
        if wrong := check_schedule_name(self.name):
            raise UserError(wrong)
        if self.repeats < 1 or min(self.wait_before_min, self.between_min, self.after_s) < 0:
            raise UserError("A schedule runs at least once, and its times are not negative")

    def arguments(self) -> list[str]:
        """Return the words that say all this on a command line, as RELION spells them."""
        given = {
            "--schedule": self.name,
            "--repeat": self.repeats,
            "--min_wait": self.between_min,
            "--min_wait_before": self.wait_before_min,
            "--sec_wait_after": self.after_s,
        }
        return [word for option, value in given.items() for word in (option, str(value))]


def check_schedule_name(text: str) -> str:
    """Return what is wrong with the name of a schedule, or nothing."""
    if not _NAME.fullmatch(text) or text.startswith("default_"):
        return "The name of a schedule consists of letters, digits, dots, hyphens and underscores."
    return ""


def marker(project_dir: Path, schedule: str) -> Path:
    """Return the file that exists while a schedule runs, as RELION's window looks for it."""
    return project_dir / f"{_START}default_{schedule}"


def markers(project_dir: Path, schedule: str) -> list[Path]:
    """Return both forms of the file; deleting either stops the schedule."""
    return [project_dir / f"{_START}{form}{schedule}" for form in _FORMS]


def set_markers(project_dir: Path, schedule: str) -> bool:
    """Make both files; False when a schedule of that name runs. Those of a dead one are taken over."""
    if schedule in running_schedules(project_dir):
        return False
    own = identify(os.getpid())
    text = json.dumps({"host": host_name(), **(own.as_dict() if own is not None else {})})
    for path in markers(project_dir, schedule):
        path.write_text(text)
    return True


def clear_markers(project_dir: Path, schedule: str) -> None:
    """Remove both files: the schedule ends, or is to end after the job it is at."""
    for path in markers(project_dir, schedule):
        path.unlink(missing_ok=True)


def running_schedules(project_dir: Path) -> list[str]:
    """Return the names of the schedules that run in a project, RELION's own included."""
    names = {
        path.name.removeprefix(_START).removeprefix("default_")
        for path in project_dir.glob(f"{_START}*")
        if not _is_dead(path)
    }
    return sorted(names)


def _is_dead(path: Path) -> bool:
    """Whether the file was left by a program of ours on this machine that is no more."""
    with contextlib.suppress(OSError, ValueError):
        stored = json.loads(path.read_text())
        if isinstance(stored, dict) and stored.get("host") == host_name():
            identity = Identity.from_dict(stored)
            return identity is not None and not is_alive(identity)
    return False  # RELION's are empty


def stop_schedule(project_dir: Path, schedule: str) -> None:
    """Ask a schedule to stop after the job it is at; one that is over already is no error."""
    clear_markers(project_dir, schedule)


def log_path(project_dir: Path, schedule: str) -> Path:
    """Return the log of a schedule."""
    return project_dir / f"pipeline_{schedule}.log"


def start_schedule(project: Project, names: Sequence[str], plan: SchedulePlan) -> None:
    """Run scheduled jobs one after another in a process of their own, which outlives this one.

    Raises
    ------
    UserError
        When there is nothing to run, a job is not Scheduled or not ours, or that schedule runs already.
    """
    project.require_writable()
    if not names:
        raise UserError("There are no scheduled jobs to run", hint="Use Schedule to add some")
    if plan.name in running_schedules(project.path):
        raise UserError(
            f"The schedule {plan.name} is being run already",
            hint="Wait for it, stop it, or choose another name",
        )
    for name in names:
        status = project.process(name).status
        if status != SCHEDULED:
            raise UserError(f"{name} is {status}, not Scheduled")
        read_stored(project.path, name)
    words = [*plan.arguments(), *names]
    spawn_program(project.path, "app.runner.schedule", words, log_path(project.path, plan.name))
