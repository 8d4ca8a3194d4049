"""What the two lanes tell the window: plain records, made off the GUI thread, never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.runner.devices import Holder, Policy
from app.runner.gpus import Gpu
from app.runner.processes import ProcessStats
from app.runner.queue_view import Waiting
from jobs.core.figures import Fact, Figure


@dataclass(frozen=True)
class JobEntry:
    """One line of the job lists.

    Attributes
    ----------
    name
        With trailing slash, as in the pipeline.
    alias
        Without directory, empty when there is none.
    title
        Job type in words.
    ours
        Whether this program has that type.
    changed
        When its settings or its end were written last (s since 1970), None when unknown.
    note
        Progress of a running job in words, for example ``42 %``.
    place
        Its place among the jobs that wait for the same device, 1 = next; 0 when it is not in the queue.
    device
        What it waits for: ``the CPU``, ``GPU 0``.
    tags
        ``(word, number of its colour)`` of each word that people put on it.
    queued
        It stands as running in the project, but waits in a cluster's queue.
    where
        Where it waits or runs, for a job of a cluster's queue: ``Running on node x (SLURM id 12)``.
    """

    name: str
    alias: str
    type_label: str
    title: str
    ours: bool
    status: str
    changed: float | None = None
    note: str = ""
    place: int = 0
    device: str = ""
    tags: tuple[tuple[str, int], ...] = ()
    queued: bool = False
    where: str = ""

    @property
    def shown(self) -> str:
        """Name as RELION lists it: the number first, the alias in place of the name."""
        number = "".join(c for c in self.name.rstrip("/").rpartition("/")[2] if c.isdigit())
        directory = self.name.partition("/")[0]
        return f"{number}: {directory}/{self.alias}/" if self.alias else f"{number}: {self.name}"


@dataclass(frozen=True)
class JobsChanged:
    """The lists, complete, in the order of creation."""

    entries: tuple[JobEntry, ...]
    readonly: bool = False


@dataclass(frozen=True)
class NodeLine:
    """A file that goes into or comes out of the shown job, with the jobs at the other end."""

    path: str
    label: str
    jobs: tuple[str, ...]
    exists: bool


@dataclass(frozen=True)
class RunLine:
    """One run or continuation of a job, from its ``options.NNN.json``."""

    number: int
    task: str
    started: str


@dataclass(frozen=True)
class JobDetails:
    """Everything shown about the chosen job.

    Attributes
    ----------
    entry
        Its line in the lists.
    folder
        Absolute path.
    type_key
        Key in the registry, None for another program's job.
    values
        Options as in ``job.star``.
    inputs, outputs
        Files, each with the jobs at the other end.
    producers, consumers
        Names of the jobs it depends on, and of those that use its results.
    note
        Text of ``note.txt``.
    runs
        Its runs, oldest first.
    reason
        Why it ended badly, one sentence, else empty.
    trouble
        Why its settings could not be read, else empty.
    results
        ``(path inside the job, what it is)`` of the result files that exist.
    findings
        What its tasks found, each with its title and its numbers, in the order of the tasks.
    next_step
        What can be done with the result, empty unless it succeeded.
    stop_asked
        It runs, and was asked to stop.
    """

    entry: JobEntry
    folder: Path
    type_key: str | None
    values: Mapping[str, str]
    inputs: tuple[NodeLine, ...] = ()
    outputs: tuple[NodeLine, ...] = ()
    producers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    note: str = ""
    runs: tuple[RunLine, ...] = ()
    reason: str = ""
    trouble: str = ""
    results: tuple[tuple[str, str], ...] = ()
    findings: tuple[tuple[str, tuple[Fact, ...]], ...] = ()
    next_step: str = ""
    stop_asked: bool = False


@dataclass(frozen=True)
class Followed:
    """What is new in the folder of the shown job.

    Attributes
    ----------
    name
        The job.
    fresh
        True for the first news after the job was chosen: forget what was shown before.
    logs
        ``(stream, text, restarted)`` in order; streams are ``out`` and ``err``.
    records
        New lines of ``metrics.jsonl``.
    arrays
        New or changed snapshots by name, for example ``latent`` (P, 2+).
    figures
        New or changed pictures in numbers, by name.
    """

    name: str
    fresh: bool
    logs: tuple[tuple[str, str, bool], ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFinished:
    """A job ended, whichever is shown."""

    name: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class Told:
    """A sentence for the message bar."""

    text: str
    severity: str = "info"
    job: str = ""


@dataclass(frozen=True)
class Machine:
    """Processor and memory of this machine."""

    cpu_percent: float
    cores: int
    memory_used_mb: float
    memory_total_mb: float


@dataclass(frozen=True)
class JobOnDevice:
    """A job that computes on this machine; `left_s` as it estimates itself."""

    holder: Holder
    stats: ProcessStats | None = None
    left_s: float | None = None


@dataclass(frozen=True)
class GpusSeen:
    """GPUs of this machine, its processor, who uses them, who waits, and the load of the shown job.

    `busy` names the GPUs for which jobs wait at the moment, `policy` the rule.
    """

    gpus: tuple[Gpu, ...]
    machine: Machine | None = None
    worker: str = ""
    jobs_by_pid: Mapping[int, str] = field(default_factory=dict)
    running: tuple[JobOnDevice, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    busy: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class LockSeen:
    """Somebody else has held the lock of the project for `age_s` seconds; None when it is free."""

    owner: str | None
    age_s: float = 0.0
    alive: bool | None = None
