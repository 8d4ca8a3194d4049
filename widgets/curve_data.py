"""Metric records as curves: quantities, half-sets and phases, against steps or time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Axis = Literal["step", "minutes"]

_NOT_CURVES: Final = frozenset({"t", "run", "task", "phase", "step", "of", "eta_s"})
_HALF: Final = re.compile(r"_half([0-9])$")
_UNITS: Final[tuple[tuple[str, str], ...]] = (
    ("_per_s", "per s"),
    ("_A2", "Å²"),
    ("_A", "Å"),
    ("_px", "px"),
    ("_deg", "°"),
    ("_GB", "GB"),
    ("_MB", "MB"),
    ("_mb", "MB"),
    ("_s", "s"),
)


@dataclass(frozen=True)
class Name:
    """A metric's name taken apart: quantity, which half-set (0 = none), and unit."""

    key: str
    quantity: str
    half: int
    unit: str

    @property
    def title(self) -> str:
        """The quantity in words, with its unit."""
        words = self.quantity.replace("_", " ")
        return f"{words} ({self.unit})" if self.unit else words

    @property
    def series(self) -> str:
        """What tells this curve from others of the same quantity."""
        return f"half {self.half}" if self.half else "all"


def parse_name(key: str) -> Name:
    """Take a metric's name apart; units stand in the names, as ``rms_displacement_A_half1``."""
    half = _HALF.search(key)
    quantity = key[: half.start()] if half else key
    for ending, unit in _UNITS:
        if quantity.endswith(ending) and len(quantity) > len(ending):
            return Name(key, quantity[: -len(ending)], int(half[1]) if half else 0, unit)
    return Name(key, quantity, int(half[1]) if half else 0, "")


@dataclass(frozen=True)
class PhaseStart:
    """Where a phase begins."""

    step: float
    minutes: float
    name: str

    def place(self, axis: Axis) -> float:
        """Return the place on an axis."""
        return self.step if axis == "step" else self.minutes


@dataclass
class _Series:
    step: list[float] = field(default_factory=list)
    minutes: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)


class CurveData:
    """Collects records; steps of successive phases and runs are laid end to end."""

    def __init__(self) -> None:
        self.phases: list[PhaseStart] = []
        self._series: dict[str, _Series] = {}
        self._segment: tuple[Any, ...] | None = None
        self._offset = 0.0
        self._last = 0.0
        self._last_step = 0.0
        self._start: float | None = None

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take further records in the order in which they were written."""
        for record in records:
            self._add(record)

    def _add(self, record: Mapping[str, Any]) -> None:
        step = _number(record.get("step"))
        step = self._last_step + 1 if math.isnan(step) else step
        time = _number(record.get("t"))
        if self._start is None and not math.isnan(time):
            self._start = time
        minutes = (time - self._start) / 60 if self._start is not None else math.nan
        segment = (record.get("run"), record.get("task"), record.get("phase"))
        # a step that goes back means that work was taken up again from an earlier checkpoint
        if segment != self._segment or step < self._last_step:
            if self._segment is not None:
                self._offset = self._last
            if segment != self._segment:
                self.phases.append(PhaseStart(self._offset, minutes, str(record.get("phase") or "")))
            self._segment = segment
        self._last_step = step
        self._last = self._offset + step
        for key, value in record.items():
            if key in _NOT_CURVES or isinstance(value, (bool, str, list, dict)):
                continue
            series = self._series.get(key)
            if series is None:
                if value is None:
                    continue
                series = self._series[key] = _Series()
            series.step.append(self._last)
            series.minutes.append(minutes)
            series.value.append(_number(value))

    def names(self) -> list[Name]:
        """Return the curves there are, in the order of their appearance."""
        return [parse_name(key) for key in self._series]

    def quantities(self) -> dict[str, list[Name]]:
        """Return the curves by the title of their quantity; half-sets of one quantity stand together."""
        found: dict[str, list[Name]] = {}
        for name in self.names():
            found.setdefault(name.title, []).append(name)
        for group in found.values():
            group.sort(key=lambda name: name.half)
        return found

    def phases_with_room(self, axis: Axis, share: float) -> list[PhaseStart]:
        """Return the phases that are long enough for their name: at least `share` of the whole axis."""
        ends = [max(getattr(s, axis), default=0.0) for s in self._series.values()]
        places = [phase.place(axis) for phase in self.phases]
        whole = max([*ends, *places], default=0.0)
        following = [*places[1:], whole]
        return [p for p, a, b in zip(self.phases, places, following, strict=True) if b - a >= share * whole]

    def xy(self, key: str, axis: Axis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return place and value of a curve; values that were not numbers are NaN."""
        series = self._series[key]
        return np.asarray(getattr(series, axis), np.float64), np.asarray(series.value, np.float64)

    def last(self, key: str) -> float:
        """Return the newest value of a curve."""
        return self._series[key].value[-1]

    def value_near(self, key: str, axis: Axis, place: float) -> float:
        """Return the value of the record nearest to a place on the axis."""
        x, y = self.xy(key, axis)
        return float(y[np.argmin(np.abs(x - place))]) if len(x) else math.nan


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def short_number(value: float) -> str:
    """Return a number in few characters: ``1,234``, ``3.21``, ``2.1e-05``; NaN is said in words."""
    if math.isnan(value):
        return "not a number"
    magnitude = abs(value)
    if magnitude >= 1e6 or 0 < magnitude < 1e-3:
        return f"{value:.3g}"
    if magnitude >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
