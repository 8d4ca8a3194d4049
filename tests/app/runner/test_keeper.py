"""The keeper beside a worker, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.runner import ending
from app.runner.identity import Identity, identify, is_alive
from app.runner.outcome import OutcomeKind, outcome_of, read_worker

REPOSITORY = Path(__file__).resolve().parents[3]
MARKERS = set(ending.MARKERS.values())


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for a condition; returns the seconds it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - start


def markers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("RELION_JOB_EXIT_*"))


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., Path]:
    """Start a keeper with a worker of a few lines; returns the job's folder."""

    def start(program: str, *, detach: bool = True, command: list[str] | None = None) -> Path:
        folder = tmp_path / "Fake" / "job001"
        folder.mkdir(parents=True, exist_ok=True)
        about = {"gpu": "", "run": 1, "detach": detach, "settle": False}
        arguments = [
            sys.executable,
            "-P",
            "-S",
            "-m",
            "app.runner.keeper",
            str(folder),
            json.dumps(about),
            "--",
        ]
        with (folder / "run.out").open("ab") as out, (folder / "run.err").open("ab") as err:
            subprocess.run(
                [*arguments, *(command or [sys.executable, "-c", program])],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                check=True,
                timeout=20,
            )
        return folder

    return start


def test_that_a_worker_ended_by_kill_gets_a_failure_marker_and_a_reason_with_the_signal(
    keep: Callable[..., Path],
) -> None:
    folder = keep("import time; time.sleep(60)")
    wait_until(lambda: read_worker(folder))
    record = read_worker(folder)
    assert record is not None and record.worker is not None and record.worker_alive
    os.kill(record.worker.pid, signal.SIGKILL)
    assert wait_until(lambda: markers(folder)) < 2.0
    assert markers(folder) == ["RELION_JOB_EXIT_FAILURE"]
    assert "SIGKILL" in (folder / "run.err").read_text()
    outcome = outcome_of(folder)
    assert outcome.kind is OutcomeKind.KILLED
    assert outcome.signal == signal.SIGKILL
    assert "memory ran out" in outcome.sentence


def test_that_a_marker_written_by_the_worker_stays_the_only_one(keep: Callable[..., Path]) -> None:
    folder = keep("open('Fake/job001/RELION_JOB_EXIT_SUCCESS', 'w'); raise SystemExit(0)")
    wait_until(lambda: (record := read_worker(folder)) is not None and record.ended)
    time.sleep(0.1)
    assert markers(folder) == ["RELION_JOB_EXIT_SUCCESS"]
    assert (folder / "run.err").read_text() == ""
    assert outcome_of(folder).exit_code == 0


def test_that_an_exit_code_without_a_marker_is_a_failure_that_names_the_code(
    keep: Callable[..., Path],
) -> None:
    folder = keep("raise SystemExit(7)")
    wait_until(lambda: markers(folder))
    outcome = outcome_of(folder)
    assert (outcome.kind, outcome.code) == (OutcomeKind.FAILED, 7)
    assert "exit code 7" in outcome.sentence
    assert outcome.exit_code == 1


def test_that_wrong_input_reported_by_the_worker_keeps_its_exit_code(keep: Callable[..., Path]) -> None:
    folder = keep(
        "import sys; print('ERROR: the box is odd.', file=sys.stderr);"
        "open('Fake/job001/RELION_JOB_EXIT_FAILURE', 'w'); raise SystemExit(2)"
    )
    wait_until(lambda: (record := read_worker(folder)) is not None and record.ended)
    outcome = outcome_of(folder)
    assert outcome.exit_code == 2
    assert outcome.sentence == "The job failed: the box is odd."


