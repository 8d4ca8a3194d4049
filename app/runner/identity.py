"""Which process is meant: a pid alone may have passed to another program since.

Used by the keeper of every running job, therefore without imports beyond the standard library.
"""

# pathlib would cost the keeper of every job a megabyte
# ruff: noqa: PTH112, PTH123
from __future__ import annotations

import os
import socket
from typing import Any, NamedTuple

_PROC = "/proc"


class Identity(NamedTuple):
    """A process that can be recognised later.

    Attributes
    ----------
    pid
        Process id.
    create_time
        Start of the process in seconds since 1970, as psutil gives it.
    start_ticks
        Start in clock ticks since boot; unlike `create_time` it does not move when the clock is set.
        None where the system does not tell.
    """

    pid: int
    create_time: float
    start_ticks: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which it is stored in ``worker.json``."""
        return {"pid": self.pid, "create_time": self.create_time, "start_ticks": self.start_ticks}

    @classmethod
    def from_dict(cls, stored: object) -> Identity | None:
        """Read what :meth:`as_dict` gave; None when there is no usable process in it."""
        if not isinstance(stored, dict) or not isinstance(stored.get("pid"), int):
            return None
        ticks = stored.get("start_ticks")
        try:
            created = float(stored.get("create_time") or 0.0)
        except (TypeError, ValueError):
            return None
        return cls(stored["pid"], created, ticks if isinstance(ticks, int) else None)


def host_name() -> str:
    """Return the name of this machine as it is written into ``worker.json``."""
    return socket.gethostname()


def boot_time() -> float:
    """Return when this machine started, in seconds since 1970 (0.0 where the system does not tell)."""
    try:
        with open(f"{_PROC}/stat", encoding="ascii") as stream:
            for line in stream:
                if line.startswith("btime "):
                    return float(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0.0


def identify(pid: int) -> Identity | None:
    """Return the identity of a living process, or None when there is none (a zombie is not living)."""
    try:
        with open(f"{_PROC}/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    except OSError:
        return None if os.path.isdir(f"{_PROC}/self") else _identify_with_psutil(pid)
    # The command's name stands in parentheses and may hold blanks and parentheses of its own.
    fields = text[text.rfind(")") + 2 :].split()
    if not fields or fields[0] in ("Z", "X"):
        return None
    ticks = int(fields[19])
    return Identity(pid, boot_time() + ticks / os.sysconf("SC_CLK_TCK"), ticks)


def _identify_with_psutil(pid: int) -> Identity | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, process.create_time())
    except psutil.Error:
        return None


def is_alive(identity: Identity) -> bool:
    """Tell whether exactly this process still runs on this machine.

    False when the pid is free, belongs to a zombie, or has passed to another process.
    """
    if identity.pid <= 0:
        return False
    now = identify(identity.pid)
    if now is None:
        return False
    if identity.start_ticks is not None and now.start_ticks is not None:
        # A reboot starts the ticks anew: then the two starts lie far apart on the clock as well.
        return identity.start_ticks == now.start_ticks and abs(identity.create_time - now.create_time) < 86400
    return abs(identity.create_time - now.create_time) < 2.0
