"""How much room jobs take, and how much cleaning would free; looked at bit by bit and remembered."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.project.cleaning_rules import Sorted, rule_for, sort_files
from app.project.graph import RUNNING, SUCCEEDED, Graph, Process
from app.project.trash import TRASH

NO_HARSH_CLEAN = "NO_HARSH_CLEAN"
#: A running job grows, so it is looked at again after this time; others when they change.
_RUNNING_AGAIN_S = 60.0
#: Pause between two rounds through all jobs.
_PAUSE_S = 5.0


@dataclass(frozen=True)
class JobUse:
    """The room a job takes.

    Attributes
    ----------
    size, files
        Bytes and number of its files.
    gentle, harsh
        Bytes that cleaning would free; 0 unless the job has succeeded.
    protected
        It is spared when all jobs are cleaned harshly.
    """

    size: int = 0
    files: int = 0
    gentle: int = 0
    harsh: int = 0
    protected: bool = False


@dataclass(frozen=True)
class ProjectUse:
    """The room a project takes, as far as it was looked at.

    Attributes
    ----------
    jobs
        Name to use.
    trash
        Bytes in the trash.
    complete
        Whether every job was looked at.
    """

    jobs: dict[str, JobUse]
    trash: int = 0
    complete: bool = True

    @property
    def size(self) -> int:
        """Bytes of all jobs."""
        return sum(use.size for use in self.jobs.values())

    @property
    def gentle(self) -> int:
        """Bytes that cleaning all jobs gently would free."""
        return sum(use.gentle for use in self.jobs.values())

    @property
    def harsh(self) -> int:
        """Bytes that cleaning all jobs harshly would free; protected ones are spared."""
        return sum(use.gentle if use.protected else use.harsh for use in self.jobs.values())


def files_below(folder: str | Path) -> Iterator[tuple[str, int]]:
    """Yield ``(path relative to the folder, bytes)`` of all files; links are not followed.

    What cannot be looked at is left out: another program may be removing it this moment.
    """
    waiting = [("", os.fspath(folder))]
    while waiting:
        start, place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append((f"{start}{entry.name}/", entry.path))
                        else:
                            yield f"{start}{entry.name}", entry.stat(follow_symlinks=False).st_size
                    except OSError:
                        continue
        except OSError:
            continue


def cleanable(project_dir: Path, graph: Graph, process: Process, files: list[tuple[str, int]]) -> Sorted:
    """Return the files of a job that cleaning would move to the trash; none unless it has succeeded."""
    if process.status != SUCCEEDED:
        return Sorted()
    nodes = {
        node.name.removeprefix(process.name)
        for node in (*graph.outputs(process.name), *graph.inputs(process.name))
        if node.name.startswith(process.name)
    }
    return sort_files(project_dir / process.name, rule_for(process.type_label), files, nodes)


def measure(project_dir: Path, graph: Graph, process: Process) -> JobUse:
    """Look through the folder of a job."""
    files = list(files_below(project_dir / process.name))
    found = cleanable(project_dir, graph, process, files)
    return JobUse(
        size=sum(size for _, size in files),
        files=len(files),
        gentle=sum(size for _, size in found.gently),
        harsh=sum(size for _, size in found.harshly),
        protected=any(path == NO_HARSH_CLEAN for path, _ in files),
    )


class DiskUse:
    """Looks at the jobs of a project one after another, for a short time at each call.

    Parameters
    ----------
    project_dir
        The project.
    """

    def __init__(self, project_dir: Path) -> None:
        self._dir = project_dir
        self._known: dict[str, tuple[tuple[object, ...], float, JobUse]] = {}
        self._trash: tuple[tuple[int, ...], int] = ((), 0)
        self._waiting: list[str] = []
        self._complete = False
        self._next_round = 0.0

    def again(self) -> None:
        """Begin the next round now: the project has changed."""
        self._next_round = 0.0

    def forget(self, names: list[str] | None = None) -> None:
        """Look at these jobs (None: at all) and the trash again."""
        for name in list(self._known) if names is None else names:
            self._known.pop(name, None)
        self._trash = ((), self._trash[1])
        self.again()

    def step(self, graph: Graph, budget_s: float = float("inf")) -> ProjectUse | None:
        """Look for as long as allowed; returns what is new, None when nothing is.

        Parameters
        ----------
        graph
            The jobs.
        budget_s
            Seconds; a single large job may take longer.
        """
        start = time.monotonic()
        if not self._waiting and start < self._next_round:
            return None
        changed = self._look_at_trash()
        present = {process.name for process in graph.processes}
        for gone in self._known.keys() - present:
            del self._known[gone]
            changed = True
        if not self._waiting:
            self._waiting = [process.name for process in graph.processes]  # taken from its end
            self._next_round = start + _PAUSE_S
        while self._waiting:
            process = graph.process(self._waiting.pop())
            if process is not None:
                changed |= self._look(graph, process)
            if time.monotonic() - start > budget_s:
                break
        complete = len(self._known) == len(present)
        changed |= complete != self._complete
        self._complete = complete
        return self.seen() if changed else None

    def seen(self) -> ProjectUse:
        """Return what is known now."""
        uses = {name: known[2] for name, known in self._known.items()}
        return ProjectUse(uses, self._trash[1], self._complete)

    def _look(self, graph: Graph, process: Process) -> bool:
        known = self._known.get(process.name)
        stamp = self._stamp(process)
        if known is not None and known[0] == stamp:
            again = process.status == RUNNING and time.monotonic() - known[1] > _RUNNING_AGAIN_S
            if not again:
                return False
        use = measure(self._dir, graph, process)
        self._known[process.name] = (stamp, time.monotonic(), use)
        return known is None or known[2] != use

    def _stamp(self, process: Process) -> tuple[object, ...]:
        return (process.status, process.type_label, *_times(self._dir / process.name))

    def _look_at_trash(self) -> bool:
        trash = self._dir / TRASH
        stamp = _times(trash)
        if stamp:
            stamp += tuple(number for folder in sorted(trash.iterdir()) for number in _times(folder))
        if stamp == self._trash[0] and stamp:
            return False
        before = self._trash[1]
        self._trash = (stamp or (0,), sum(size for _, size in files_below(trash)))
        return self._trash[1] != before


def _times(folder: Path) -> tuple[int, ...]:
    try:
        found = os.stat(folder)  # noqa: PTH116 - asked for every job again and again
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_ino)


def in_words(size: int) -> str:
    """Return a number of bytes as file managers write it: ``640 B``, ``1.2 MB``, ``340 GB``."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 9.95 or units[0] == "B" else f"{value:.1f} {units[0]}"
