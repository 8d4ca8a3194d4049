"""The local queue and schedules: one after another, whoever is there."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from app.project.project import Project
from app.runner import gpus
from app.runner.gpus import Gpu
from app.runner.launch import run_scheduled, start_job, status_of
from app.runner.outcome import OutcomeKind, read_worker
from app.runner.queue import LocalQueue
from app.runner.schedule import marker, run_in_order
from app.runner.supervise import Supervisor
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.core.job_star import read_job_star
from tests.support.jobs import exit_markers, wait_for_end, wait_for_worker, wait_until


def times(project: Project, name: str) -> tuple[str, str]:
    record = read_worker(project.path / name)
    assert record is not None
    return record.started, record.ended


def test_that_jobs_on_the_cpu_run_one_after_another_with_nobody_looking(
    project: Project, fake_type: JobType
) -> None:
    queue = LocalQueue(project)
    names = [queue.submit(fake_type, fake_type.options(seconds=0.3)) for _ in range(3)]
    assert [entry.job for entry in queue.entries()] == names[1:]
    project.refresh()
    assert [status_of(project, name) for name in names] == ["Running", "Scheduled", "Scheduled"]
    # Nobody polls: the end of each job starts the next.
    for name in names:
        wait_until(lambda name=name: (project.path / name / "run.out").exists(), 20)
        assert wait_for_end(project.path / name) == "SUCCESS"
    spans = [times(project, name) for name in names]
    assert spans[0][1] <= spans[1][0] <= spans[1][1] <= spans[2][0]
    wait_until(lambda: not queue.entries())


def test_that_each_gpu_has_a_queue_of_its_own(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "list_gpus", lambda: [Gpu(n, f"Card {n}", f"GPU-{n}", 1, 0, 0) for n in (0, 1)])
    queue = LocalQueue(project)
    wanted = ["0", "0", "1", "cpu"]
    names = [queue.submit(fake_type, fake_type.options(mode="sleep", seconds=60, gpu_id=g)) for g in wanted]
    project.refresh()
    assert [status_of(project, name) for name in names] == ["Running", "Scheduled", "Running", "Running"]
    assert [(entry.job, entry.slot) for entry in queue.entries()] == [(names[1], "gpu0")]


def test_that_an_open_window_moves_the_queue_on(project: Project, fake_type: JobType) -> None:
    supervisor = Supervisor(project)
    queue = LocalQueue(project)
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    queue.add(name, "cpu")
    supervisor.poll()
    assert wait_for_end(project.path / name) == "SUCCESS"


def test_that_a_waiting_job_can_be_taken_out(project: Project, fake_type: JobType) -> None:
    queue = LocalQueue(project)
    first = queue.submit(fake_type, fake_type.options(mode="sleep", seconds=60))
    second = queue.submit(fake_type, fake_type.options())
    wait_for_worker(project.path / first)
    Supervisor(project).abort(second)
    assert queue.entries() == []
    assert status_of(project, second) == "Scheduled"


def test_that_a_continuation_waits_like_a_new_job(project: Project, fake_type: JobType) -> None:
    queue = LocalQueue(project)
    name = queue.submit(fake_type, fake_type.options())
    wait_for_end(project.path / name)
    project.check_completion()
    blocker = queue.submit(fake_type, fake_type.options(seconds=1.0))
    assert queue.submit(fake_type, fake_type.options(do_more=True), name=name) == name
    assert [entry.job for entry in queue.entries()] == [name]
    assert exit_markers(project.path / name) == []
    assert wait_for_end(project.path / blocker) == "SUCCESS"
    wait_until(lambda: exit_markers(project.path / name))
    folder = JobFolder(project.path, name)
    assert (folder.runs(), folder.read_options(2).task) == ([1, 2], "more")
    assert "more was done" in folder.run_out.read_text()
    assert read_job_star(folder.path).is_continue


def test_that_a_job_that_can_not_start_gives_way_to_the_next(project: Project, fake_type: JobType) -> None:
    queue = LocalQueue(project)
    bad = start_job(project, fake_type, fake_type.options(fn_in="missing.star"), schedule=True)
    good = start_job(project, fake_type, fake_type.options(), schedule=True)
    queue.add(bad, "cpu")
    queue.add(good, "cpu")
    assert queue.advance() == [good]
    assert wait_for_end(project.path / good) == "SUCCESS"
    project.refresh()
    assert status_of(project, bad) == "Failed"
    assert "missing.star does not exist" in (project.path / bad / "run.err").read_text()


def test_that_a_damaged_queue_loses_no_job(project: Project, fake_type: JobType) -> None:
    queue = LocalQueue(project)
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    queue.add(name, "cpu")
    queue.path.write_text('{"waiting": [')
    assert queue.advance() == []
    assert status_of(project, name) == "Scheduled"


def test_that_a_schedule_waits_for_files_and_stops_at_the_first_failure(
    project: Project, fake_type: JobType
) -> None:
    first = start_job(project, fake_type, fake_type.options(seconds=0.2), schedule=True)
    second = start_job(
        project, fake_type, fake_type.options(fn_in=f"{first}result.star", mode="crash"), schedule=True
    )
    third = start_job(project, fake_type, fake_type.options(), schedule=True)
    said: list[str] = []
    outcome = run_in_order(project, [first, second, third], say=said.append, poll_s=0.05)
    assert outcome.kind is OutcomeKind.FAILED
    assert [status_of(project, name) for name in (first, second, third)] == [
        "Succeeded",
        "Failed",
        "Scheduled",
    ]
    # the marker ends a job; its keeper writes down the end a moment later
    end = (project.path / first / "RELION_JOB_EXIT_SUCCESS").stat().st_mtime
    assert end <= datetime.fromisoformat(times(project, second)[0]).timestamp() + 0.01
    assert "the fake crashed" in said[-1]


def test_that_a_schedule_goes_on_by_itself_and_stops_when_its_file_is_deleted(
    project: Project, fake_type: JobType
) -> None:
    first = start_job(project, fake_type, fake_type.options(mode="sleep", seconds=1.0), schedule=True)
    second = start_job(project, fake_type, fake_type.options(), schedule=True)
    run_scheduled(project, [first, second], schedule="test1")
    flag = marker(project.path, "test1")
    wait_until(flag.exists)
    assert flag.name == "RUNNING_PIPELINER_default_test1"
    wait_until((project.path / first / "run.out").exists)
    flag.unlink()
    assert wait_for_end(project.path / first) == "SUCCESS"
    log = project.path / "pipeline_test1.log"
    wait_until(lambda: "stopped" in log.read_text())
    project.refresh()
    assert status_of(project, second) == "Scheduled"


def test_that_a_schedule_waits_for_an_input_that_does_not_exist_yet(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(fn_in="later.star"), schedule=True)
    said: list[str] = []

    def make_it_on_the_second_look() -> bool:
        if said and not (project.path / "later.star").exists():
            (project.path / "later.star").write_text("data_\n")
        return False

    outcome = run_in_order(project, [name], say=said.append, stopped=make_it_on_the_second_look, poll_s=0.05)
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert said[0] == f"{name} waits for later.star."


def test_that_only_scheduled_jobs_of_ours_can_be_put_on_a_schedule(
    project: Project, fake_type: JobType
) -> None:
    with pytest.raises(UserError, match="no scheduled jobs"):
        run_scheduled(project, [])
    project.new_job("Refine3D", "relion.refine3d", status="Running")
    with pytest.raises(UserError, match="not Scheduled"):
        run_scheduled(project, ["Refine3D/job001/"])


def test_that_two_programs_start_a_waiting_job_once(project: Project, fake_type: JobType) -> None:
    import threading

    name = start_job(project, fake_type, fake_type.options(seconds=0.2), schedule=True)
    LocalQueue(project).add(name, "cpu")
    started: list[str] = []
    threads = [
        threading.Thread(target=lambda: started.extend(LocalQueue(Project.open(project.path)).advance()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started == [name]
    wait_for_end(project.path / name)
    assert JobFolder(project.path, name).runs() == [1]
    assert Path(project.path / name / "run.out").read_text().count("Do nothing, run 1") == 1
    time.sleep(0.1)
