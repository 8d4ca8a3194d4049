"""What the panel of devices shows: their state now and of the last minutes, and who waits for them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

#: How much of the past is drawn (s).
SPAN_S: Final = 300.0
_MOST_SAMPLES: Final = 400


@dataclass(frozen=True)
class DeviceUser:
    """A job or another program on a device.

    Attributes
    ----------
    pid
        Its process.
    name
        What it is called when it is none of our jobs.
    user
        Whose it is, "" when that is not known.
    memory_mb, cpu_percent
        What it uses (100 % = one core), None when that is not known.
    job
        The job of the open project that it belongs to.
    project
        Name of the other project whose job it is.
    """

    pid: int
    name: str = ""
    user: str = ""
    memory_mb: float | None = None
    cpu_percent: float | None = None
    job: str = ""
    project: str = ""


@dataclass(frozen=True)
class DeviceInfo:
    """A GPU, or the processor, as it is now.

    Attributes
    ----------
    key
        ``gpu0`` …, ``cpu``.
    title, name
        ``GPU 0`` and the name of the product.
    memory_used_mb, memory_total_mb
        Memory.
    load
        0 … 1, None when the driver does not tell.
    facts
        More that is worth a word: ``62 °C``, ``240 W``.
    users
        Who uses it.
    is_busy
        Whether jobs that name it wait.
    """

    key: str
    title: str
    name: str
    memory_used_mb: float
    memory_total_mb: float
    load: float | None = None
    facts: tuple[str, ...] = ()
    users: tuple[DeviceUser, ...] = ()
    is_busy: bool = False

    @property
    def memory(self) -> float | None:
        """Share of the memory in use."""
        return self.memory_used_mb / self.memory_total_mb if self.memory_total_mb else None

    @property
    def state(self) -> str:
        """Who uses it, in two words."""
        if any(user.job for user in self.users):
            return "in use"
        if any(user.project for user in self.users):
            return "used by another project"
        if self.key == "cpu":
            return "in use by others" if (self.load or 0) > 0.5 else "free"
        if self.is_busy:
            return "used by others"
        return "free"


@dataclass(frozen=True)
class QueueLine:
    """A job that runs or waits.

    Attributes
    ----------
    job, title
        Its name, and what it is called in lists.
    device
        What it runs on or waits for: ``GPU 0``.
    detail
        How far it is, or why it waits.
    own
        Whether it belongs to the open project, and can be chosen, moved and taken out.
    """

    job: str
    title: str
    device: str
    detail: str = ""
    own: bool = True


class History:
    """Load and memory of a device over the last minutes."""

    def __init__(self) -> None:
        self.samples: deque[tuple[float, float | None, float | None]] = deque(maxlen=_MOST_SAMPLES)

    def add(self, when: float, load: float | None, memory: float | None) -> None:
        """Add what was seen at a time (s); what is too old to be drawn is forgotten."""
        self.samples.append((when, load, memory))
        # one sample beyond the edge, so that the curve reaches it
        while len(self.samples) > 2 and self.samples[1][0] < when - SPAN_S:
            self.samples.popleft()
