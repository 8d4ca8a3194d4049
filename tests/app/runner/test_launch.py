"""Starting jobs: what stands in the project and the job's folder, and how the worker is run."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.project.project import Project
from app.runner import ending, gpus
from app.runner.gpus import Gpu
from app.runner.launch import (
    OptionProblems,
    command_line,
    continue_job,
    start_job,
    start_scheduled,
    status_of,
)
from app.runner.outcome import OutcomeKind, outcome_of, read_worker
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.folder import ExitStatus, JobFolder
from jobs.core.job_star import read_job_star
from tests.support.jobs import exit_markers, wait_for_end, wait_for_worker, wait_until


def test_that_the_keeper_and_the_workers_agree_on_the_names_of_the_markers(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "Fake/job001/")
    assert {folder.marker(status).name for status in ExitStatus} == set(ending.MARKERS.values())
    assert folder.abort_file.name == ending.ABORT_REQUEST
    assert folder.worker_json.name == ending.WORKER_FILE


def test_that_a_job_leaves_what_relion_leaves(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(secret="only ours"))
    assert name == "Fake/job001/"
    folder = JobFolder(project.path, name)
    assert wait_for_end(folder.path) == "SUCCESS"
    project.check_completion()
    assert status_of(project, name) == "Succeeded"
    for file in ("job.star", "job_pipeline.star", "note.txt", "run.out", "run.err", "default_pipeline.star"):
        assert (folder.path / file).is_file(), file
    job_star = read_job_star(folder.path)
    assert job_star.label == "relion.external.fake"
    assert not job_star.is_continue
    record = folder.read_options(1)
    assert record.values["secret"] == "only ours"
    assert record.command == command_line_of(name)
    assert "Executing new job on" in folder.note.read_text()
    assert f"--job {name} --run 1" in folder.note.read_text()
    assert [node.name for node in project.job_outputs(name)] == [f"{name}result.star"]
    assert folder.run_err.read_text() == ""


def command_line_of(name: str) -> list[str]:
    return [sys.executable, "-P", "-m", "fake_job", "--project", ".", "--job", name, "--run", "1"]


def test_that_the_command_shown_is_the_command_run_and_writes_nothing(
    project: Project, fake_type: JobType
) -> None:
    before = sorted(project.path.rglob("*"))
    assert command_line(project, fake_type, fake_type.options()) == command_line_of("Fake/job001/")
    assert sorted(project.path.rglob("*")) == before


def test_that_the_worker_runs_in_the_project_in_a_group_of_its_own_with_its_threads(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "list_gpus", list)
    name = start_job(project, fake_type, fake_type.options(nr_threads=3))
    wait_for_end(project.path / name)
    printed = (project.path / name / "run.out").read_text()
    record = read_worker(project.path / name)
    assert record is not None and record.worker is not None
    assert f"cwd={project.path.resolve()} pid={record.worker.pid} pgid={record.worker.pid}" in printed
    assert "OMP_NUM_THREADS='3'" in printed
    assert "CUDA_VISIBLE_DEVICES=''" in printed
    assert (record.run, record.exit_code, record.gpu) == (1, 0, "")


def test_that_the_chosen_gpu_and_no_other_is_visible(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [Gpu(n, f"Card {n}", f"GPU-{n}{n}", 8192, 0, 0.0) for n in range(2)]
    monkeypatch.setattr(gpus, "list_gpus", lambda: cards)
    name = start_job(project, fake_type, fake_type.options(gpu_id="1"))
    wait_for_end(project.path / name)
    assert "CUDA_VISIBLE_DEVICES='GPU-11'" in (project.path / name / "run.out").read_text()
    record = read_worker(project.path / name)
    assert record is not None and record.gpu == "1"


def test_that_nothing_is_written_for_a_gpu_that_does_not_exist(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "list_gpus", lambda: [Gpu(0, "Card", "GPU-0", 8192, 0, 0.0)])
    with pytest.raises(OptionProblems, match=r"GPU 4 does not exist.*Card") as refused:
        start_job(project, fake_type, fake_type.options(gpu_id="4"))
    assert [problem.field for problem in refused.value.problems] == ["gpu_id"]
    assert project.pipeline.processes == []
    assert not (project.path / "Fake").exists()


def test_that_a_folder_called_jobs_in_the_project_disturbs_nobody(
    project: Project, fake_type: JobType
) -> None:
    (project.path / "jobs").mkdir()
    (project.path / "jobs" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    (project.path / "app.py").write_text("raise SystemExit('the wrong one')")
    name = start_job(project, fake_type, fake_type.options())
    assert wait_for_end(project.path / name) == "SUCCESS"


def test_that_a_continuation_appends_and_counts_on(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options())
    folder = JobFolder(project.path, name)
    wait_for_end(folder.path)
    project.check_completion()
    first = folder.options_file(1).read_text()
    assert continue_job(project, name, fake_type, fake_type.options(do_more=True)) == name
    assert wait_for_end(folder.path) == "SUCCESS"
    project.check_completion()
    assert folder.options_file(1).read_text() == first
    assert (folder.read_options(2).task, folder.read_options(2).is_continue) == ("more", True)
    assert read_job_star(folder.path).is_continue
    assert "Do nothing, run 1" in folder.run_out.read_text()
    assert "more was done" in folder.run_out.read_text()
    assert folder.note.read_text().count("Executing new job on") == 2
    assert [process.name for process in project.pipeline.processes] == [name]


def test_that_a_running_job_is_not_started_twice(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(mode="sleep", seconds=30))
    wait_for_worker(project.path / name)
    with pytest.raises(UserError, match="is running"):
        continue_job(project, name, fake_type, fake_type.options(do_more=True))
    assert JobFolder(project.path, name).runs() == [1]


def test_that_a_continuation_without_its_earlier_result_is_refused(
    project: Project, fake_type: JobType
) -> None:
    name = start_job(project, fake_type, fake_type.options(mode="crash"))
    folder = JobFolder(project.path, name)
    assert wait_for_end(folder.path) == "FAILURE"
    project.check_completion()
    with pytest.raises(OptionProblems, match=r"result\.star"):
        continue_job(project, name, fake_type, fake_type.options(do_more=True))
    assert folder.runs() == [1]
    assert exit_markers(folder.path) == ["FAILURE"]


@pytest.mark.parametrize(
    ("mode", "kind", "sentence"),
    [
        ("crash", OutcomeKind.FAILED, "RuntimeError: the fake crashed"),
        ("wrong", OutcomeKind.FAILED, "particles.star, row 3: the box is odd"),
        ("segfault", OutcomeKind.KILLED, "SIGSEGV"),
        ("exit", OutcomeKind.FAILED, "exit code 7"),
    ],
)
def test_that_every_way_to_fail_ends_in_one_marker_and_a_sentence(
    project: Project, fake_type: JobType, mode: str, kind: OutcomeKind, sentence: str
) -> None:
    name = start_job(project, fake_type, fake_type.options(mode=mode))
    assert wait_for_end(project.path / name) == "FAILURE"
    outcome = outcome_of(project.path / name)
    assert outcome.kind is kind
    assert sentence in outcome.sentence
    project.check_completion()
    assert status_of(project, name) == "Failed"


def test_that_a_worker_outlives_the_program_that_started_it(project: Project, fake_type: JobType) -> None:
    program = (
        "import sys; from pathlib import Path; from app.project.project import Project;"
        "from app.runner.launch import start_job; from jobs.registry import JOB_TYPES; t = JOB_TYPES['fake'];"
        "o = t.options(mode='sleep', seconds=60);"
        "print(start_job(Project.open(Path(sys.argv[1])), t, o), flush=True);"
        "import time; time.sleep(60)"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{Path(__file__).parents[3]}{os.pathsep}{os.environ['PYTHONPATH']}",
    }
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(project.path)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout is not None
        name = launcher.stdout.readline().strip()
        launcher.kill()
    folder = project.path / name
    record = wait_for_worker(folder)
    assert record.worker is not None and record.worker_alive
    # Nobody who started it is left; the keeper alone notices the death.
    os.kill(record.worker.pid, signal.SIGKILL)
    assert wait_until(lambda: exit_markers(folder)) < 5.0
    assert exit_markers(folder) == ["FAILURE"]
    assert "SIGKILL" in (folder / "run.err").read_text()
    # It also brings the project file up to date, without any window.
    wait_until(lambda: "Failed" in (project.path / "default_pipeline.star").read_text())


def test_that_a_scheduled_job_waits_and_starts_with_its_options(project: Project, fake_type: JobType) -> None:
    name = start_job(project, fake_type, fake_type.options(secret="kept"), schedule=True)
    folder = JobFolder(project.path, name)
    assert status_of(project, name) == "Scheduled"
    assert not folder.run_out.exists()
    assert start_scheduled(project, name) == name
    assert wait_for_end(folder.path) == "SUCCESS"
    assert folder.runs() == [1]
    assert folder.read_options().values["secret"] == "kept"


def test_that_a_job_may_be_scheduled_before_its_input_exists(project: Project, fake_type: JobType) -> None:
    options = fake_type.options(fn_in="Fake/job009/result.star")
    with pytest.raises(OptionProblems, match="does not exist"):
        start_job(project, fake_type, options)
    name = start_job(project, fake_type, options, schedule=True)
    assert status_of(project, name) == "Scheduled"
    with pytest.raises(OptionProblems, match="does not exist"):
        start_scheduled(project, name)
    assert status_of(project, name) == "Scheduled"


def test_that_a_worker_that_can_not_be_started_leaves_a_failed_job(
    project: Project, fake_type: JobType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runner.launch.worker_command", lambda *_: ["/nowhere/python"])
    with pytest.raises(UserError, match="could not be started"):
        start_job(project, fake_type, fake_type.options())
    assert exit_markers(project.path / "Fake/job001") == ["FAILURE"]
    assert status_of(project, "Fake/job001/") == "Failed"


def test_that_a_cluster_job_is_submitted_and_run_by_the_script(
    project: Project, fake_type: JobType, tmp_path: Path
) -> None:
    submit = tmp_path / "qsub"
    submit.write_text('#!/bin/sh\nsh "$1" > /dev/null 2>&1 &\necho Submitted batch job 99\n')
    submit.chmod(submit.stat().st_mode | stat.S_IXUSR)
    template = tmp_path / "template.sh"
    template.write_text("#!/bin/sh\n# XXXnameXXX XXXthreadsXXX\nsrun XXXcommandXXX >> XXXoutfileXXX\n")
    options = fake_type.options(do_queue=True, qsub=str(submit), qsubscript=str(template), nr_threads=2)
    name = start_job(project, fake_type, options)
    folder = JobFolder(project.path, name)
    assert (folder.path / "run_submit.script").read_text().startswith(f"#!/bin/sh\n# {name} 2\n")
    assert wait_for_end(folder.path) == "SUCCESS"
    wait_until(lambda: json.loads(folder.worker_json.read_text()).get("ended"))
    assert json.loads(folder.worker_json.read_text())["queue_id"] == "99"
    assert json.loads((folder.path / "queue.json").read_text())["id"] == "99"
    assert f"{submit} {name}run_submit.script" in folder.note.read_text()
