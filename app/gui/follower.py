"""Follows the shown job's folder, the GPUs and the lock, in the watch lane; no Qt."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from app.gui.device_look import look_at_devices
from app.gui.news import Followed, GpusSeen, LockSeen, Machine
from app.project.lock import lock_info
from app.runner.events import LogAppended, MetricsAdded, SnapshotChanged
from app.runner.gpus import Gpu, list_gpus
from app.runner.outcome import read_worker
from app.runner.processes import process_stats
from app.runner.watcher import JobWatcher
from jobs.core.figures import Figure

#: A lock that is held for less than this is the ordinary course of things (s).
PATIENCE_S = 1.5
_GPU_PERIOD_S = 2.0
_LOCK_PERIOD_S = 1.0
#: At most this much text is handed to the window at once, so that drawing it never stalls it (characters).
CHUNK = 65_536


class Follower:
    """What the watch lane does at every look."""

    def __init__(self, gpus: Callable[[], list[Gpu]] = list_gpus, *, history_mb: float = 2.0) -> None:
        self._list_gpus = gpus
        self._history_bytes = round(history_mb * 2**20)
        self._project_dir: Path | None = None
        self._watcher: JobWatcher | None = None
        self._name = ""
        self._fresh = False
        self._backlog: list[tuple[str, str, bool]] = []
        self._next_gpus = 0.0
        self._next_lock = 0.0
        self._gpus: GpusSeen | None = None
        self._lock = LockSeen(None)

    def follow(self, project_dir: Path | None, name: str = "") -> None:
        """Follow another job from its beginning, or none."""
        self._project_dir = project_dir
        self._name = name
        self._backlog = []
        self._fresh = bool(name)
        self._watcher = None
        if project_dir is not None and name:
            self._watcher = JobWatcher(project_dir / name, name, history_bytes=self._history_bytes)

    def tick(self) -> list[object]:
        """Look, and return what is new."""
        now = time.monotonic()
        news: list[object] = []
        if (followed := self._look_at_job()) is not None:
            news.append(followed)
        if now >= self._next_gpus:
            self._next_gpus = now + _GPU_PERIOD_S
            seen = self._look_at_machine()
            if seen != self._gpus:
                self._gpus = seen
                news.append(seen)
        if now >= self._next_lock:
            self._next_lock = now + _LOCK_PERIOD_S
            lock = self._look_at_lock()
            if lock != self._lock:
                self._lock = lock
                news.append(lock)
        return news

    # -- the job -------------------------------------------------------------------------------------------

    def _look_at_job(self) -> Followed | None:
        if self._watcher is None:
            return None
        records: list[dict[str, Any]] = []
        arrays: dict[str, np.ndarray] = {}
        figures: dict[str, Figure] = {}
        for event in self._watcher.poll():
            if isinstance(event, LogAppended):
                self._backlog.append((event.stream, event.text, event.restarted))
            elif isinstance(event, MetricsAdded):
                records += event.records
            elif isinstance(event, SnapshotChanged):
                if event.path.suffix == ".json":
                    if (figure := read_figure(event.path)) is not None:
                        figures[event.path.stem] = figure
                elif (array := _load(event.path)) is not None:
                    arrays[event.path.stem] = array
        logs = self._take_logs()
        if not (self._fresh or logs or records or arrays or figures):
            return None
        fresh, self._fresh = self._fresh, False
        return Followed(self._name, fresh, logs, tuple(records), arrays, figures)

    def _take_logs(self) -> tuple[tuple[str, str, bool], ...]:
        """Hand out the log piece by piece."""
        taken: list[tuple[str, str, bool]] = []
        room = CHUNK
        while self._backlog and room > 0:
            stream, text, restarted = self._backlog.pop(0)
            if len(text) > room:
                self._backlog.insert(0, (stream, text[room:], False))
                text = text[:room]
            room -= len(text)
            taken.append((stream, text, restarted))
        return tuple(taken)

    @staticmethod
    def _worker(pid: int | None) -> str:
        """Return the load of a worker in words, empty when it does not run."""
        stats = process_stats(pid) if pid is not None else None
        return f"{stats.cpu_percent:.0f} % CPU · {_memory(stats.rss_mb)}" if stats is not None else ""

    def look_again(self) -> None:
        """Look at the devices at the next tick, whenever they were looked at last."""
        self._next_gpus = 0.0

    # -- the machine ---------------------------------------------------------------------------------------

    def _look_at_machine(self) -> GpusSeen:
        memory = psutil.virtual_memory()
        machine = Machine(
            cpu_percent=round(psutil.cpu_percent()),
            cores=psutil.cpu_count() or 1,
            memory_used_mb=round((memory.total - memory.available) / 2**20, -2),
            memory_total_mb=memory.total / 2**20,
        )
        return look_at_devices(
            self._list_gpus(), machine, self._worker(self._worker_pid()), self._project_dir
        )

    def _worker_pid(self) -> int | None:
        """Return the process of the shown job, None when it does not run here."""
        if self._project_dir is None or not self._name:
            return None
        record = read_worker(self._project_dir / self._name)
        return (
            record.worker.pid
            if record is not None and record.worker is not None and record.worker_alive
            else None
        )

    # -- the lock ------------------------------------------------------------------------------------------

    def _look_at_lock(self) -> LockSeen:
        if self._project_dir is None:
            return LockSeen(None)
        info = lock_info(self._project_dir)
        if info is None or info.age_s < PATIENCE_S:
            return LockSeen(None)
        return LockSeen(str(info.owner) or "an unknown program", round(info.age_s), info.alive)


def _memory(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _load(path: Path) -> np.ndarray | None:
    """Return a snapshot, or None when it is gone or unreadable (the next one will come)."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def read_figure(path: Path) -> Figure | None:
    """Return a picture in numbers, or None when it is gone or unreadable (the next one will come)."""
    try:
        return Figure.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
