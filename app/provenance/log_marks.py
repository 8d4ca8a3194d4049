"""What logs and notes tell about the single runs of a job: device, end, commands of other programs."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobs.core.metrics import read_metrics

_LOG_LIMIT = 8 * 2**20
_HEAD = re.compile(r"^[^\n]*, run (\d+) of \S+ on (\S+)$", re.MULTILINE)
_START = re.compile(r"\+\+\+\+ Executing new job on (.+)")
_ABORTED = "The job was aborted."


@dataclass(frozen=True)
class LogMark:
    """What ``run.out`` says about one run."""

    device: str
    aborted: bool


@dataclass(frozen=True)
class Progress:
    """The last line that a run wrote into ``metrics.jsonl``: when, and whether its work was complete."""

    at: float
    complete: bool


@dataclass(frozen=True)
class NotedRun:
    """One start of a job as ``note.txt`` has it: when, and with which commands."""

    started: datetime | None
    commands: tuple[str, ...]


def log_marks(folder: Path) -> dict[int, LogMark]:
    """Return device and end of each run that the log still covers."""
    text = _tail(folder / "run.out", _LOG_LIMIT)
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    return {
        int(head[1]): LogMark(head[2], _ABORTED in text[head.end() : end])
        for head, end in zip(heads, ends, strict=True)
    }


def progress(folder: Path) -> dict[int, Progress]:
    """Return how far each run came."""
    found: dict[int, Progress] = {}
    with contextlib.suppress(OSError):
        records, _ = read_metrics(folder / "metrics.jsonl", 0)
        for record in records:
            run, at = record.get("run"), record.get("t")
            if isinstance(run, int) and isinstance(at, int | float):
                found[run] = Progress(float(at), record.get("step") == record.get("of"))
    return found


def noted_runs(note: str) -> tuple[NotedRun, ...]:
    """Return the starts of a job that its note tells of, oldest first."""
    found = []
    lines = note.splitlines()
    for number, line in enumerate(lines):
        match = _START.search(line)
        if match is None:
            continue
        commands = []
        for other in lines[number + 1 :]:
            if "with the following command(s)" in other:
                continue
            if other.strip().startswith("++++"):
                break
            if other.strip():
                commands.append(other.strip())
        found.append(NotedRun(_time(match[1].strip()), tuple(commands)))
    return tuple(found)


def log_tail(folder: Path, lines: int = 12, stream: str = "out", start: int = 0) -> tuple[str, ...]:
    """Return the last lines of a log as they are read, without those that were written over.

    Parameters
    ----------
    folder
        The job's folder.
    lines
        At most so many.
    stream
        ``out`` or ``err``.
    start
        Byte at which the latest run began; what earlier ones said is left out.
    """
    text = _tail(folder / f"run.{stream}", 65536, start)
    kept = [line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return tuple(line for line in kept if line)[-lines:]


def _time(text: str) -> datetime | None:
    for form in ("%a %b %d %H:%M:%S %Y", "%Y-%m-%d %H:%M:%S"):
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, form).astimezone()
    return None


def _tail(path: Path, limit: int, start: int = 0) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            # a log that has become shorter was begun anew
            file.seek(max(start if start <= size else 0, size - limit))
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""
