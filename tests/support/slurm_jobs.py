"""The fake job in a SLURM: submitted, followed, and what it left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.project.project import Project
from app.runner.launch import start_job
from app.runner.queue_jobs import queue_states
from app.runner.queue_record import read_queue_record
from app.runner.queue_systems import QueueState
from app.runner.supervise import Supervisor
from jobs.core.declaration import JobType
from tests.support.jobs import wait_until
from tests.support.slurm import PARTITION


def submit(project: Project, fake_type: JobType, **options: Any) -> tuple[str, Path, str]:
    """Submit the fake job; returns its name, its folder, and its id in the queue."""
    make: Any = fake_type.options
    chosen = make(do_queue=True, queuename=PARTITION, **{"mode": "sleep", **options})
    name = start_job(project, fake_type, chosen)
    record = read_queue_record(project.path / name)
    assert record is not None and record.system == "slurm"
    return name, project.path / name, record.identifier


def state_of(project: Project, name: str) -> QueueState:
    """Ask the queue where a job is."""
    return queue_states(project.path, [name])[name][1]


def follow(project: Project, done: Callable[[], object], seconds: float = 30.0) -> None:
    """Look after the project as the window does, until something has happened."""
    supervisor = Supervisor(project)

    def look() -> object:
        supervisor.poll()
        time.sleep(0.1)
        return done()

    wait_until(look, seconds)


def errors(folder: Path) -> str:
    """Return what a job wrote into run.err."""
    return (folder / "run.err").read_text()


def sentence_of(project: Project, name: str) -> str:
    """Return where a job is, in words."""
    record, state = queue_states(project.path, [name])[name]
    return state.sentence(record)
