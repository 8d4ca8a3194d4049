"""How far a running job is, and how long it expects to need yet, from the end of its measurements."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from jobs.core.metrics import read_metrics

_TAIL = 8192


@dataclass(frozen=True)
class ProgressNow:
    """The newest that a run said of itself.

    Attributes
    ----------
    phase
        What it does at present.
    step, of
        How far it is in that.
    left_s
        Seconds it expects to need yet for that, None when it does not say.
    """

    phase: str
    step: int
    of: int
    left_s: float | None = None

    @property
    def share(self) -> float:
        """How much of the phase is done, 0 to 1."""
        return min(max(self.step / self.of, 0.0), 1.0)


def progress_now(folder: Path, run: int) -> ProgressNow | None:
    """Return how far a run is, None before its first measurement."""
    path = folder / "metrics.jsonl"
    try:
        records, _ = read_metrics(path, max(0, path.stat().st_size - _TAIL))
    except OSError:
        return None
    for record in reversed(records):
        step, of = record.get("step"), record.get("of")
        if record.get("run") != run or not isinstance(step, int) or not isinstance(of, int) or of <= 0:
            continue
        left, when = record.get("eta_s"), record.get("t")
        known = isinstance(left, int | float) and isinstance(when, int | float)
        passed = time.time() - float(when or 0.0) if known else 0.0
        return ProgressNow(
            str(record.get("phase") or ""), step, of, max(0.0, float(left or 0.0) - passed) if known else None
        )
    return None
