"""What happens to a job, as the window and the command line are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.runner.outcome import Outcome


@dataclass(frozen=True)
class Event:
    """Something happened to a job (name with trailing slash, as in the pipeline)."""

    job: str


@dataclass(frozen=True)
class JobStarted(Event):
    """A worker has begun, or one that was running already has been found again (`attached`)."""

    run: int | None = None
    attached: bool = False


@dataclass(frozen=True)
class LogAppended(Event):
    """Text was appended to ``run.out`` or ``run.err``.

    Carriage returns are kept: the reader of the text knows whether it overwrites lines.
    `restarted` is True when earlier text of this stream is to be forgotten.
    """

    stream: Literal["out", "err"]
    text: str
    restarted: bool = False


@dataclass(frozen=True)
class MetricsAdded(Event):
    """New records of ``metrics.jsonl``, oldest first."""

    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class SnapshotChanged(Event):
    """A file in ``snapshots/`` is new or was replaced."""

    path: Path


@dataclass(frozen=True)
class StatusChanged(Event):
    """The job's status in the project changed (RELION's word, such as Running or Succeeded)."""

    status: str


@dataclass(frozen=True)
class JobEnded(Event):
    """The job is over; always the last event of a run."""

    outcome: Outcome


@dataclass(frozen=True)
class Notice(Event):
    """Something the user should read that belongs to no log, such as a project that is locked."""

    text: str
