"""Looking after jobs: deaths, aborts, re-attachment, and the order of what is told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.project.project import Project
from app.runner import abort as abort_module
from app.runner import launch
from app.runner.abort import abort
from app.runner.deaths import bury
from app.runner.events import Event, JobEnded, JobStarted, LogAppended, MetricsAdded, Notice, StatusChanged
from app.runner.identity import identify, is_alive
from app.runner.launch import start_job, start_scheduled, status_of
from app.runner.outcome import OutcomeKind, read_worker
from app.runner.queue import LocalQueue
from app.runner.supervise import Supervisor
from jobs.core.declaration import JobType
from tests.support.jobs import exit_markers, wait_for_end, wait_for_worker, wait_until


def poll_until(supervisor: Supervisor, wanted: Callable[[Event], bool], seconds: float = 15.0) -> list[Event]:
    """Poll until an event comes; returns all events up to then."""
    seen: list[Event] = []
    start = time.monotonic()
    while not any(wanted(event) for event in seen):
        assert time.monotonic() - start < seconds, f"never came; seen: {seen}"
        seen += supervisor.poll()
        time.sleep(0.05)
    return seen


def ended(event: Event) -> bool:
    return isinstance(event, JobEnded)


def test_that_beginning_status_and_end_are_told_in_order(project: Project, fake_type: JobType) -> None:
    supervisor = Supervisor(project)
    assert supervisor.poll() == []
    name = start_job(project, fake_type, fake_type.options(seconds=0.3))
    supervisor.watch(name)
    events = poll_until(supervisor, ended)
    assert {event.job for event in events} == {name}
    assert isinstance(events[0], JobStarted) and not events[0].attached
    assert [e.status for e in events if isinstance(e, StatusChanged)] == ["Running", "Succeeded"]
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome.kind is OutcomeKind.SUCCEEDED
    steps = [record["step"] for e in events if isinstance(e, MetricsAdded) for record in e.records]
    assert steps == [1, 2, 3]
    text = "".join(e.text for e in events if isinstance(e, LogAppended) and e.stream == "out")
    assert text == (project.path / name / "run.out").read_bytes().decode()
    assert supervisor.poll() == []


def test_that_a_killed_worker_is_noticed_within_seconds_while_the_window_is_open(
    project: Project, fake_type: JobType
) -> None:
    supervisor = Supervisor(project)
    name = start_job(project, fake_type, fake_type.options(mode="sleep", seconds=60))
    record = wait_for_worker(project.path / name)
    supervisor.poll()
    assert record.worker is not None
    os.kill(record.worker.pid, signal.SIGKILL)
    start = time.monotonic()
    events = poll_until(supervisor, ended)
    assert time.monotonic() - start < 5.0
    outcome = next(event for event in events if isinstance(event, JobEnded)).outcome
    assert outcome.kind is OutcomeKind.KILLED
    assert "SIGKILL" in outcome.sentence
    assert status_of(project, name) == "Failed"
    assert exit_markers(project.path / name) == ["FAILURE"]


def test_that_the_death_of_worker_and_keeper_together_is_noticed(
    project: Project, fake_type: JobType
) -> None:
    supervisor = Supervisor(project)
    name = start_job(project, fake_type, fake_type.options(mode="sleep", seconds=60))
    record = wait_for_worker(project.path / name)
    supervisor.poll()
    assert record.worker is not None and record.keeper is not None
    os.kill(record.keeper.pid, signal.SIGKILL)
    os.kill(record.worker.pid, signal.SIGKILL)
    start = time.monotonic()
    events = poll_until(supervisor, ended)
    assert time.monotonic() - start < 5.0
    assert next(e for e in events if isinstance(e, JobEnded)).outcome.kind is OutcomeKind.FAILED
    assert "disappeared" in (project.path / name / "run.err").read_text()
    assert status_of(project, name) == "Failed"


def test_that_a_worker_goes_on_when_its_keeper_is_killed(project: Project, fake_type: JobType) -> None:
    supervisor = Supervisor(project)
    name = start_job(project, fake_type, fake_type.options(seconds=1.0))
    record = wait_for_worker(project.path / name)
    assert record.keeper is not None
    os.kill(record.keeper.pid, signal.SIGKILL)
    events = poll_until(supervisor, ended)
    assert next(e for e in events if isinstance(e, JobEnded)).outcome.kind is OutcomeKind.SUCCEEDED


def test_that_a_running_job_is_found_again_when_the_window_opens(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(mode="sleep", seconds=30))
    wait_for_worker(project.path / name)
    later = Supervisor(Project.open(project.path))
    assert later.poll() == [JobStarted(name, run=1, attached=True)]
    later.abort(name)
    events = poll_until(later, ended)
    assert events[-1].outcome.kind is OutcomeKind.ABORTED  # type: ignore[attr-defined]


def test_that_a_job_that_died_while_nobody_looked_is_failed_at_the_first_look(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options())
    folder = project.path / name
    wait_for_end(folder)
    wait_until(lambda: not read_worker(folder).keeper_alive)  # type: ignore[union-attr]
    # As after a power cut: no marker, and the pid now belongs to another process.
    (folder / "RELION_JOB_EXIT_SUCCESS").unlink()
    own = identify(os.getpid())
    assert own is not None
    stored = json.loads((folder / "worker.json").read_text())
    for key in ("ended", "exit_code", "signal"):
        stored.pop(key)
    stored |= {"pid": own.pid, "create_time": own.create_time - 9999, "start_ticks": 1, "keeper": None}
    (folder / "worker.json").write_text(json.dumps(stored))
    reopened = Project.open(project.path)
    reopened.set_status(name, "Running")
    events = Supervisor(reopened).poll()
    assert status_of(reopened, name) == "Failed"
    assert [type(event) for event in events if isinstance(event, JobEnded)] == [JobEnded]
    assert exit_markers(folder) == ["FAILURE"]


def test_that_a_job_entered_but_never_started_does_not_run_for_ever(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    project.set_status(name, "Running")
    supervisor = Supervisor(project)
    supervisor.poll()
    assert status_of(project, name) == "Running"
    make_older(project.path / name)
    supervisor.poll()
    assert status_of(project, name) == "Failed"
    assert "never started" in (project.path / name / "run.err").read_text()


def test_that_a_job_scheduled_long_ago_is_not_taken_for_one_that_was_never_started(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    folder = project.path / name
    make_older(folder)
    # put into the local queue behind another, where a command waits for it
    queue = LocalQueue(project)
    blocker = queue.submit(fake_type, fake_type.options(seconds=1.0))
    queue.submit(fake_type, fake_type.options(), name=name)
    make_older(folder)
    assert not bury(project, name)
    assert status_of(project, name) == "Scheduled"
    assert wait_for_end(project.path / blocker) == "SUCCESS"
    wait_until(lambda: exit_markers(folder))
    assert exit_markers(folder) == ["SUCCESS"]
    assert "never started" not in (folder / "run.err").read_text()


def test_that_a_job_scheduled_long_ago_is_given_the_time_to_start(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    make_older(project.path / name)
    seen: list[str] = []

    def look_instead_of_starting(*_given: object, **_more: object) -> None:
        # another window looks between the change to Running and the first word of the worker
        Supervisor(Project.open(project.path)).poll()
        seen.append(status_of(Project.open(project.path), name))

    monkeypatch.setattr(launch, "spawn", look_instead_of_starting)
    start_scheduled(project, name)
    assert seen == ["Running"]
    assert exit_markers(project.path / name) == []


def make_older(folder: Path) -> None:
    """Let a job look as if it had been entered an hour ago."""
    for record in (*folder.glob("options.*.json"), folder / "job_pipeline.star"):
        os.utime(record, (time.time() - 3600, time.time() - 3600))


def test_that_jobs_of_other_programs_are_never_declared_dead(project: Project) -> None:
    project.new_job("Refine3D", "relion.refine3d", status="Running")
    supervisor = Supervisor(project)
    supervisor.poll()
    supervisor.poll()
    assert status_of(project, "Refine3D/job001/") == "Running"
    (project.path / "Refine3D/job001/RELION_JOB_EXIT_SUCCESS").touch()
    events = supervisor.poll()
    assert status_of(project, "Refine3D/job001/") == "Succeeded"
    assert ended(events[-1])


def test_that_a_polite_worker_stops_by_itself(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(mode="sleep", seconds=60))
    wait_for_worker(project.path / name)
    assert abort(project.path, name, grace_s=20) == ""
    assert exit_markers(project.path / name) == ["ABORTED"]
    record = read_worker(project.path / name)
    wait_until(lambda: (record := read_worker(project.path / name)) is not None and record.ended)
    record = read_worker(project.path / name)
    assert record is not None and (record.exit_code, record.signal) == (130, None)


def test_that_a_stubborn_worker_is_killed_with_its_children_after_the_grace_period(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abort_module, "TERM_S", 0.3)
    supervisor = Supervisor(project, grace_s=0.3)
    name = start_job(project, fake_type, fake_type.options(mode="stubborn", seconds=60))
    folder = project.path / name
    wait_until(lambda: "train" in (folder / "run.out").read_text())
    record = wait_for_worker(folder)
    assert record.worker is not None
    members = [
        identity
        for pid in psutil.pids()
        if (identity := identify(pid)) is not None and _group(pid) == record.worker.pid
    ]
    assert len(members) == 2
    supervisor.poll()
    supervisor.abort(name)
    events = poll_until(supervisor, ended)
    outcome = next(e for e in events if isinstance(e, JobEnded)).outcome
    assert (outcome.kind, outcome.signal) == (OutcomeKind.ABORTED, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, members)))
    assert exit_markers(folder) == ["ABORTED"]
    assert status_of(project, name) == "Aborted"


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_that_an_abort_of_a_job_of_another_program_only_asks(project: Project) -> None:
    project.new_job("Refine3D", "relion.refine3d", status="Running")
    remark = abort(project.path, "Refine3D/job001/", grace_s=0.1)
    assert "cannot be ended" in remark
    assert (project.path / "Refine3D/job001/RELION_JOB_ABORT_NOW").exists()
    assert exit_markers(project.path / "Refine3D/job001") == []


def test_that_trouble_with_the_project_is_told_once_and_ends_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.core.errors import UserError

    supervisor = Supervisor(project)

    def locked() -> bool:
        raise UserError("the project is locked by somebody")

    monkeypatch.setattr(project, "refresh", locked)
    assert supervisor.poll() == [Notice("", "the project is locked by somebody")]
    assert supervisor.poll() == []
