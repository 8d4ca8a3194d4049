"""What benchmarks measure, and how."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else None


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    group
        What was measured, for example ``project``.
    name
        In words.
    value
        The number, in `unit`.
    unit
        Empty for a ratio.
    goal
        In words, for example ``< 1 s``; empty when none was set.
    """

    group: str
    name: str
    value: float
    unit: str = ""
    goal: str = ""


class Figures:
    """What the benchmarks of this run measured."""

    def __init__(self) -> None:
        self.measured: list[Figure] = []

    def add(self, group: str, name: str, value: float, unit: str = "", goal: str = "") -> None:
        """Keep a number; the last one of the same group and name counts."""
        self.measured = [f for f in self.measured if (f.group, f.name) != (group, name)]
        self.measured.append(Figure(group, name, float(value), unit, goal))

    def as_markdown(self) -> str:
        """Return a table that can stand in the README."""
        lines = ["| What | Figure | Measured | Goal |", "|---|---|---|---|"]
        for figure in self.measured:
            shown = f"{figure.value:.4g}" + (f" {figure.unit}" if figure.unit else " ×")
            lines.append(f"| {figure.group} | {figure.name} | {shown} | {figure.goal} |")
        return "\n".join(lines)


def best_of(work: Callable[[], Any], repeats: int = 3) -> float:
    """Return the shortest wall-clock time (s) of `repeats` calls; the shortest is the least disturbed one."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@dataclass
class Measured:
    """Wall-clock time (s) and growth of the process's peak memory (MB) of a block."""

    seconds: float = 0.0
    peak_growth_mb: float = 0.0


@contextmanager
def measured() -> Iterator[Measured]:
    """Measure a block once, for work too long to repeat."""
    result = Measured()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    yield result
    result.seconds = time.perf_counter() - start
    result.peak_growth_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def machine() -> str:
    """Return processor, cores and versions in one line."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    torch: Any = sys.modules.get("torch")
    versions = f"Python {platform.python_version()}" + (f", torch {torch.__version__}" if torch else "")
    gpu = f", {torch.cuda.get_device_name(0)}" if torch and torch.cuda.is_available() else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load before {_LOAD:.1f}" if _LOAD is not None else ""
    return f"{name}, {cores} cores{gpu}, {versions}{load}"
