"""GPUs of this machine (through NVIDIA's management library), and the choice of those of a job."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

from app.runner.processes import ProcessStats, process_stats
from jobs.core.errors import UserError
from jobs.core.options import gpu_words

__all__ = ["Gpu", "GpuChoice", "GpuProcess", "ProcessStats", "choose_gpu", "list_gpus", "process_stats"]

_MIB = 1024**2


@dataclass(frozen=True)
class GpuProcess:
    """A process that uses a GPU, and whose it is; memory in MiB, None where the driver does not tell."""

    pid: int
    memory_mb: float | None
    name: str
    user: str = ""


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes
    ----------
    index
        Number by which users name it; GPUs hidden from us by CUDA_VISIBLE_DEVICES are not counted.
    name, uuid
        Product name, and the id that never changes.
    memory_total_mb, memory_used_mb
        Memory in MiB.
    load_percent
        Share of the last moments in which it computed; None where the driver does not tell.
    processes
        Who uses it.
    temperature_c, power_w
        Where the driver tells.
    """

    index: int
    name: str
    uuid: str
    memory_total_mb: float
    memory_used_mb: float
    load_percent: float | None
    processes: tuple[GpuProcess, ...] = field(default=())
    temperature_c: float | None = None
    power_w: float | None = None

    @property
    def sentence(self) -> str:
        """Number, name and free memory in words."""
        free = (self.memory_total_mb - self.memory_used_mb) / 1024
        return f"{self.index} ({self.name}, {free:.1f} of {self.memory_total_mb / 1024:.1f} GiB free)"


