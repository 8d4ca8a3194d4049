"""A look at the devices of this machine: who computes on them, and who waits; no Qt."""

from __future__ import annotations

from pathlib import Path

import psutil

from app.gui.news import GpusSeen, JobOnDevice, Machine
from app.runner.devices import Devices, Holder
from app.runner.gpus import Gpu
from app.runner.processes import process_stats
from app.runner.queue_view import time_left, waiting_jobs


def look_at_devices(gpus: list[Gpu], machine: Machine, worker: str, project_dir: Path | None) -> GpusSeen:
    """Return what is known about the devices.

    Parameters
    ----------
    gpus, machine
        The GPUs and the processor as they are now.
    worker
        The load of the shown job in words.
    project_dir
        The open project, None without one.
    """
    devices = Devices.look(own=project_dir, found=gpus)
    running = tuple(
        JobOnDevice(holder, process_stats(holder.pid), time_left(holder)) for holder in devices.holders
    )
    waiting = tuple(waiting_jobs(devices, project_dir))
    busy = frozenset(
        str(gpu.index)
        for gpu in gpus
        if devices.holders_of(str(gpu.index)) or devices.foreign(str(gpu.index))
    )
    jobs = _jobs_by_pid(devices.holders, [p.pid for gpu in gpus for p in gpu.processes])
    return GpusSeen(tuple(gpus), machine, worker, jobs, running, waiting, busy, devices.policy)


def _jobs_by_pid(holders: list[Holder], pids: list[int]) -> dict[int, str]:
    """Return the jobs of the open project by process, those of their children included."""
    leaders = {holder.pid: holder.job for holder in holders if holder.own}
    found = dict(leaders)
    for pid in pids:
        if pid in found:
            continue
        try:
            parents = psutil.Process(pid).parents()
        except psutil.Error:
            continue
        job = next((leaders[parent.pid] for parent in parents if parent.pid in leaders), "")
        if job:
            found[pid] = job
    return found
