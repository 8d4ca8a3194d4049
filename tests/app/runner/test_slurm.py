"""Jobs in a real SLURM: followed from waiting to their end, aborted, and their deaths noticed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from app import cli
from app.project.project import Project
from app.runner.abort import abort
from app.runner.launch import continue_job, start_job, status_of
from app.runner.outcome import outcome_of, read_worker
from app.runner.queue_jobs import queue_states
from app.runner.queue_record import read_queue_record
from app.runner.queue_systems import Phase
from jobs.core.declaration import JobType
from tests.support.jobs import exit_markers, wait_for_worker, wait_until
from tests.support.slurm import PARTITION, Slurm
from tests.support.slurm_jobs import errors, follow, state_of, submit

pytestmark = pytest.mark.timeout(120)


def test_that_a_job_is_followed_from_waiting_to_success(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    with slurm.full():
        name, folder, identifier = submit(project, fake_type, seconds=2.0)
        wait_until(lambda: state_of(project, name).reason == "Resources")
        state = state_of(project, name)
        assert state.waits and outcome_of(folder).is_over is False
        record = read_queue_record(folder)
        assert record is not None
        assert state.sentence(record) == f"Queued in SLURM (id {identifier}, reason Resources)"
        assert read_worker(folder) is not None and status_of(project, name) == "Running"
    wait_for_worker(folder)
    wait_until(lambda: state_of(project, name).phase is Phase.RUNNING)
    assert state_of(project, name).sentence(record).startswith("Running on node ")
    follow(project, lambda: status_of(project, name) == "Succeeded")
    assert exit_markers(folder) == ["SUCCESS"]
    wait_until(lambda: json.loads((folder / "worker.json").read_text()).get("ended"))
    assert json.loads((folder / "worker.json").read_text())["queue_id"] == identifier
    assert "OMP_NUM_THREADS='1'" in (folder / "run.out").read_text()
    assert not queue_states(project.path, [name])


def test_that_a_waiting_job_is_aborted_at_once(slurm: Slurm, project: Project, fake_type: JobType) -> None:
    with slurm.full():
        name, folder, identifier = submit(project, fake_type)
        wait_until(lambda: state_of(project, name).waits)
        began = time.monotonic()
        assert abort(project.path, name, grace_s=30.0) == ""
        assert time.monotonic() - began < 10
        assert slurm.state(identifier) == "CANCELLED"
    assert exit_markers(folder) == ["ABORTED"]
    assert f"taken out of SLURM (id {identifier})" in errors(folder)


def test_that_a_running_job_is_asked_politely(slurm: Slurm, project: Project, fake_type: JobType) -> None:
    name, folder, identifier = submit(project, fake_type, seconds=60.0)
    wait_for_worker(folder)
    assert abort(project.path, name, grace_s=20.0) == ""
    assert exit_markers(folder) == ["ABORTED"]
    wait_until(lambda: slurm.state(identifier) == "COMPLETED")


def test_that_a_job_that_does_not_listen_is_cancelled(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    name, folder, identifier = submit(project, fake_type, mode="stubborn", seconds=60.0)
    wait_for_worker(folder)
    wait_until((folder / "metrics.jsonl").exists)
    assert abort(project.path, name, grace_s=0.5) == ""
    assert exit_markers(folder) == ["ABORTED"]
    wait_until(lambda: slurm.state(identifier) in ("CANCELLED", "COMPLETED", "FAILED"))


@pytest.mark.parametrize("begun", [True, False])
def test_that_a_job_cancelled_from_outside_fails_with_the_reason(
    slurm: Slurm, project: Project, fake_type: JobType, begun: bool
) -> None:
    with slurm.full() as other:
        name, folder, identifier = submit(project, fake_type, seconds=60.0)
        if begun:
            slurm.run("scancel", other)
            wait_for_worker(folder)
        else:
            wait_until(lambda: state_of(project, name).waits)
        slurm.run("scancel", identifier)
        began = time.monotonic()
        follow(project, lambda: status_of(project, name) == "Failed")
        assert time.monotonic() - began < 15
    assert exit_markers(folder) == ["FAILURE"]
    assert "ERROR: The job was cancelled in the queue from outside (CANCELLED)." in errors(folder)
    assert "cancelled in the queue from outside" in outcome_of(folder).sentence


def test_that_a_job_over_its_time_limit_fails_with_the_reason(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    name, folder, identifier = submit(project, fake_type, seconds=100.0)
    wait_for_worker(folder)
    slurm.run("scontrol", "update", f"JobId={identifier}", "EndTime=now+1seconds")
    # the controller looks every half minute
    follow(project, lambda: status_of(project, name) == "Failed", 60.0)
    assert slurm.state(identifier) == "TIMEOUT"
    assert "its time limit was reached; ask for more time" in outcome_of(folder).sentence


def test_that_a_job_killed_with_its_keeper_is_noticed(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    name, folder, identifier = submit(project, fake_type, seconds=60.0)
    wait_for_worker(folder)
    slurm.run("scancel", "--signal=KILL", "--full", identifier)
    follow(project, lambda: status_of(project, name) == "Failed")
    assert exit_markers(folder) == ["FAILURE"]
    assert "ERROR: " in errors(folder)


def test_that_an_aborted_job_is_continued_in_the_queue_and_then_here(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    name, folder, first = submit(project, fake_type, seconds=60.0)
    wait_for_worker(folder)
    abort(project.path, name, grace_s=20.0)
    options = fake_type.options(do_queue=True, queuename=PARTITION, seconds=0.2)
    continue_job(project, name, fake_type, options)
    record = read_queue_record(folder)
    assert record is not None and record.identifier != first and record.run == 2
    follow(project, lambda: status_of(project, name) == "Succeeded")
    continue_job(project, name, fake_type, fake_type.options(do_more=True))
    assert read_queue_record(folder) is None
    follow(project, lambda: status_of(project, name) == "Succeeded")


def test_that_a_waiting_job_is_cancelled_before_it_is_deleted(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    with slurm.full():
        name, folder, identifier = submit(project, fake_type)
        wait_until(lambda: state_of(project, name).waits)
        assert cli.main(["delete", str(folder)]) == 0
        assert slurm.state(identifier) == "CANCELLED"
    assert not folder.exists()


def test_that_a_refused_submission_is_a_failed_job_with_slurms_words(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    options = fake_type.options(do_queue=True, queuename="nosuchpartition")
    with pytest.raises(Exception, match=r"refused the job: .*invalid partition"):
        start_job(project, fake_type, options)
    assert status_of(project, "Fake/job001/") == "Failed"
    assert "invalid partition" in errors(project.path / "Fake/job001")


def test_that_the_command_line_shows_where_a_job_is(
    slurm: Slurm, project: Project, fake_type: JobType, capsys: pytest.CaptureFixture[str]
) -> None:
    with slurm.full():
        name, folder, identifier = submit(project, fake_type, seconds=60.0)
        wait_until(lambda: state_of(project, name).reason == "Resources")
        assert cli.main(["jobs", str(project.path)]) == 0
        waiting = f"Queued in SLURM (id {identifier}, reason Resources)"
        assert waiting in capsys.readouterr().out
        assert cli.main(["show", str(folder)]) == 0
        assert waiting in capsys.readouterr().out
    wait_for_worker(folder)
    wait_until(lambda: state_of(project, name).phase is Phase.RUNNING)
    cli.main(["jobs", str(project.path)])
    assert f"Running on node {slurm.host} (SLURM id {identifier})" in capsys.readouterr().out


def test_that_a_simulation_is_submitted_and_followed_from_the_command_line(
    slurm: Slurm, project_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Project.create(project_dir)
    words = ["--nr_images", "20", "--box", "32", "--do_queue", "Yes", "--qsub", "sbatch"]
    place = ["--project", str(project_dir), "--queuename", PARTITION]
    assert cli.main(["run", "simulate", *place, *words]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].endswith("Simulate/job001/")
    assert "Running on node" in printed.err or "Queued in SLURM" in printed.err
    assert exit_markers(project_dir / "Simulate/job001") == ["SUCCESS"]
    script = (project_dir / "Simulate/job001/run_submit.script").read_text()
    assert (
        "#SBATCH --job-name=Simulate/job001/\n" in script and f"#SBATCH --partition={PARTITION}\n" in script
    )
    assert "XXX" not in script.partition("\n#SBATCH")[2]
