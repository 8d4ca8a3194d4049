"""Which jobs of this user compute on this machine, and which projects wait for its devices.

Each project knows its own jobs only; so that two projects do not meet on one GPU, every started job is noted
in a folder of the user for this machine. A note counts as long as its process lives; nobody has to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from app.runner.identity import Identity, host_name, identify, is_alive

#: A project whose queue nobody has moved on for so long does not hold places for its jobs any more (s).
STALE_S = 60.0
_LOCK_S = 2.0


@dataclass(frozen=True)
class Reservation:
    """A job that computes on this machine.

    Attributes
    ----------
    project, job
        Which job.
    gpu
        Numbers of its GPUs as its starter counted them, "" = CPU.
    visible
        Their lasting ids, as far as the driver told them.
    worker
        The process that leads it.
    """

    project: Path
    job: str
    gpu: str
    visible: tuple[str, ...]
    worker: Identity


@dataclass(frozen=True)
class Claim:
    """A job of another project that waits; `added` seconds since 1970."""

    project: Path
    job: str
    slot: str
    added: float


def folder() -> Path:
    """Return the folder of this user's notes for this machine (homes are shared between machines)."""
    return platformdirs.user_cache_path("heteroscope") / "devices" / host_name()


@contextlib.contextmanager
def machine_lock() -> Iterator[bool]:
    """Let one program at a time give out the devices of this machine; False when another took too long."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        stream = (place / "lock").open("w")
    except OSError:
        yield True  # a home that cannot be written to: every project for itself
        return
    with stream:
        got, until = False, time.monotonic() + _LOCK_S
        while not got:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                got = True
            except BlockingIOError:
                if time.monotonic() >= until:
                    break
                time.sleep(0.05)
            except OSError:
                got = True  # a file system without locks
        yield got


def reserve(project_dir: Path, job: str, gpu: str, visible: str, pid: int) -> None:
    """Note that a job has started; what cannot be noted is not worth an error."""
    worker = identify(pid)
    if worker is None:
        return  # over already
    content = {
        "project": str(Path(project_dir).resolve()),
        "job": job,
        "gpu": gpu,
        "visible": [part for part in visible.split(",") if part],
        **worker.as_dict(),
    }
    _write(folder() / f"job-{_key(project_dir, job)}.json", content)


def reservations() -> list[Reservation]:
    """Return the jobs that compute here; notes of those that ended are removed."""
    found = []
    for path, stored in _read("job-*.json"):
        worker = Identity.from_dict(stored)
        if worker is None or not is_alive(worker):
            _forget(path, stored)
            continue
        with contextlib.suppress(KeyError, TypeError):
            visible = tuple(str(part) for part in stored["visible"])
            project = Path(str(stored["project"]))
            found.append(Reservation(project, str(stored["job"]), str(stored["gpu"]), visible, worker))
    return found


def announce(project_dir: Path, waiting: Sequence[tuple[str, str, float]]) -> None:
    """Tell other projects which jobs wait here, as ``(job, slot, added)``; repeated, it keeps them valid."""
    path = folder() / f"waiting-{_key(project_dir)}.json"
    if waiting:
        _write(path, {"project": str(Path(project_dir).resolve()), "waiting": [list(w) for w in waiting]})
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def claims_of_others(project_dir: Path) -> list[Claim]:
    """Return the jobs of other projects that wait for devices of this machine, the oldest first."""
    own = Path(project_dir).resolve()
    found: list[Claim] = []
    for path, stored in _read("waiting-*.json"):
        with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
            project = Path(str(stored["project"]))
            age_s = time.time() - path.stat().st_mtime
            if project == own or age_s > STALE_S or not project.is_dir():
                continue
            found += [Claim(project, str(j), str(slot), float(added)) for j, slot, added in stored["waiting"]]
    return sorted(found, key=lambda claim: claim.added)


def _key(project_dir: Path, job: str = "") -> str:
    return hashlib.sha256(f"{Path(project_dir).resolve()}\n{job}".encode()).hexdigest()[:20]


def _read(pattern: str) -> list[tuple[Path, dict[str, Any]]]:
    found = []
    for path in sorted(folder().glob(pattern)):
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(stored, dict):
            found.append((path, stored))
    return found


def _forget(path: Path, seen: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError, ValueError):
        # the job may have been started again since we read the note
        if json.loads(path.read_text(encoding="utf-8")) == seen:
            path.unlink()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")
        temporary.replace(path)
