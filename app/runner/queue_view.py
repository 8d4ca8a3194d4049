"""What waits for the devices of this machine, why, and when it may start; for the window and the commands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from app.runner.devices import AUTO, CPU, Devices, Holder, Policy, choices_of, numbers_of, slot_words
from app.runner.queue import read_entries
from app.runner.reservations import claims_of_others
from jobs.core.metrics import read_metrics

_TAIL = 4096


@dataclass(frozen=True)
class Waiting:
    """A job that waits.

    Attributes
    ----------
    project, job, slot
        Which one, and for what.
    own
        Whether it belongs to the project that looks.
    place
        Its place among the jobs of its project, 1 = next.
    reason
        Why it cannot start now; "" when it starts in a moment.
    starts_in_s
        Estimated time until it starts, None when that is not known.
    """

    project: Path
    job: str
    slot: str
    own: bool
    place: int
    reason: str
    starts_in_s: float | None = None

    @property
    def device(self) -> str:
        """What it waits for, in words."""
        return slot_words(self.slot)


def waiting_jobs(devices: Devices, project_dir: Path | None) -> list[Waiting]:
    """Return the jobs that wait: those of a project in their order, then those of the user's others."""
    entries = read_entries(project_dir) if project_dir is not None else []
    others = claims_of_others(project_dir or Path())
    found: list[Waiting] = []
    claimed: set[str] = set()
    first_of: set[str] = set()
    seen, devices = devices, replace(devices, holders=list(devices.holders))
    unseen = list(others)
    for place, entry in enumerate(entries, 1):
        assert project_dir is not None
        numbers = numbers_of(entry.slot) or choices_of(entry.slot) or [entry.slot]
        while unseen and unseen[0].added < entry.added:
            earlier = unseen.pop(0)
            devices.give_way(earlier.project, earlier.job, earlier.slot, claimed)
            first_of.update(numbers_of(earlier.slot))
        reason = devices.hindrance(entry.slot, claimed)
        is_first = not (first_of & set(numbers))
        starts = _starts_in(devices, entry.slot) if is_first and reason else None
        found.append(Waiting(project_dir, entry.job, entry.slot, True, place, reason, starts))
        claimed.update(numbers_of(entry.slot))
        first_of.update(numbers)
    for place, claim in enumerate(others, 1):
        reason = seen.hindrance(claim.slot)
        found.append(Waiting(claim.project, claim.job, claim.slot, False, place, reason))
    return found


def _starts_in(devices: Devices, slot: str) -> float | None:
    """Return when the jobs that keep a slot busy expect to end, None when that is not known of them."""
    numbers = [str(gpu.index) for gpu in devices.gpus] if slot == AUTO else choices_of(slot)
    if numbers:
        each = [_latest(devices.holders_of(number)) for number in numbers]
        known = [seconds for seconds in each if seconds is not None]
        return min(known, default=None)
    if slot in (AUTO, CPU):
        known = [s for holder in devices.holders_of(CPU) if (s := time_left(holder)) is not None]
        return min(known, default=None)
    if any(devices.foreign(number) for number in numbers_of(slot)):
        return None
    return _latest(holder for number in numbers_of(slot) for holder in devices.holders_of(number))


def _latest(holders: Iterable[Holder]) -> float | None:
    """Return when the last of some jobs ends, None when one does not say or there is none."""
    ends = [time_left(holder) for holder in holders]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def time_left(holder: Holder) -> float | None:
    """Return the seconds a running job expects to need yet, from the end of its metrics."""
    path = holder.project / holder.job / "metrics.jsonl"
    try:
        records, _ = read_metrics(path, max(0, path.stat().st_size - _TAIL))
    except (OSError, json.JSONDecodeError):
        return None
    for record in reversed(records):
        left, when = record.get("eta_s"), record.get("t")
        if isinstance(left, int | float) and isinstance(when, int | float):
            return max(0.0, float(left) - (time.time() - float(when)))
    return None


def policy_words(policy: Policy, has_gpus: bool) -> str:
    """Return the rule by which jobs wait."""
    if policy.cpu_jobs == 1:
        text = "One job at a time computes on the processor, with all threads it asks for."
    else:
        text = f"Up to {policy.cpu_jobs} jobs compute on the processor at the same time."
    if has_gpus:
        text += (
            f" A GPU counts as busy while a job runs on it, or other programs hold more than "
            f"{policy.busy_percent:.0f} % of its memory."
        )
    return text
