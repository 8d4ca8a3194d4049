"""Looks at the room that jobs take, in a lane of its own and a little at a time; writes and locks nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from app.project.disk_use import DiskUse, ProjectUse
from app.project.project import Project

#: How long one look may take (s), and the time between two pieces of news while there is more to come.
_LOOK_S = 0.05
_NEWS_S = 1.0


@dataclass(frozen=True)
class DiskSeen:
    """What the jobs of a project take, as far as it is known."""

    path: Path
    use: ProjectUse


class DiskWatch:
    """Follows one project; all methods are called in the disk lane."""

    def __init__(self) -> None:
        self._project: Project | None = None
        self._use: DiskUse | None = None
        self._pending = False
        self._told = 0.0

    def follow(self, path: Path | None) -> None:
        """Look at another project, or at none."""
        self._project = Project.open(path, readonly=True) if path is not None else None
        self._use = DiskUse(path) if path is not None else None
        self._pending = True

    def forget(self, names: list[str] | None = None) -> None:
        """Look at these jobs (None: all) and the trash again."""
        if self._use is not None:
            self._use.forget(names)

    def tick(self) -> list[object]:
        """Look for a moment; returns news for the window."""
        if self._project is None or self._use is None:
            return []
        if self._project.refresh():
            self._use.again()
        found = self._use.step(self._project.pipeline, _LOOK_S)
        self._pending |= found is not None
        seen = self._use.seen()
        now = time.monotonic()
        if not self._pending or not (seen.complete or now - self._told > _NEWS_S):
            return []
        self._pending, self._told = False, now
        return [DiskSeen(self._project.path, seen)]
