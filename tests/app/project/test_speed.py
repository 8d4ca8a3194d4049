"""A project of 10,000 jobs: processor time, so that a busy machine does not decide."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.project.project import Project
from tests.support.projects import make_big_project

N_JOBS, N_RUNNING = 10_000, 20


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of 10,000 jobs with 40,000 nodes."""
    folder = tmp_path_factory.mktemp("big")
    make_big_project(folder, N_JOBS, n_running=N_RUNNING)
    return folder


def best(action: Callable[[], object], n_times: int = 3) -> float:
    """Return the least processor time of several runs, in seconds."""
    times = []
    for _ in range(n_times):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def test_that_ten_thousand_jobs_open_in_less_than_a_second(big: Path) -> None:
    assert best(lambda: Project.open(big)) < 1
    project = Project.open(big)
    assert len(project.pipeline.processes) == N_JOBS
    assert len(project.pipeline.nodes) == 4 * N_JOBS
    assert len(project.dependants("Import/job001/")) == N_JOBS - 1


def test_that_looking_whether_anything_changed_takes_less_than_20_ms(big: Path) -> None:
    project = Project.open(big)

    def look() -> None:
        assert not project.refresh()
        assert project.check_completion() == []

    look()
    assert best(look) < 0.020


def test_that_following_a_change_of_status_takes_less_than_20_ms(big: Path) -> None:
    project, other = Project.open(big), Project.open(big)
    times = []
    for status in ("Failed", "Succeeded", "Failed", "Succeeded"):
        other.set_status("Refine3D/job004/", status)
        start = time.process_time()
        assert project.refresh()
        times.append(time.process_time() - start)
        assert project.process("Refine3D/job004/").status == status
    assert min(times) < 0.020


def test_that_entering_an_end_in_a_large_project_holds_the_lock_briefly(big: Path) -> None:
    project = Project.open(big)
    running = project.pipeline.running()
    times = []
    for process in running[:3]:
        (big / process.name / "RELION_JOB_EXIT_FAILURE").touch()
        start = time.process_time()
        assert [p.name for p in project.check_completion()] == [process.name]
        times.append(time.process_time() - start)
    assert min(times) < 0.1
    assert len(Project.open(big).pipeline.running()) == N_RUNNING - 3
