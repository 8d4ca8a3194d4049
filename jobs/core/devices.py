"""The devices of a task: one, or several that share it."""

from __future__ import annotations

import os

from jobs.core.compute import choose_device, gpu_numbers

#: Environment variable: how many processes share a task on the CPU that could use several devices.
PROCESSES = "HETEROSCOPE_PROCESSES"


def choose_devices(gpu_id: str, *, many: bool = False) -> tuple[tuple[str, ...], str]:
    """Return the devices, and a remark when they are not those asked for.

    The launcher has made the chosen GPUs the only visible ones, so they are ``cuda:0``, ``cuda:1``, … here;
    without a launcher the choice is made here, before torch is loaded.

    Parameters
    ----------
    gpu_id
        Numbers of GPUs such as ``0,1``; empty or ``cpu`` = none.
    many
        Whether the task can use more than the first of them. On the CPU the environment variable
        ``HETEROSCOPE_PROCESSES`` says how many processes share it.

    Raises
    ------
    UserError
        When it names no GPU, or this computer has GPUs but not this one.
    """
    words = gpu_numbers(gpu_id)
    device, remark = choose_device(gpu_id)
    if device == "cpu":
        wanted = os.environ.get(PROCESSES, "")
        return ("cpu",) * (max(1, int(wanted)) if many and wanted.isdecimal() else 1), remark
    if len(words) == 1:
        return (device,), remark
    if not many:
        return (device,), f"This task uses one GPU: the first of {gpu_id.strip()}."
    import torch

    used = min(len(words), torch.cuda.device_count())
    if used < len(words):
        remark = f"{len(words)} GPUs were asked for, {used} can be used."
    return tuple(f"cuda:{number}" for number in range(used)), remark
