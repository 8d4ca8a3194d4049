"""Metric records as curves: quantities, half-sets and phases, against steps or time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Axis = Literal["step", "minutes"]

_NOT_CURVES: Final = frozenset({"t", "run", "task", "phase", "step", "of", "eta_s"})
#: Phases whose steps are epochs.
_TRAINING: Final = frozenset({"warm-up", "train", "finalise"})
_HALF: Final = re.compile(r"_half([0-9])$")
_UNITS: Final[tuple[tuple[str, str], ...]] = (
    ("_per_s", "per s"),
    ("_A2", "Å²"),
    ("_A", "Å"),
    ("_nats", "nats"),
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
        words = self.quantity.replace("_", " ").replace("held out", "held-out")
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
    """Where a phase begins; a phase that measures nothing takes no steps (NaN), only time."""

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
    order: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)


class CurveData:
    """Collects records over the steps at which something was measured, and over time.

    Phases that only report progress take no room on the axis of steps. Where counting goes on from phase to
    phase, as the epochs of a training do, the count is the axis; where it begins again, steps are laid end to
    end. Steps that are done again after an interruption take the place of those that were lost.
    """

    def __init__(self) -> None:
        self.phases: list[PhaseStart] = []
        self._series: dict[str, _Series] = {}
        self._segment: tuple[Any, ...] | None = None
        self._measured: tuple[Any, ...] | None = None
        self._trained = False
        self._counts = 0
        self._offset = 0.0
        self._last = 0.0
        self._last_step = 0.0
        self._start: float | None = None

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take further records in the order in which they were written."""
        for record in records:
            self._add(record)

    def _add(self, record: Mapping[str, Any]) -> None:
        time = _number(record.get("t"))
        if self._start is None and not math.isnan(time):
            self._start = time
        minutes = (time - self._start) / 60 if self._start is not None else math.nan
        measured = {
            key: value
            for key, value in record.items()
            if key not in _NOT_CURVES and not isinstance(value, (bool, str, list, dict))
        }
        segment = (record.get("run"), record.get("task"), record.get("phase"))
        if segment != self._segment:
            self._segment = segment
            self.phases.append(PhaseStart(math.nan, minutes, str(record.get("phase") or "")))
        if not measured:
            return
        step = _number(record.get("step"))
        step = self._last_step + 1 if math.isnan(step) else step
        if segment != self._measured:
            self._begin_phase(segment, step)
        self._last_step = step
        self._last = self._offset + step
        for key, value in measured.items():
            series = self._series.get(key)
            if series is None:
                if value is None:
                    continue
                series = self._series[key] = _Series()
            series.step.append(self._last)
            # of two counts that meet at a step, the later one comes after it
            series.order.append(self._last + 1e-6 * self._counts)
            series.minutes.append(minutes)
            series.value.append(_number(value))

    def _begin_phase(self, segment: tuple[Any, ...], step: float) -> None:
        before = self._measured
        if before is not None:
            # a continued run takes up the count of the one before, unless it starts from nothing
            resumed = segment[:2] != before[:2] and segment[1] == before[1] and step > 1
            if not resumed and (segment[:2] != before[:2] or step <= self._last_step):
                self._offset = self._last
                self._counts += 1
        self._measured = segment
        self._trained |= segment[2] in _TRAINING
        begin = min(self._last, self._offset + step) if before is not None or step > 0 else step
        self.phases[-1] = replace(self.phases[-1], step=begin)

    @property
    def last_step(self) -> float:
        """The newest step at which something was measured, as it was counted; 0 before the first."""
        return self._last_step

    @property
    def step_name(self) -> str:
        """What is counted: the steps of a training are epochs."""
        return "Epoch" if self._trained else "Step"

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
        placed = [phase for phase in self.phases if math.isfinite(phase.place(axis))]
        places = [phase.place(axis) for phase in placed]
        if not placed:
            return []
        whole = max([*ends, *places])
        following = [*places[1:], whole]
        return [p for p, a, b in zip(placed, places, following, strict=True) if b - a >= share * whole]

    def xy(self, key: str, axis: Axis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return place and value of a curve; values that were not numbers are NaN."""
        series = self._series[key]
        place, value = np.asarray(getattr(series, axis), np.float64), np.asarray(series.value, np.float64)
        if axis == "minutes" or len(place) < 2:
            return place, value
        order = np.asarray(series.order, np.float64)
        lowest_later = np.minimum.accumulate(order[:0:-1])[::-1]
        kept = np.append(order[:-1] < lowest_later, True)
        return place[kept], value[kept]

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
