"""What became of a job, and the sentence that says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.runner import ending
from app.runner.identity import Identity, host_name, is_alive
from app.runner.queue_record import read_queue_record


class OutcomeKind(StrEnum):
    """The states a job's process can be in."""

    NOT_STARTED = "not_started"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    KILLED = "killed"
    VANISHED = "vanished"


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes
    ----------
    kind
        The state.
    code
        Exit code of the worker, where known.
    signal
        Number of the signal that ended it, where known.
    reason
        What went wrong, in words.
    """

    kind: OutcomeKind
    code: int | None = None
    signal: int | None = None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """True when nothing more is to come."""
        return self.kind not in (OutcomeKind.NOT_STARTED, OutcomeKind.RUNNING)

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        plain = {
            OutcomeKind.NOT_STARTED: "The job has not been started.",
            OutcomeKind.RUNNING: "The job is running.",
            OutcomeKind.SUCCEEDED: "The job finished successfully.",
            OutcomeKind.ABORTED: "The job was aborted.",
        }
        if self.kind in plain:
            return plain[self.kind]
        if self.kind is OutcomeKind.KILLED:
            return self.reason or ending.describe_end(None, self.signal)
        if self.kind is OutcomeKind.VANISHED:
            return self.reason or ending.describe_end(None, None)
        code = f" (exit code {self.code})" if self.code not in (None, 0, 1, 2, 143) else ""
        return f"The job failed{code}: {self.reason}" if self.reason else f"The job failed{code}."

    @property
    def exit_code(self) -> int:
        """Exit code of a command that waited for this job: 0, 1 failed, 2 wrong input, 130 aborted."""
        if self.kind is OutcomeKind.SUCCEEDED:
            return 0
        if self.kind is OutcomeKind.ABORTED:
            return 130
        return 2 if self.kind is OutcomeKind.FAILED and self.code == 2 else 1


@dataclass(frozen=True)
class WorkerRecord:
    """What ``worker.json`` says about who runs (or ran) a job.

    Attributes
    ----------
    run
        Number of the run, None when unknown.
    host
        Machine on which the worker runs.
    gpu
        GPU as the user named it, "" = CPU.
    queue_id
        Id of a cluster's queue, None for local jobs.
    worker, keeper
        The two processes, where known.
    exit_code, signal
        How the worker ended.
    ended
        Time of the end (ISO 8601), "" while running.
    log_start
        Sizes of run.out and run.err (bytes) when this run began.
    """

    run: int | None = None
    host: str = ""
    gpu: str = ""
    queue_id: str | None = None
    worker: Identity | None = None
    keeper: Identity | None = None
    started: str = ""
    ended: str = ""
    exit_code: int | None = None
    signal: int | None = None
    log_start: tuple[int, int] = (0, 0)

    @property
    def is_here(self) -> bool:
        """True when it runs on this machine, so that its processes can be looked at."""
        return self.host == host_name()

    @property
    def worker_alive(self) -> bool | None:
        """Whether the worker lives; None when that cannot be known from here."""
        if not self.is_here:
            return None
        return self.worker is not None and not self.ended and is_alive(self.worker)

    @property
    def keeper_alive(self) -> bool:
        """Whether the keeper lives, which will say how the worker ended."""
        return self.is_here and self.keeper is not None and is_alive(self.keeper)


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_worker(job_dir: Path) -> WorkerRecord | None:
    """Return what is known about a job's worker, or None when it was neither started nor submitted."""
    found = ending.read_worker_file(str(job_dir))
    queued = read_queue_record(job_dir)
    if not found:
        return None if queued is None else WorkerRecord(run=queued.run, queue_id=queued.identifier)
    start = found.get("log_start")
    start = start if isinstance(start, dict) else {}
    return WorkerRecord(
        run=_int(found.get("run")),
        host=str(found.get("host") or ""),
        gpu=str(found.get("gpu") or ""),
        # Of a local continuation there is no record of a queue any more.
        queue_id=queued.identifier if queued is not None else None,
        worker=Identity.from_dict(found),
        keeper=Identity.from_dict(found.get("keeper")),
        started=str(found.get("started") or ""),
        ended=str(found.get("ended") or ""),
        exit_code=_int(found.get("exit_code")),
        signal=_int(found.get("signal")),
        log_start=(_int(start.get("out")) or 0, _int(start.get("err")) or 0),
    )


def error_line(job_dir: Path, *, start: int = 0, limit: int = 262144) -> str:
    """Return the last sentence in ``run.err`` that begins with ``ERROR:``, without that word.

    Parameters
    ----------
    job_dir
        The job's folder.
    start
        Byte at which the present run began.
    limit
        At most this many bytes are read, from the end.
    """
    try:
        with (job_dir / "run.err").open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(start if start <= size else 0, size - limit))
            text = stream.read(limit).decode(errors="replace")
    except OSError:
        return ""
    for line in reversed(text.splitlines()):
        if line.startswith("ERROR:"):
            return line.removeprefix("ERROR:").strip()
    return ""


def outcome_of(job_dir: Path) -> Outcome:
    """Return what became of the job in this folder, from its files and the process table."""
    marker = ending.marker_of(str(job_dir))
    record = read_worker(job_dir) or WorkerRecord()
    if marker == ending.SUCCESS:
        return Outcome(OutcomeKind.SUCCEEDED, code=0)
    if marker == ending.ABORTED:
        return Outcome(OutcomeKind.ABORTED, code=record.exit_code, signal=record.signal)
    if marker == ending.FAILURE:
        reason = error_line(job_dir, start=record.log_start[1])
        kind = OutcomeKind.KILLED if record.signal else OutcomeKind.FAILED
        return Outcome(kind, code=record.exit_code, signal=record.signal, reason=reason)
    if record.worker is None:
        return Outcome(OutcomeKind.RUNNING if record.queue_id else OutcomeKind.NOT_STARTED)
    if record.worker_alive is False:
        return Outcome(OutcomeKind.VANISHED, code=record.exit_code, signal=record.signal)
    return Outcome(OutcomeKind.RUNNING)
