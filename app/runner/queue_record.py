"""Which queue a job was handed to, and under which id: ``queue.json`` in the job's folder.

Written by whoever submitted the job, beside ``worker.json``, which belongs to the machine that runs it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.runner.identity import Identity
from app.runner.queue_words import QUEUE_FILE, read_queue_file

#: The system's key, and what people call it.
TITLES = {
    "slurm": "SLURM",
    "pbs": "PBS",
    "sge": "Grid Engine",
    "lsf": "LSF",
    "shell": "a shell",
    "": "the queue",
}
UNKNOWN_ID = "?"


@dataclass(frozen=True)
class QueueRecord:
    """A submission.

    Attributes
    ----------
    system
        Key of :data:`TITLES`; "" for a submit command that nobody here knows.
    identifier
        Id in the queue, ``?`` when the submit command told none.
    command
        The submit command.
    host
        Machine on which it was submitted.
    run
        Number of the run.
    submitted
        When (s since 1970).
    process
        The shell that runs the script, for a submission to a plain shell.
    """

    system: str
    identifier: str
    command: str
    host: str = ""
    run: int | None = None
    submitted: float = 0.0
    process: Identity | None = None

    @property
    def title(self) -> str:
        """The queue as people call it."""
        return TITLES.get(self.system, self.system)


def write_queue_record(job_dir: Path, record: QueueRecord) -> None:
    """Write ``queue.json`` (temporary name, then rename)."""
    content: dict[str, Any] = asdict(record)
    content["id"] = content.pop("identifier")
    content["process"] = record.process.as_dict() if record.process else None
    path = job_dir / QUEUE_FILE
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_queue_record(job_dir: Path) -> QueueRecord | None:
    """Return which queue a job was handed to, None for a job that runs without one."""
    found = read_queue_file(str(job_dir))
    if not found:
        return None
    run, submitted = found.get("run"), found.get("submitted")
    return QueueRecord(
        str(found.get("system") or ""),
        str(found.get("id") or UNKNOWN_ID),
        str(found.get("command") or ""),
        str(found.get("host") or ""),
        run if isinstance(run, int) else None,
        float(submitted) if isinstance(submitted, int | float) else 0.0,
        Identity.from_dict(found.get("process")),
    )


def forget_queue(job_dir: Path) -> None:
    """Remove the record of an earlier submission, before the job is started again."""
    (job_dir / QUEUE_FILE).unlink(missing_ok=True)
