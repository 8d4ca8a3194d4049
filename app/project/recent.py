"""What can be said of a project without opening it, for the list of recent ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_FILE = "default_pipeline.star"
_MOST_BYTES = 1 << 24
#: A row of the table of processes: name, alias, type, status (words, or numbers before RELION 4).
_JOB = re.compile(rb"^\s*[^\s/]+/job\d+/\s+\S+\s+\S+\s+(\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class RecentProject:
    """A project that was open before.

    Attributes
    ----------
    path
        Its folder.
    present
        Whether the folder is still there.
    jobs, running
        Number of its jobs, and of those that run; None when unknown.
    changed
        When its list of jobs last changed, in seconds since 1970; 0 when unknown.
    """

    path: Path
    present: bool = True
    jobs: int | None = None
    running: int | None = None
    changed: float = 0.0


def look_at(paths: Iterable[Path]) -> list[RecentProject]:
    """Look at projects, without a lock and without reading them as a whole."""
    return [_look(path) for path in paths]


def _look(path: Path) -> RecentProject:
    try:
        if not path.is_dir():
            return RecentProject(path, present=False)
        file = path / _FILE
        changed = file.stat().st_mtime
        with file.open("rb") as stream:
            states = _JOB.findall(stream.read(_MOST_BYTES))
    except FileNotFoundError:
        return RecentProject(path)
    except OSError:
        return RecentProject(path, present=False)
    running = sum(state in (b"Running", b"0") for state in states)
    return RecentProject(path, True, len(states), running, changed)
