"""What a running process and its children use, and how to end a whole group of them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import psutil

_MIB = 1024**2
#: Processes looked at before; their share of the CPU is counted from one look to the next.
_known: dict[tuple[int, float], psutil.Process] = {}


@dataclass(frozen=True)
class ProcessStats:
    """What a process and all its children use.

    Attributes
    ----------
    cpu_percent
        Share of one core since the last look (200 = two cores); 0 at the first look.
    rss_mb
        Memory in MiB.
    n_children
        Number of children, of any generation.
    """

    cpu_percent: float
    rss_mb: float
    n_children: int


def process_stats(pid: int) -> ProcessStats | None:
    """Return what a process with its children uses now, or None when it does not exist (any more)."""
    try:
        leader = psutil.Process(pid)
        children = leader.children(recursive=True)
    except psutil.Error:
        _forget_dead()
        return None
    cpu = memory = 0.0
    for process in [leader, *children]:
        try:
            key = (process.pid, process.create_time())
            seen = _known.setdefault(key, process)
            cpu += seen.cpu_percent(interval=None)
            memory += seen.memory_info().rss
        except psutil.Error:
            continue  # ended between the two looks
    if len(_known) > 256:
        _forget_dead()
    return ProcessStats(round(cpu, 1), round(memory / _MIB, 1), len(children))


def _forget_dead() -> None:
    for key, process in list(_known.items()):
        if not process.is_running():
            del _known[key]


def end_group(leader: int, *, kill: bool = False) -> bool:
    """Ask a process group to end (SIGTERM), or end it at once (SIGKILL).

    Parameters
    ----------
    leader
        Process id of the worker, which leads a group of its own.
    kill
        True: SIGKILL.

    Returns
    -------
    bool
        False when there is no such group, or it belongs to somebody else.
    """
    if leader <= 1:
        return False  # 0 and 1 would mean our own group and the whole system
    try:
        if os.getpgid(leader) == os.getpgid(0):
            return False
        os.killpg(leader, signal.SIGKILL if kill else signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return False
    return True
