"""Who keeps the GPUs and the CPU of this machine busy, and where a waiting job could start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app import settings
from app.project.project import Project
from app.runner import gpus
from app.runner.gpus import Gpu
from app.runner.outcome import outcome_of, read_worker
from app.runner.reservations import Reservation, reservations

#: What a user writes for "any free GPU", and the slot of such a job.
AUTO, CPU = "auto", "cpu"
_AUTO_WORDS = ("auto", "any")
#: Begins the slot of a job that uses one of several GPUs, whichever is free first: ``any0,1``.
_ONE_OF = "any"


def is_auto(wanted: str) -> bool:
    """Tell whether any free GPU is asked for."""
    return wanted.strip().lower() in _AUTO_WORDS


def slot_of(gpu: str) -> str:
    """Return the slot that a job with these GPUs ("" = CPU) occupies: ``gpu0``, ``gpu0,1``, ``cpu``."""
    if is_auto(gpu):
        return AUTO
    return f"gpu{gpu}" if gpu else CPU


def slot_of_one(gpu: str) -> str:
    """Return the slot of a job that uses one GPU of those named: ``any0,1``, of a single one ``gpu0``."""
    return f"{_ONE_OF}{gpu}" if "," in gpu else slot_of(gpu)


def numbers_of(slot: str) -> list[str]:
    """Return the GPUs that a slot needs; none for the CPU and where one of several will do."""
    return slot.removeprefix("gpu").split(",") if slot.startswith("gpu") else []


def choices_of(slot: str) -> list[str]:
    """Return the GPUs of which a slot needs one only, none for every other slot."""
    return slot.removeprefix(_ONE_OF).split(",") if slot.startswith(_ONE_OF) else []


def takes_what_is_free(slot: str) -> bool:
    """Tell whether it is found out at the start which GPU a job of this slot uses."""
    return slot == AUTO or bool(choices_of(slot))


def slot_words(slot: str) -> str:
    """Return a slot in words: ``the CPU``, ``GPU 0``, ``GPUs 0 and 1``, ``GPU 0 or 1``, ``any free GPU``."""
    if choices := choices_of(slot):
        return f"GPU {', '.join(choices[:-1])} or {choices[-1]}"
    numbers = numbers_of(slot)
    if not numbers:
        return "any free GPU" if slot == AUTO else "the CPU"
    if len(numbers) == 1:
        return f"GPU {numbers[0]}"
    return f"GPUs {', '.join(numbers[:-1])} and {numbers[-1]}"


@dataclass(frozen=True)
class Policy:
    """When a device counts as busy.

    Attributes
    ----------
    cpu_jobs
        How many jobs may compute on the CPU at the same time.
    busy_percent
        Share of a GPU's memory that other programs may hold before it counts as busy.
    """

    cpu_jobs: int = 1
    busy_percent: float = 25.0

    @classmethod
    def load(cls) -> Policy:
        """Return what the user prefers."""
        chosen = settings.load()
        return cls(chosen.cpu_jobs, chosen.gpu_busy_percent)


@dataclass(frozen=True)
class Holder:
    """A job that computes on this machine; `own` when it belongs to the project that looks."""

    project: Path
    job: str
    gpus: tuple[str, ...]
    pid: int
    own: bool

    @property
    def words(self) -> str:
        """The job, and its project where that is another one."""
        name = self.job.rstrip("/")
        return name if self.own else f"{name} of project {self.project.name}"


@dataclass
class Devices:
    """The devices of this machine at one moment."""

    gpus: list[Gpu]
    holders: list[Holder]
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def look(
        cls,
        project: Project | None = None,
        policy: Policy | None = None,
        *,
        own: Path | None = None,
        found: list[Gpu] | None = None,
    ) -> Devices:
        """Look at GPUs, at the jobs of a project, and at those of the user's other projects.

        Parameters
        ----------
        project
            The project whose jobs are looked at; its folder alone may be given as `own`.
        policy
            When a device counts as busy; None = as the user prefers.
        own
            Folder of the project that looks.
        found
            The GPUs there are; None = ask the driver.
        """
        found = gpus.list_gpus() if found is None else found
        holders = _own_jobs(project) if project is not None else {}
        folder = Path(project.path) if project is not None else own
        own = folder.resolve() if folder is not None else None
        for note in reservations():
            # one that has said how it ended is leaving
            if (note.project, note.job) not in holders and not outcome_of(note.project / note.job).is_over:
                numbers = _numbers(note, found)
                is_own = note.project == own
                holders[note.project, note.job] = Holder(
                    note.project, note.job, numbers, note.worker.pid, is_own
                )
        return cls(found, list(holders.values()), policy or Policy.load())

    def holders_of(self, number: str) -> list[Holder]:
        """Return the jobs on a GPU, or on the CPU (``cpu``)."""
        return [h for h in self.holders if (number in h.gpus if number != CPU else not h.gpus)]

    def foreign(self, number: str) -> str:
        """Return what other programs do on a GPU that makes it busy, "" when it is free of them."""
        gpu = next((gpu for gpu in self.gpus if str(gpu.index) == number), None)
        if gpu is None or not gpu.memory_total_mb or self.holders_of(number):
            return ""
        if 100 * gpu.memory_used_mb / gpu.memory_total_mb <= self.policy.busy_percent:
            return ""
        who = max(gpu.processes, key=lambda p: p.memory_mb or 0.0, default=None)
        size = f"{gpu.memory_used_mb / 1024:.1f} of {gpu.memory_total_mb / 1024:.1f} GB"
        if who is None:
            return f"other programs hold {size}"
        user = f"{who.user}, " if who.user else ""
        more = " and others hold" if len(gpu.processes) > 1 else " holds"
        return f"{who.name or 'a program'} ({user}process {who.pid}){more} {size}"

    def place_for(self, slot: str, claimed: Iterable[str] = ()) -> str | None:
        """Return where a job of this slot can start now, as its GPU field would say; None = it waits.

        `claimed` names the GPUs for which somebody waits who came earlier.
        """
        return None if self.hindrance(slot, claimed) else self._free(slot, set(claimed))

    def hindrance(self, slot: str, claimed: Iterable[str] = ()) -> str:
        """Return why a job of this slot cannot start now, "" when it can."""
        taken = set(claimed)
        if slot == AUTO and self.gpus:
            if self._free(slot, taken) is not None:
                return ""
            if len(self.gpus) == 1:
                return self._busy("0", taken)
            return f"all {len(self.gpus)} GPUs are in use"
        if choices := choices_of(slot):
            if self._free(slot, taken) is not None:
                return ""
            return "; ".join(self._busy(number, taken) for number in choices)
        if slot in (AUTO, CPU):
            busy = self.holders_of(CPU)
            if len(busy) < self.policy.cpu_jobs:
                return ""
            if len(busy) == 1:
                return f"{busy[0].words} computes on it"
            return f"{len(busy)} jobs compute on it"
        reasons = [reason for number in numbers_of(slot) if (reason := self._busy(number, taken))]
        return "; ".join(dict.fromkeys(reasons))

    def waits_for_own(self, slot: str) -> bool:
        """Tell whether it is a job of this project whose end frees the slot (it then starts the next)."""
        if slot == AUTO and self.gpus:
            return all(any(h.own for h in self.holders_of(str(gpu.index))) for gpu in self.gpus)
        if choices := choices_of(slot):
            return all(any(h.own for h in self.holders_of(number)) for number in choices)
        numbers = numbers_of(slot) or [CPU]
        busy = [n for n in numbers if self.holders_of(n) or self.foreign(n)]
        return bool(busy) and all(self.holders_of(n) and all(h.own for h in self.holders_of(n)) for n in busy)

    def occupy(self, project: Path, job: str, place: str) -> None:
        """Count a job that was started this moment."""
        numbers = tuple(part for part in place.split(",") if part and part != CPU)
        self.holders.append(Holder(project, job, numbers, 0, True))

    def give_way(self, project: Path, job: str, slot: str, claimed: set[str]) -> None:
        """Leave to a job that came earlier, of another project, what it can start with or has to wait for.

        GPUs are added to `claimed`; a place on the CPU counts as taken.
        """
        place = self.place_for(slot, claimed)
        if place == CPU:
            self.holders.append(Holder(project, job, (), 0, False))
        else:
            claimed.update(numbers_of(slot) if place is None else place.split(","))

    def _free(self, slot: str, taken: set[str]) -> str | None:
        numbers = choices_of(slot)
        if slot != AUTO and not numbers:
            return ",".join(numbers_of(slot)) or CPU
        if not self.gpus:
            return next(iter(numbers), CPU)  # it is then said that those named are not there
        numbers = numbers or [str(gpu.index) for gpu in self.gpus]
        return next((number for number in numbers if not self._busy(number, taken)), None)

    def _busy(self, number: str, taken: set[str]) -> str:
        holders = self.holders_of(number)
        if holders:
            return f"{holders[0].words} uses GPU {number}"
        if foreign := self.foreign(number):
            return f"GPU {number} is busy: {foreign}"
        return f"GPU {number} is kept for an earlier job" if number in taken else ""


def best_gpu(project: Project | None = None) -> str:
    """Return the GPU for a job that takes any and does not wait; "" where there is none."""
    devices = Devices.look(project)
    free = devices.place_for(AUTO)
    if not devices.gpus or free == CPU:
        return ""
    if free is not None:
        return free
    return str(max(devices.gpus, key=lambda gpu: gpu.memory_total_mb - gpu.memory_used_mb).index)


def _own_jobs(project: Project) -> dict[tuple[Path, str], Holder]:
    path = Path(project.path).resolve()
    found = {}
    for process in project.pipeline.running():
        record = read_worker(path / process.name)
        if record is None or record.queue_id or outcome_of(path / process.name).is_over:
            continue
        # A worker on another machine may use that machine's GPUs, not ours.
        if record.is_here:
            numbers = tuple(part for part in record.gpu.split(",") if part)
            pid = record.worker.pid if record.worker is not None else 0
            found[path, process.name] = Holder(path, process.name, numbers, pid, True)
    return found


def _numbers(note: Reservation, found: list[Gpu]) -> tuple[str, ...]:
    """Return a job's GPUs as we count them; its starter may have seen others than we do."""
    by_id = tuple(str(gpu.index) for gpu in found if gpu.uuid and gpu.uuid in note.visible)
    return by_id or tuple(part for part in note.gpu.split(",") if part)
