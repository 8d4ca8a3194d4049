"""What the commands of queues say, in the words they use; and a shell in the place of a queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.project.project import Project
from app.runner import queue_systems
from app.runner.abort import abort
from app.runner.deaths import bury
from app.runner.launch import start_job, status_of
from app.runner.queue_jobs import place_in_queue, queue_states
from app.runner.queue_record import QueueRecord, read_queue_record, write_queue_record
from app.runner.queue_systems import Phase, QueueState, ask_queue
from app.runner.queue_watch import QueueWatch
from app.runner.queue_words import logged_reason
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from resources import template
from tests.support.jobs import exit_markers, wait_for_end, wait_for_worker, wait_until

PBS = """Job Id: 7.pbs
    Job_Name = x
    job_state = {state}
    exec_host = node3/0*4
    comment = Not Running: Insufficient amount of resource: ncpus
    Exit_status = {code}
"""
SGE = """job-ID  prior   name  user  state submit/start at     queue          slots ja-task-ID
-------------------------------------------------------------------------------------
      7 0.55500 x     me    {state:5} 06/01/2026 10:00:00 {queue}  1
"""


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put commands that answer as told in the place of a queue's, and no others."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin-none:/bin-none")

    def command(name: str, out: str = "", *, err: str = "", code: int = 0, before: str = "") -> None:
        (folder / f"{name}.out").write_text(out)
        (folder / f"{name}.err").write_text(err)
        script = folder / name
        script.write_text(
            f"#!/bin/sh\n{before}\n/bin/cat {script}.out\n/bin/cat {script}.err >&2\nexit {code}\n"
        )
        script.chmod(0o755)

    return command


def state(system: str, identifier: str = "7") -> QueueState:
    return ask_queue(system, [identifier])[identifier]


@pytest.mark.parametrize(
    ("system", "command", "out", "expected"),
    [
        ("slurm", "squeue", "7|PENDING||Priority\n", QueueState(Phase.PENDING, "PENDING", "Priority")),
        ("slurm", "squeue", "7|RUNNING|n[1-2]|None\n", QueueState(Phase.RUNNING, "RUNNING", "", "n[1-2]")),
        ("slurm", "squeue", "7|TIMEOUT|n1|TimeLimit\n", QueueState(Phase.OVER, "TIMEOUT", "TimeLimit", "n1")),
        ("slurm", "sacct", "OUT_OF_MEMORY|0:125|n1\n", QueueState(Phase.OVER, "OUT_OF_MEMORY", "", "n1", 0)),
        ("slurm", "sacct", "CANCELLED by 7|0:0|n1\n", QueueState(Phase.OVER, "CANCELLED", "", "n1", 0)),
        (
            "slurm",
            "scontrol",
            "JobId=7 JobState=NODE_FAIL Reason=NodeDown ExitCode=1:0 NodeList=n1 BatchHost=n1\n",
            QueueState(Phase.OVER, "NODE_FAIL", "NodeDown", "n1", 1),
        ),
        ("pbs", "qstat", PBS.format(state="R", code=0), QueueState(Phase.RUNNING, "R", "", "node3")),
        ("pbs", "qstat", PBS.format(state="F", code=3), QueueState(Phase.OVER, "FAILED", "", "node3", 3)),
        (
            "pbs",
            "qstat",
            PBS.format(state="Q", code=0),
            QueueState(Phase.PENDING, "Q", "Not Running: Insufficient amount of resource: ncpus"),
        ),
        ("sge", "qstat", SGE.format(state="qw", queue=" "), QueueState(Phase.PENDING, "qw")),
        ("sge", "qstat", SGE.format(state="Eqw", queue=" "), QueueState(Phase.PENDING, "Eqw", "Eqw")),
        ("sge", "qstat", SGE.format(state="r", queue="all.q@n1"), QueueState(Phase.RUNNING, "r", "", "n1")),
        ("sge", "qstat", "", QueueState(Phase.OVER)),
        ("lsf", "bjobs", "7|PEND|-|-|No slots\n", QueueState(Phase.PENDING, "PEND", "No slots")),
        ("lsf", "bjobs", "7|RUN|n1|-|-\n", QueueState(Phase.RUNNING, "RUN", "", "n1")),
        ("lsf", "bjobs", "7|EXIT|n1|9|-\n", QueueState(Phase.OVER, "FAILED", "", "n1", 9)),
    ],
)
def test_that_the_answers_of_queues_are_understood(
    say: Callable[..., None], system: str, command: str, out: str, expected: QueueState
) -> None:
    say(command, out)
    if command == "sacct":
        say("squeue", err="slurm_load_jobs error: Invalid job id specified\n", code=1)
    assert state(system) == expected


def test_that_a_job_which_slurm_has_forgotten_is_over(say: Callable[..., None]) -> None:
    for name in ("squeue", "scontrol", "sacct"):
        say(name, err="slurm_load_jobs error: Invalid job id specified\n", code=1)
    assert state("slurm") == QueueState(Phase.OVER)


def test_that_a_controller_which_is_down_ends_no_job(say: Callable[..., None]) -> None:
    say("squeue", err="slurm_load_jobs error: Unable to contact slurm controller\n", code=1)
    found = state("slurm")
    assert found.phase is Phase.UNKNOWN
    assert "squeue: slurm_load_jobs error: Unable to contact" in found.trouble


def test_that_a_command_that_hangs_is_given_up(
    say: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_systems, "ANSWER_S", 0.3)
    say("squeue", before="exec /bin/sleep 30")
    began = time.monotonic()
    assert "squeue did not answer within" in state("slurm").trouble
    assert time.monotonic() - began < 5


def test_that_a_machine_without_the_queues_commands_says_so_and_goes_by_the_files(
    say: Callable[..., None], tmp_path: Path
) -> None:
    project = Project.create(tmp_path)
    job = tmp_path / "Fake" / "job001"
    job.mkdir(parents=True)
    write_queue_record(job, QueueRecord("slurm", "12", "sbatch", "login", 1))
    record, found = queue_states(tmp_path, ["Fake/job001/"])["Fake/job001/"]
    place = place_in_queue(job, record, found)
    assert place.waits
    assert place.sentence == (
        "Submitted to SLURM (id 12); this machine has no squeue, so only the job's files tell how it goes"
    )
    # the node writes who runs it
    (job / "worker.json").write_text('{"pid": 5, "create_time": 1.0, "host": "node3", "run": 1}')
    place = place_in_queue(job, record, found)
    assert not place.waits
    assert place.sentence.startswith("Running on node node3 (SLURM id 12); this machine has no squeue")
    assert bury(project, "Fake/job001/") is False
    (job / "RELION_JOB_EXIT_SUCCESS").touch()
    assert queue_states(tmp_path, ["Fake/job001/"]) == {}


def test_that_asking_never_waits_and_jobs_nobody_asks_about_are_left_alone() -> None:
    asked: list[Sequence[str]] = []

    def slow(_system: str, identifiers: Sequence[str]) -> dict[str, QueueState]:
        asked.append(identifiers)
        time.sleep(0.2)
        return {identifier: QueueState(Phase.OVER, "TIMEOUT") for identifier in identifiers}

    watch = QueueWatch(slow, period_s=0.01)
    record = QueueRecord("slurm", "7", "sbatch")
    began = time.monotonic()
    assert watch.state(record) is None
    assert time.monotonic() - began < 0.1
    wait_until(lambda: watch.state(record) == QueueState(Phase.OVER, "TIMEOUT"))
    wait_until(lambda: watch.over_for_s(record) > 0.1)
    watch.forget()
    time.sleep(1.0)
    questions = len(asked)
    time.sleep(0.5)
    assert len(asked) == questions


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***", "time limit"),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=3.batch.", "more memory"),
        ("=>> PBS: job killed: walltime 61 exceeded limit 60", "time limit"),
        ("slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-01-01 DUE TO NODE FAILURE ***", "node failed"),
        ("Traceback", ""),
    ],
)
def test_that_the_words_of_a_queue_in_the_log_are_understood(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "run.err").write_text(f"DUE TO PREEMPTION, in an earlier run\n{line}\n")
    reason = logged_reason(str(tmp_path), 30)
    assert words in reason
    assert bool(reason) == bool(words)


# --------------------------------------------------------------------------------------------- a plain shell


def test_that_bash_runs_a_job_without_keeping_anybody_waiting(project: Project, fake_type: JobType) -> None:
    chosen = fake_type.options(do_queue=True, qsub="bash", qsubscript=str(template("shell.sh")), seconds=8.0)
    began = time.monotonic()
    name = start_job(project, fake_type, chosen)
    assert time.monotonic() - began < 7.5
    folder = project.path / name
    wait_for_worker(folder)
    record, found = queue_states(project.path, [name])[name]
    assert place_in_queue(folder, record, found).sentence.startswith("Running in a shell on ")
    assert wait_for_end(folder) == "SUCCESS"
    assert f"bash {name}run_submit.script" in (folder / "note.txt").read_text()
    assert "cwd=" in (folder / "run.out").read_text()


def test_that_a_job_in_a_shell_is_aborted(project: Project, fake_type: JobType) -> None:
    chosen = fake_type.options(do_queue=True, qsub="bash", qsubscript=str(template("shell.sh")), seconds=60.0)
    name = start_job(project, fake_type, chosen)
    wait_for_worker(project.path / name)
    assert abort(project.path, name, grace_s=10.0) == ""
    assert exit_markers(project.path / name) == ["ABORTED"]


def test_that_a_script_that_ends_before_the_job_began_fails(
    project: Project, fake_type: JobType, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.sh"
    broken.write_text("#!/bin/bash\necho no such module >&2\nexit 3\nXXXcommandXXX\n")
    name = start_job(
        project, fake_type, fake_type.options(do_queue=True, qsub="bash", qsubscript=str(broken))
    )
    folder = project.path / name
    wait_until(lambda: bury(project, name) or exit_markers(folder))
    project.check_completion()
    assert status_of(project, name) == "Failed"
    assert (folder / "run.err").read_text().startswith("no such module\n")
    assert "ended before the job had begun" in (folder / "run.err").read_text()


def test_that_a_shell_that_does_not_exist_is_named(project: Project, fake_type: JobType) -> None:
    chosen = fake_type.options(do_queue=True, qsub="/nowhere/bash", qsubscript=str(template("shell.sh")))
    with pytest.raises(UserError, match="'/nowhere/bash' does not exist"):
        start_job(project, fake_type, chosen)
    assert read_queue_record(project.path / "Fake/job001") is None


def test_that_a_script_that_ended_before_anybody_looked_is_not_waited_for_for_ever(
    project: Project, fake_type: JobType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runner.cluster.identify", lambda pid: None)
    broken = tmp_path / "broken.sh"
    broken.write_text("#!/bin/bash\nexit 3\nXXXcommandXXX\n")
    name = start_job(
        project, fake_type, fake_type.options(do_queue=True, qsub="bash", qsubscript=str(broken))
    )
    wait_until(lambda: bury(project, name) or exit_markers(project.path / name))
    project.check_completion()
    assert status_of(project, name) == "Failed"
