"""GPUs of this machine (through NVIDIA's management library), and the choice of one for a job."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

from app.runner.processes import ProcessStats, process_stats
from jobs.core.errors import UserError

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
    """The GPU a job will see.

    Attributes
    ----------
    index
        Its number, None = CPU.
    visible
        Value of CUDA_VISIBLE_DEVICES for the worker; "" hides all.
    note
        Something the user should know, such as that the CPU is used instead.
    """

    index: int | None
    visible: str
    note: str = ""

    @property
    def text(self) -> str:
        """The number as text, "" = CPU."""
        return "" if self.index is None else str(self.index)


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


def choose_gpu(wanted: str, *, default: str = "0", gpus: list[Gpu] | None = None) -> GpuChoice:
    """Return the GPU that a job shall see.

    Parameters
    ----------
    wanted
        What the user wrote: a number, or nothing / ``cpu`` for the CPU.
    default
        Value of an untouched field. It stands for "a GPU if there is one": on a machine without GPUs the
        CPU is used, and the note says so.
    gpus
        The GPUs there are; None = look.

    Raises
    ------
    UserError
        When that GPU does not exist (the sentence names those that do), or more than one is named.
    """
    word = wanted.strip().lower().removeprefix("cuda:").removeprefix("gpu")
    if word in ("", "cpu", "none", "-1"):
        return GpuChoice(None, "")
    known = list_gpus() if gpus is None else gpus
    numbers = [part for part in re.split(r"[\s,:]+", word) if part]
    if len(numbers) > 1:
        raise UserError(
            f"'{wanted}' names {len(numbers)} GPUs, but a job uses one",
            column="gpu_id",
            hint="Give one number",
        )
    there = f"This machine has GPU {', GPU '.join(gpu.sentence for gpu in known)}"
    if not word.isdecimal():
        raise UserError(
            f"'{wanted}' is not the number of a GPU",
            column="gpu_id",
            hint=there if known else "This machine has no GPU; leave the field empty to use the CPU",
        )
    for gpu in known:
        if gpu.index == int(word):
            return GpuChoice(gpu.index, gpu.uuid or str(gpu.index))
    if not known:
        if word == default:
            return GpuChoice(None, "", note="No GPU was found on this machine; the job uses the CPU.")
        raise UserError(
            f"GPU {word} does not exist: this machine has no GPU, or no NVIDIA driver",
            column="gpu_id",
            hint="Leave the field empty to use the CPU",
        )
    raise UserError(
        f"GPU {word} does not exist", column="gpu_id", hint=f"{there}; leave the field empty to use the CPU"
    )
