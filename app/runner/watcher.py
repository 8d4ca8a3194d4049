"""A job's folder as a stream of events: log text, metrics, snapshots, and the end."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Literal

from app.runner.events import Event, JobEnded, JobStarted, LogAppended, MetricsAdded, SnapshotChanged
from app.runner.outcome import WorkerRecord, outcome_of, read_worker
from jobs.core.metrics import read_metrics

#: A log is followed from at most this many bytes before its end.
HISTORY_BYTES = 2 * 1024**2
#: Most bytes taken from one log at one look, so that a worker gone wild cannot stall the window.
CHUNK_BYTES = 4 * 1024**2


class LogTail:
    """Follows one growing text file.

    Bytes that are not UTF-8 become replacement characters; a character cut in two by the writer's
    buffering is completed at the next look. A file that became shorter is read again from its start.

    Parameters
    ----------
    path
        The file; it need not exist yet.
    history_bytes
        Where to begin in a file that is there already: at most so many bytes before its end.
    """

    def __init__(self, path: Path, history_bytes: int = HISTORY_BYTES) -> None:
        self.path = path
        self.offset = 0
        self.first = True
        self._history = history_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._identity: int | None = None

    def read(self) -> tuple[str, bool]:
        """Return new text ("" when there is none), and whether earlier text is to be forgotten."""
        try:
            state = self.path.stat()
        except OSError:
            return "", False
        # A worker appends; somebody's editor replaces the file, which then is another one.
        restarted = self._identity is not None and (
            state.st_size < self.offset or state.st_ino != self._identity
        )
        first, self.first = self.first, False
        self._identity = state.st_ino
        if restarted:
            self._decoder.reset()
            self.offset = 0
        if state.st_size == self.offset:
            return "", restarted
        try:
            with self.path.open("rb") as stream:
                if (first or restarted) and state.st_size > self._history:
                    stream.seek(state.st_size - self._history)
                    stream.readline()  # begin with a whole line
                    self.offset = stream.tell()
                stream.seek(self.offset)
                data = stream.read(CHUNK_BYTES)
        except OSError:
            return "", restarted
        self.offset += len(data)
        return self._decoder.decode(data), restarted


def last_line(text: str) -> str:
    """Return what a terminal would show as the last line of a text with carriage returns.

    The text after the last carriage return counts, but a carriage return at the very end only moves the
    cursor and erases nothing.
    """
    line = text.rstrip("\n").rsplit("\n", 1)[-1]
    return line.rstrip("\r").rsplit("\r", 1)[-1]


class JobWatcher:
    """Turns what changes in one job folder into events, in the order in which it makes sense to show it.

    Each look costs a few `stat` calls when nothing has changed. The end (:class:`JobEnded`) is always told
    after all text and metrics of the run.

    Parameters
    ----------
    folder
        The job's folder.
    job
        Its name in the project; by default the last two parts of the folder.
    history_bytes
        How much of a log that is there already is given at the first look.
    this_run_only
        Leave out what earlier runs of the job have printed and measured.
    """

    def __init__(
        self,
        folder: Path,
        job: str = "",
        *,
        history_bytes: int = HISTORY_BYTES,
        this_run_only: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.job = job or f"{self.folder.parent.name}/{self.folder.name}/"
        self._logs: tuple[tuple[Literal["out", "err"], LogTail], ...] = (
            ("out", LogTail(self.folder / "run.out", history_bytes)),
            ("err", LogTail(self.folder / "run.err", history_bytes)),
        )
        self._metrics_offset = 0
        self._run: int | None = None
        # Where the present run begins is known once its worker is.
        self._silent = this_run_only
        self._this_run_only = this_run_only
        self._snapshots: dict[str, tuple[int, int]] = {}
        self._started = ""
        self._ended = False

    def poll(self) -> list[Event]:
        """Return what has changed since the last look."""
        # Read the end first: what was written before the marker is then certainly read below.
        outcome = outcome_of(self.folder)
        events: list[Event] = []
        record = read_worker(self.folder)
        if record is not None and record.started != self._started:
            attached = not self._started and self._ended is False and bool(record.started)
            self._started = record.started
            self._begin_run(record)
            if not outcome.is_over:
                self._ended = False
                events.append(JobStarted(self.job, run=record.run, attached=attached))
        if not self._silent:
            events += self._new_text()
            events += self._new_metrics()
        events += self._new_snapshots()
        if outcome.is_over and not self._ended:
            self._ended = True
            events.append(JobEnded(self.job, outcome))
        elif not outcome.is_over:
            self._ended = False
        return events

    def _begin_run(self, record: WorkerRecord) -> None:
        self._run = record.run
        if self._silent:
            for (_, tail), start in zip(self._logs, record.log_start, strict=True):
                tail.offset = start
                tail.first = False
            self._silent = False

    def _new_text(self) -> list[Event]:
        found: list[Event] = []
        for stream, tail in self._logs:
            while True:
                text, restarted = tail.read()
                if text or restarted:
                    found.append(LogAppended(self.job, stream, text, restarted))
                if len(text) < CHUNK_BYTES // 4:
                    break
        return found

    def _new_metrics(self) -> list[Event]:
        path = self.folder / "metrics.jsonl"
        try:
            size = path.stat().st_size
        except OSError:
            return []
        if size < self._metrics_offset:
            self._metrics_offset = 0
        if size == self._metrics_offset:
            return []
        records, self._metrics_offset = read_metrics(path, self._metrics_offset)
        if self._this_run_only:
            records = [record for record in records if record.get("run", self._run) == self._run]
        return [MetricsAdded(self.job, tuple(records))] if records else []

    def _new_snapshots(self) -> list[Event]:
        found: list[Event] = []
        try:
            entries = sorted((self.folder / "snapshots").iterdir())
        except OSError:
            return []
        for path in entries:
            if path.name.startswith(".") or ".tmp" in path.name:
                continue  # being written
            try:
                state = path.stat()
            except OSError:
                continue  # replaced this very moment; seen at the next look
            stamp = (state.st_mtime_ns, state.st_size)
            if self._snapshots.get(path.name) != stamp:
                self._snapshots[path.name] = stamp
                found.append(SnapshotChanged(self.job, path))
        return found
