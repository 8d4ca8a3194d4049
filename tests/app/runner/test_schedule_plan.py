"""Schedules with repeats and waiting times, their markers, and stopping them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.project.project import Project
from app.runner.launch import start_job, status_of
from app.runner.outcome import OutcomeKind
from app.runner.schedule import Stopped, read_plan, run_in_order
from app.runner.schedule_plan import (
    SchedulePlan,
    marker,
    markers,
    running_schedules,
    set_markers,
    start_schedule,
    stop_schedule,
)
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from tests.support.jobs import wait_until


def test_that_a_plan_survives_the_command_line() -> None:
    plan = SchedulePlan("fly", 1.5, 3, 15, 10)
    assert read_plan([*plan.arguments(), "A/job001/", "B/job002/"]) == (plan, ["A/job001/", "B/job002/"])


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "default_schedule1"])
def test_that_names_which_could_mean_other_files_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="letters, digits"):
        SchedulePlan(name)


def test_that_every_job_runs_again_in_each_repeat_as_it_was_scheduled(
    project: Project, fake_type: JobType
) -> None:
    first = start_job(project, fake_type, fake_type.options(), schedule=True)
    second = start_job(project, fake_type, fake_type.options(fn_in=f"{first}result.star"), schedule=True)
    said: list[str] = []
    plan = SchedulePlan(repeats=2)
    outcome = run_in_order(project, [first, second], say=said.append, poll_s=0.05, plan=plan)
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert [line for line in said if line.startswith("Repeat")] == ["Repeat 1 of 2.", "Repeat 2 of 2."]
    for name in (first, second):
        assert JobFolder(project.path, name).runs() == [1, 2]
        assert not JobFolder(project.path, name).read_options(2).is_continue
    assert project.pipeline.counter == 3


def test_that_waiting_ends_at_once_when_the_schedule_is_stopped(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    plan = SchedulePlan(wait_before_min=60)
    looks = iter([False, False, True])
    with pytest.raises(Stopped):
        run_in_order(
            project, [name], say=lambda _t: None, stopped=lambda: next(looks), poll_s=0.01, plan=plan
        )
    assert status_of(project, name) == "Scheduled"


def test_that_both_forms_of_relions_marker_are_there_and_either_stops(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    start_schedule(project, [name], SchedulePlan("fly", wait_before_min=10))
    short, long = markers(project.path, "fly")
    wait_until(lambda: short.exists() and long.exists())
    assert (short.name, long.name) == ("RUNNING_PIPELINER_fly", "RUNNING_PIPELINER_default_fly")
    assert running_schedules(project.path) == ["fly"]
    with pytest.raises(UserError, match="being run already"):
        start_schedule(project, [name], SchedulePlan("fly"))
    short.unlink()
    log = project.path / "pipeline_fly.log"
    wait_until(lambda: "The schedule was stopped." in log.read_text())
    wait_until(lambda: not long.exists())
    assert status_of(project, name) == "Scheduled"


def test_that_the_marker_of_relion_counts_and_that_of_a_dead_schedule_does_not(tmp_path: Path) -> None:
    (tmp_path / "RUNNING_PIPELINER_theirs").touch()
    assert set_markers(tmp_path, "ours")
    assert not set_markers(tmp_path, "ours")
    assert running_schedules(tmp_path) == ["ours", "theirs"]
    stored = json.loads(marker(tmp_path, "ours").read_text())
    for path in markers(tmp_path, "ours"):
        path.write_text(json.dumps({**stored, "start_ticks": 1, "create_time": 1.0}))
    assert running_schedules(tmp_path) == ["theirs"]
    assert set_markers(tmp_path, "ours")
    stop_schedule(tmp_path, "theirs")
    assert running_schedules(tmp_path) == ["ours"]
