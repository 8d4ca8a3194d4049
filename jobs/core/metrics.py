"""Measured values of a running job: one JSON object per line, appended and read while it grows."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any


def _plain(value: Any) -> Any:
    """Return a value JSON can hold; not-a-number and infinity become null."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)  # numpy scalars and one-element tensors too
    return number if math.isfinite(number) else None


class MetricsWriter:
    """Appends records to ``metrics.jsonl``.

    Parameters
    ----------
    path
        The file; made when missing.
    run, task
        Number of the run and name of the task, written into each record.
    """

    def __init__(self, path: Path, run: int, task: str) -> None:
        self.path = path
        self.run = run
        self.task = task
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        # A killed run may have left half a line; the first new record must not be glued to it.
        if path.stat().st_size and not _ends_with_newline(path):
            self._file.write(b"\n")
            self._file.flush()

    def log(
        self, phase: str, step: int, of: int, eta_s: float | None = None, **values: float | str | None
    ) -> None:
        """Append one record and hand it to the operating system.

        Parameters
        ----------
        phase
            What is going on (``warm-up``, ``train``).
        step, of
            Progress within the phase.
        eta_s
            Estimated seconds to the end of the phase.
        **values
            Named values, units in the names (``rms_displacement_A_half1``).
        """
        record = {
            "t": round(time.time(), 3),
            "run": self.run,
            "task": self.task,
            "phase": phase,
            "step": int(step),
            "of": int(of),
            "eta_s": None if eta_s is None else _plain(float(eta_s)),
        }
        record.update({name: _plain(value) for name, value in values.items()})
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def read_metrics(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the records that were added since the last call.

    Parameters
    ----------
    path
        The file; a missing one has no records.
    offset
        Byte at which to go on; 0 = from the start.

    Returns
    -------
    records, offset
        The complete records, and where to go on next time. A last line still being written is left
        for the next call, a damaged one within the file is skipped. When the file has become shorter
        (replaced by another run) it is read from the start.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(offset if offset <= size else 0)
            start = file.tell()
            data = file.read()
    except FileNotFoundError:
        return [], 0
    complete = data.rfind(b"\n") + 1
    records: list[dict[str, Any]] = []
    for line in data[:complete].splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records, start + complete