@dataclass(frozen=True)
class GpuChoice:
    """The GPUs a job will see.

    Attributes
    ----------
    index
        Number of the first, None = CPU.
    visible
        Value of CUDA_VISIBLE_DEVICES for the worker; "" hides all.
    note
        Something the user should know, such as that the CPU is used instead.
    others
        Numbers of the further ones.
    """

    index: int | None
    visible: str
    note: str = ""
    others: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The numbers as text such as ``0,1``, "" = CPU."""
        return "" if self.index is None else ",".join(str(number) for number in (self.index, *self.others))


def list_gpus() -> list[Gpu]:
    """Return the GPUs that this program may use; [] when there is no driver or no GPU.

    Never raises: what a driver does not tell is left out.
    """
    try:
        import pynvml

        # Cheap after the first time; never shut down, because the window asks often.
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # the module's own error class needs the module; a missing driver must never matter
        return []
    found = []
    for number, handle in enumerate(handles):
        gpu = _describe(pynvml, handle, number)
        if gpu is not None:
            found.append(gpu)
    return _allowed(found, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _ask(function: Any, *arguments: Any) -> Any:
    """Ask the driver something it may not know."""
    try:
        return function(*arguments)
    except Exception:  # see list_gpus
        return None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _describe(nvml: Any, handle: Any, index: int) -> Gpu | None:
    memory = _ask(nvml.nvmlDeviceGetMemoryInfo, handle)
    uuid = _text(_ask(nvml.nvmlDeviceGetUUID, handle))
    if memory is None and not uuid:
        return None  # fallen off the bus
    load = _ask(nvml.nvmlDeviceGetUtilizationRates, handle)
    running = _ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
    # Older libraries lack some of these functions altogether.
    temperature = _ask(getattr(nvml, "nvmlDeviceGetTemperature", None), handle, 0)
    power = _ask(getattr(nvml, "nvmlDeviceGetPowerUsage", None), handle)
    return Gpu(
        index=index,
        name=_text(_ask(nvml.nvmlDeviceGetName, handle)) or "GPU",
        uuid=uuid,
        memory_total_mb=memory.total / _MIB if memory else 0.0,
        memory_used_mb=memory.used / _MIB if memory else 0.0,
        load_percent=float(load.gpu) if load is not None else None,
        processes=tuple(_process(entry) for entry in running),
        temperature_c=None if temperature is None else float(temperature),
        power_w=None if power is None else power / 1000,
    )


def _process(entry: Any) -> GpuProcess:
    name = user = ""
    with contextlib.suppress(psutil.Error, KeyError):
        process = psutil.Process(entry.pid)
        name = process.name()
        user = process.username()
    used = entry.usedGpuMemory
    return GpuProcess(int(entry.pid), used / _MIB if used else None, name, user)


def _allowed(gpus: list[Gpu], visible: str | None) -> list[Gpu]:
    """Keep what CUDA_VISIBLE_DEVICES leaves us (a cluster sets it), renumbered as programs will see them."""
    if visible is None:
        return gpus
    kept: list[Gpu] = []
    for word in (part.strip() for part in visible.split(",")):
        match = [
            gpu
            for gpu in gpus
            if word == str(gpu.index) or (len(word) > 4 and word[:1].isalpha() and gpu.uuid.startswith(word))
        ]
        if not match:
            break  # CUDA, too, stops at the first that does not exist
        kept += match[:1]
    return [replace(gpu, index=number) for number, gpu in enumerate(kept)]


def choose_gpu(
    wanted: str, *, default: str = "0", gpus: list[Gpu] | None = None, several: bool = True
) -> GpuChoice:
    """Return the GPUs that a job shall see.

    Parameters
    ----------
    wanted
        What the user wrote: numbers (``0``, ``0,1``, ``0 1`` or ``0:1``), or nothing / ``cpu`` for the CPU.
    default
        Value of an untouched field. Every number stands for "a GPU if there is one": on a machine without
        GPUs the CPU is used, and the note says so, with what was asked for when it is not this.
    gpus
        The GPUs there are; None = look.
    several
        False: the job uses one GPU, the first that is named; the note says so.

    Raises
    ------
    UserError
        When something else than numbers is named, or, on a machine with GPUs, one that does not exist (the
        sentence names those that do) or one twice.
    """
    if wanted.strip().lower() in ("", "cpu", "none", "-1"):
        return GpuChoice(None, "")
    known = list_gpus() if gpus is None else gpus
    words = [word.lower().removeprefix("gpu") for word in gpu_words(wanted) if word.lower() not in _PREFIXES]
    if not several and len(words) > 1:
        first = choose_gpu(words[0], default=default, gpus=known)
        return replace(first, note=first.note or f"One GPU of {wanted.strip()} is used, the first.")
    found = [_find(word, wanted, known) for word in words]
    if not words:
        raise _no_number(wanted, known)
    if not known:
        asked = "" if words == [default] else f" ({_asked_for(words)} asked for)"
        return GpuChoice(None, "", note=f"No GPU was found on this machine; the job uses the CPU{asked}.")
    if None in found:
        absent = next(word for word, gpu in zip(words, found, strict=True) if gpu is None)
        raise UserError(
            f"GPU {absent} does not exist",
            column="gpu_id",
            hint=f"{_there(known)}; leave the field empty to use the CPU",
        )
    chosen = [gpu for gpu in found if gpu is not None]
    numbers = [gpu.index for gpu in chosen]
    if len(set(numbers)) < len(numbers):
        raise UserError(f"'{wanted.strip()}' names a GPU twice", column="gpu_id", hint="Name each once")
    visible = ",".join(gpu.uuid or str(gpu.index) for gpu in chosen)
    return GpuChoice(numbers[0], visible, others=tuple(numbers[1:]))


#: Stands before the numbers in what other programs write.
_PREFIXES = ("cuda", "gpu", "gpus")


def _find(word: str, wanted: str, known: list[Gpu]) -> Gpu | None:
    if not word.isdecimal():
        raise _no_number(wanted, known)
    return next((gpu for gpu in known if gpu.index == int(word)), None)


def _no_number(wanted: str, known: list[Gpu]) -> UserError:
    hint = _there(known) if known else "This machine has no GPU; leave the field empty to use the CPU"
    return UserError(f"'{wanted}' is not the number of a GPU", column="gpu_id", hint=hint)


def _there(known: list[Gpu]) -> str:
    return f"This machine has GPU {', GPU '.join(gpu.sentence for gpu in known)}"


def _asked_for(numbers: list[str]) -> str:
    return f"GPU {numbers[0]} was" if len(numbers) == 1 else f"GPUs {', '.join(numbers)} were"
