"""Waiting for processes, and the fake job type, for tests that start real workers."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from app.runner.outcome import WorkerRecord, outcome_of, read_worker

FAKE_JOBS = Path(__file__).resolve().parent / "fake_jobs"


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> float:
    """Wait for a condition; returns the seconds it took, AssertionError when it never came."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"waited {seconds:g} s in vain"
        time.sleep(0.02)
    return time.monotonic() - start


def exit_markers(folder: Path) -> list[str]:
    """Return the last words of the exit markers in a job's folder."""
    return sorted(path.name.rpartition("_")[2] for path in folder.glob("RELION_JOB_EXIT_*"))


def wait_for_worker(folder: Path) -> WorkerRecord:
    """Wait until the worker of a job runs, and return what is known about it."""

    def running() -> bool:
        record = read_worker(folder)
        return record is not None and bool(record.worker_alive)

    wait_until(running)
    record = read_worker(folder)
    assert record is not None
    return record


def wait_for_end(folder: Path, seconds: float = 60.0) -> str:
    """Wait for the exit marker of a job and for the end of its keeper's record; returns the marker."""

    def over() -> bool:
        record = read_worker(folder)
        return bool(exit_markers(folder)) and (
            record is None or bool(record.ended) or not record.keeper_alive
        )

    wait_until(over, seconds)
    (only,) = exit_markers(folder)
    return only


def end_leftovers(project_dir: Path) -> None:
    """Kill the workers that a test has left running in a project, and wait for their keepers."""
    # Otherwise the end of one job would start the next.
    (project_dir / ".heteroscope" / "queue.json").unlink(missing_ok=True)
    for path in project_dir.glob("*/job*/worker.json"):
        _end_leftover(path.parent)


def _end_leftover(folder: Path) -> None:
    record = read_worker(folder)
    if record is None or record.worker is None or not record.worker_alive:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.worker.pid, signal.SIGKILL)
    wait_until(lambda: not record.keeper_alive or outcome_of(folder).is_over, 5)