def test_that_a_segmentation_fault_is_told_in_words(keep: Callable[..., Path]) -> None:
    folder = keep("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    wait_until(lambda: markers(folder))
    assert "memory access error" in outcome_of(folder).sentence


def test_that_a_worker_that_does_not_exist_is_reported(keep: Callable[..., Path]) -> None:
    folder = keep("", command=["/nowhere/python"])
    wait_until(lambda: markers(folder))
    assert "could not be started" in (folder / "run.err").read_text()


def test_that_a_worker_killed_after_an_abort_request_counts_as_aborted(keep: Callable[..., Path]) -> None:
    folder = keep("import time; time.sleep(60)")
    wait_until(lambda: read_worker(folder))
    record = read_worker(folder)
    assert record is not None and record.worker is not None
    ending.touch(str(folder / ending.ABORT_REQUEST))
    os.killpg(record.worker.pid, signal.SIGTERM)
    wait_until(lambda: markers(folder))
    assert markers(folder) == ["RELION_JOB_EXIT_ABORTED"]
    assert outcome_of(folder).exit_code == 130


def test_that_children_of_a_dead_worker_are_ended_with_it(keep: Callable[..., Path]) -> None:
    folder = keep(
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    wait_until(lambda: (folder / "run.out").exists() and (folder / "run.out").read_text().strip())
    child = identify(int((folder / "run.out").read_text()))
    record = read_worker(folder)
    assert child is not None and record is not None and record.worker is not None
    os.kill(record.worker.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(child))


def test_that_the_worker_leads_a_session_of_its_own_and_the_keeper_another(keep: Callable[..., Path]) -> None:
    folder = keep("import time; time.sleep(60)")
    wait_until(lambda: read_worker(folder))
    record = read_worker(folder)
    assert record is not None and record.worker is not None and record.keeper is not None
    try:
        assert os.getsid(record.worker.pid) == record.worker.pid
        assert os.getsid(record.keeper.pid) not in (record.worker.pid, os.getsid(0))
    finally:
        os.kill(record.worker.pid, signal.SIGKILL)
    wait_until(lambda: markers(folder))


def test_that_a_keeper_needs_little_memory_and_no_heavy_module(keep: Callable[..., Path]) -> None:
    folder = keep("import time; time.sleep(60)")
    wait_until(lambda: read_worker(folder))
    record = read_worker(folder)
    assert record is not None and record.worker is not None and record.keeper is not None
    memory = psutil.Process(record.keeper.pid).memory_info().rss / 1024**2
    os.kill(record.worker.pid, signal.SIGKILL)
    wait_until(lambda: markers(folder))
    assert memory < 25.0, f"the keeper holds {memory:.1f} MiB"
    loaded = subprocess.run(
        [sys.executable, "-P", "-S", "-c", "import sys, app.runner.keeper; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"numpy", "torch", "pydantic", "psutil", "asyncio"} & set(loaded)
    # of the jobs only what writes down how a run ended
    of_jobs = {name for name in loaded if name.partition(".")[0] == "jobs"}
    assert of_jobs <= {"jobs", "jobs.core", "jobs.core.run_outcome"}


def test_that_a_request_to_end_is_passed_on_to_the_worker(keep: Callable[..., Path]) -> None:
    folder = keep("import time; time.sleep(60)")
    wait_until(lambda: read_worker(folder))
    record = read_worker(folder)
    assert record is not None and record.keeper is not None
    os.kill(record.keeper.pid, signal.SIGTERM)
    wait_until(lambda: markers(folder))
    assert "SIGTERM" in (folder / "run.err").read_text()


def test_that_a_pid_that_passed_to_another_process_is_not_taken_for_the_worker() -> None:
    own = identify(os.getpid())
    assert own is not None and is_alive(own)
    assert own.create_time == pytest.approx(psutil.Process().create_time(), abs=1.0)
    assert not is_alive(Identity(own.pid, own.create_time - 3600, (own.start_ticks or 0) - 360000))
    # Where ticks are unknown the time of creation decides.
    assert is_alive(Identity(own.pid, own.create_time + 0.5))
    assert not is_alive(Identity(own.pid, own.create_time - 60))


def test_that_a_zombie_counts_as_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    identity = identify(process.pid)
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert identity is None or not is_alive(identity)
    process.wait()


@pytest.mark.parametrize("stored", [None, {}, {"pid": "7"}, {"pid": 7, "create_time": "x"}, [1]])
def test_that_a_damaged_worker_record_names_no_process(stored: object) -> None:
    assert Identity.from_dict(stored) is None


def test_that_only_one_of_several_witnesses_writes_the_end(tmp_path: Path) -> None:
    assert ending.end_silently(str(tmp_path), "It died.", aborted=False)
    assert not ending.end_silently(str(tmp_path), "It died again.", aborted=True)
    assert (tmp_path / "run.err").read_text() == "ERROR: It died.\n"
    assert markers(tmp_path) == ["RELION_JOB_EXIT_FAILURE"]


def test_that_a_keeper_that_is_late_leaves_the_files_of_a_continued_job_alone(
    keep: Callable[..., Path], tmp_path: Path
) -> None:
    program = """
import os, time
while not os.path.exists("Fake/job001/worker.json"):
    time.sleep(0.01)
# between its marker and the keeper's look, somebody presses Continue!
with open("Fake/job001/options.002.json", "w") as file:
    file.write("{}")
os.unlink("Fake/job001/worker.json")
"""
    folder = keep(program)
    log = folder / "run.err"
    wait_until(lambda: (folder / "options.002.json").exists() and not (folder / "worker.json").exists())
    keepers = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in (p.info["cmdline"] or [])]
    psutil.wait_procs(keepers, timeout=10)
    assert markers(folder) == []
    assert not (folder / "worker.json").exists()
    assert log.read_text() == ""
