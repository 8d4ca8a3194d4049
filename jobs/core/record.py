"""The exact record of one run of a job (``options.NNN.json``): options, versions, inputs, command, place."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import platform
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from jobs.core.options import specs, split_paths

if TYPE_CHECKING:
    from jobs.core.declaration import JobType
    from jobs.core.options import JobOptions

_MIB = 1 << 20
#: Distributions whose version can change a result.
_RECORDED = ("heteroscope", "torch", "numpy", "scipy", "numba", "mrcfile", "cupy-cuda12x", "cupy-cuda13x")


class OptionsRecord(BaseModel):
    """What is known about one run or continuation; written once, never changed.

    Attributes
    ----------
    run
        Number of the run in its job, from 1.
    type_key, task
        Key of the job type and name of the task.
    is_continue
        Whether an existing job was continued.
    values
        Every option, exactly.
    seed
        Seed of all random numbers; None when the options have none, or leave it to be drawn.
    versions
        Distribution (and ``python``) to version.
    inputs
        Path to ``size``, ``mtime`` and ``sha256`` (of the first and the last MiB).
    command, host, started
        Command line, computer and ISO time of the start.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    run: int = Field(ge=1)
    type_key: str
    task: str
    is_continue: bool = False
    values: dict[str, Any]
    seed: int | None = None
    versions: dict[str, str] = {}
    inputs: dict[str, dict[str, Any]] = {}
    command: list[str] = []
    host: str = ""
    started: str = ""


def seed_of(options: JobOptions) -> int | None:
    """Return the seed that options state; None when they have none, or leave it to be drawn."""
    value = getattr(options, "seed", getattr(options, "rand_seed", None))
    return None if value is None else int(value)


def fingerprint(path: Path) -> dict[str, Any]:
    """Return size, modification time and a hash that identify a file without reading all of it.

    The hash covers the size, the first and the last MiB; that is cheap for a stack of any size and
    notices every header and most changes of content.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    status = path.stat()
    digest = hashlib.sha256(str(status.st_size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_MIB))
        if status.st_size > _MIB:
            file.seek(max(_MIB, status.st_size - _MIB))
            digest.update(file.read(_MIB))
    return {"size": status.st_size, "mtime": status.st_mtime, "sha256": digest.hexdigest()}


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the distributions that can change a result."""
    found = {"python": platform.python_version()}
    for name in _RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def make_record(
    job_type: JobType,
    options: JobOptions,
    *,
    project_dir: Path,
    run: int,
    task: str,
    is_continue: bool = False,
    command: Sequence[str] = (),
) -> OptionsRecord:
    """Return the record of a run that is about to start.

    Input files that cannot be read are left out; the checks and the worker report them.
    """
    inputs: dict[str, dict[str, Any]] = {}
    for declared in specs(job_type.options):
        value = str(getattr(options, declared.name) or "") if declared.is_path else ""
        for part in split_paths(value) if declared.multiple else [value]:
            path = project_dir / part
            if part and path.is_file():
                with contextlib.suppress(OSError):
                    inputs[part] = fingerprint(path)
    return OptionsRecord(
        run=run,
        type_key=job_type.key,
        task=task,
        is_continue=is_continue,
        values=options.model_dump(),
        seed=seed_of(options),
        versions=installed_versions(),
        inputs=inputs,
        command=list(command),
        host=socket.gethostname(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
