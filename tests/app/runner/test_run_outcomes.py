"""How every run of a job ended stays known when later runs have taken the exit markers away."""

from __future__ import annotations

import os
import signal
import time

from app.project.project import Project
from app.provenance.story import Run, gather
from app.runner.launch import continue_job, start_job, status_of
from app.runner.outcome import read_worker
from jobs.core.declaration import JobType
from jobs.core.run_outcome import read_outcome, write_outcome
from tests.support.jobs import wait_for_end, wait_for_worker, wait_until


def runs(project: Project, name: str) -> tuple[Run, ...]:
    project.check_completion()
    return gather(project.path, name, status_of(project, name), {}).runs


def test_that_each_run_keeps_its_own_end_and_duration(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(mode="crash"))
    folder = project.path / name
    assert wait_for_end(folder) == "FAILURE"
    first_options = (folder / "options.001.json").read_bytes()
    continue_job(project, name, fake_type, fake_type.options(mode="sleep", seconds=60))
    worker = wait_for_worker(folder).worker
    assert worker is not None
    os.killpg(worker.pid, signal.SIGKILL)
    assert wait_for_end(folder) == "FAILURE"
    continue_job(project, name, fake_type, fake_type.options(mode="sleep", seconds=60))
    wait_for_worker(folder)
    (folder / "RELION_JOB_ABORT_NOW").touch()
    assert wait_for_end(folder) == "ABORTED"
    continue_job(project, name, fake_type, fake_type.options(seconds=0.3))
    assert [run.outcome for run in runs(project, name)][:3] == ["Failed", "Failed", "Aborted"]
    assert wait_for_end(folder) == "SUCCESS"
    found = runs(project, name)
    assert [run.outcome for run in found] == ["Failed", "Failed", "Aborted", "Succeeded"]
    assert all(run.seconds is not None and run.seconds < 30 for run in found)
    assert (folder / "options.001.json").read_bytes() == first_options
    record = read_worker(folder)
    assert record is not None and record.started
    assert read_outcome(str(folder), 4)["started"] == record.started


def test_that_the_end_of_a_run_of_an_older_version_is_kept_when_the_job_is_continued(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(mode="crash"))
    folder = project.path / name
    wait_for_end(folder)
    (folder / "outcome.001.json").unlink()
    continue_job(project, name, fake_type, fake_type.options(seconds=0.2))
    assert wait_for_end(folder) == "SUCCESS"
    assert [run.outcome for run in runs(project, name)] == ["Failed", "Succeeded"]


def test_that_a_copied_project_does_not_make_its_jobs_longer(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(seconds=0.1))
    folder = project.path / name
    wait_for_end(folder)
    wait_until(lambda: read_worker(folder).ended)  # type: ignore[union-attr]
    (folder / "outcome.001.json").unlink(missing_ok=True)
    later = time.time() + 8 * 3600
    os.utime(folder / "RELION_JOB_EXIT_SUCCESS", (later, later))
    project.check_completion()
    continue_job(project, name, fake_type, fake_type.options(do_more=True))
    assert wait_for_end(folder) == "SUCCESS"
    seconds = runs(project, name)[0].seconds
    assert seconds is not None and seconds < 60


def test_that_what_is_known_of_a_run_is_not_changed_afterwards(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(seconds=0.1))
    folder = project.path / name
    wait_for_end(folder)
    assert not write_outcome(str(folder), "FAILURE", 1)
    assert read_outcome(str(folder), 1)["outcome"] == "Succeeded"
    (folder / "outcome.001.json").write_text("{ not json")
    assert read_outcome(str(folder), 1) == {}
    assert [run.outcome for run in runs(project, name)] == ["Succeeded"]
