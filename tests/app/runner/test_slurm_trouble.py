"""What a real SLURM does to jobs beside running them: holding, requeueing, losing a node, forgetting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.project.project import Project
from app.runner.abort import abort
from app.runner.launch import start_job, status_of
from app.runner.outcome import outcome_of
from app.runner.queue_record import QueueRecord, read_queue_record, write_queue_record
from app.runner.queue_systems import Phase
from jobs.core.declaration import JobType
from resources import template
from tests.support.jobs import exit_markers, wait_for_worker, wait_until
from tests.support.slurm import Slurm
from tests.support.slurm_jobs import errors, follow, sentence_of, state_of, submit

pytestmark = pytest.mark.timeout(120)


def template_with(folder: Path, *lines: str) -> str:
    """Write our template with further lines for the queue; returns its path."""
    text = template("slurm.sh").read_text()
    path = folder / "template.sh"
    path.write_text(text.replace("\n\nXXX", "".join(f"\n#SBATCH {line}" for line in lines) + "\n\nXXX"))
    return str(path)


def test_that_a_held_job_says_how_it_is_released_and_can_be_aborted(
    slurm: Slurm, project: Project, fake_type: JobType, tmp_path: Path
) -> None:
    name, folder, identifier = submit(project, fake_type, qsubscript=template_with(tmp_path, "--hold"))
    assert sentence_of(project, name) == (
        f"Queued in SLURM (id {identifier}, reason JobHeldUser: it is held, "
        f"release it with: scontrol release {identifier})"
    )
    assert abort(project.path, name, grace_s=30.0) == ""
    assert (exit_markers(folder), slurm.state(identifier)) == (["ABORTED"], "CANCELLED")


def test_that_a_job_whose_dependency_failed_says_that_it_will_never_start(
    slurm: Slurm, project: Project, fake_type: JobType, tmp_path: Path
) -> None:
    other = slurm.run("sbatch", "--parsable", "--hold", "--output=/dev/null", "--wrap=true").strip()
    lines = template_with(tmp_path, f"--dependency=afterok:{other}")
    name, _, _ = submit(project, fake_type, qsubscript=lines)
    assert "reason Dependency: it waits for another job of the queue" in sentence_of(project, name)
    slurm.run("scancel", other)
    wait_until(lambda: "it will never start; abort it" in sentence_of(project, name))
    assert state_of(project, name).waits


def test_that_a_suspended_job_is_said_to_be(slurm: Slurm, project: Project, fake_type: JobType) -> None:
    name, folder, identifier = submit(project, fake_type, seconds=60.0)
    wait_for_worker(folder)
    slurm.run("scontrol", "suspend", identifier)
    assert sentence_of(project, name) == f"Suspended on node {slurm.host} (SLURM id {identifier})"
    slurm.run("scontrol", "resume", identifier)


def test_that_a_job_whose_node_is_lost_fails_with_the_reason(
    slurm: Slurm, project: Project, fake_type: JobType, tmp_path: Path
) -> None:
    lines = template_with(tmp_path, "--no-requeue")
    name, folder, identifier = submit(project, fake_type, seconds=60.0, qsubscript=lines)
    wait_for_worker(folder)
    slurm.lose_the_node()
    follow(project, lambda: status_of(project, name) == "Failed")
    assert slurm.state(identifier) == "NODE_FAIL"
    assert "its node failed" in outcome_of(folder).sentence


def test_that_a_job_that_takes_more_memory_than_it_asked_for_fails_with_the_reason(
    slurm: Slurm, project: Project, fake_type: JobType, tmp_path: Path
) -> None:
    lines = template_with(tmp_path, "--mem=250M")
    name, folder, _ = submit(project, fake_type, mode="hungry", seconds=60.0, qsubscript=lines)
    follow(project, lambda: status_of(project, name) == "Failed")
    assert "it used more memory than it had asked for; ask for more" in outcome_of(folder).sentence


def test_that_a_job_which_the_queue_has_forgotten_fails(
    slurm: Slurm, project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runner.queue_jobs._LAST_WORDS_SUCCESS_S", 0.0)
    with slurm.full():
        name, folder, _ = submit(project, fake_type)
        record = read_queue_record(folder)
        assert record is not None
        # as after the time for which the controller remembers; there is no accounting to ask either
        write_queue_record(folder, replace(record, identifier="999999"))
        assert state_of(project, name).phase is Phase.OVER
        follow(project, lambda: status_of(project, name) == "Failed")
    assert "The queue no longer knows the job" in errors(folder)


def test_that_a_job_of_an_array_goes_on_as_long_as_one_of_its_parts(
    slurm: Slurm, project: Project, fake_type: JobType
) -> None:
    identifier = slurm.run(
        "sbatch", "--parsable", "--array=0-1%1", "--output=/dev/null", "--wrap=sleep 300"
    ).strip()
    name = start_job(project, fake_type, fake_type.options(), schedule=True)
    folder = project.path / name
    write_queue_record(folder, QueueRecord("slurm", identifier, "sbatch"))
    wait_until(lambda: state_of(project, name).phase is Phase.RUNNING)
