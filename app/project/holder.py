"""Who holds the lock of a project: what stands in the lock file, and whether that program still runs."""

from __future__ import annotations

import os
import pwd
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import UserError

LOCK_DIR = ".relion_lock"
LOCK_FILE = "lock_default_pipeline.star"

_SIGNATURE = re.compile(
    r"^(?P<why>.*?) \[Heteroscope user=(?P<user>\S*) pid=(?P<pid>\d+) start=(?P<start>\S+) "
    r"host=(?P<host>\S+) token=(?P<token>\w+)\]\s*$",
    re.DOTALL,
)


@dataclass(frozen=True)
class LockInfo:
    """Who holds the lock of a project.

    Attributes
    ----------
    owner
        User, program and purpose in words.
    pid
        Process, None when another program did not tell.
    host
        Computer it runs on, empty when unknown.
    age_s
        Seconds since the lock was taken.
    alive
        Whether that process still runs; None when it cannot be known from here.
    text
        What stands in the lock file.
    identity
        Device and inode of the lock directory, which tell one lock from the next.
    """

    owner: str
    pid: int | None
    host: str
    age_s: float
    alive: bool | None
    text: str = ""
    identity: tuple[int, int] = (0, 0)

    @property
    def sentence(self) -> str:
        """Who holds the lock since when, in words."""
        where = f" on {self.host}" if self.host else ""
        who = f"{self.owner}, process {self.pid}{where}" if self.pid is not None else self.owner
        state = ", which no longer runs" if self.alive is False else ""
        return f"held by {who}{state}, for {_duration(self.age_s)}"


class LockedError(UserError):
    """The project is locked by somebody else.

    Attributes
    ----------
    info
        The holder, None when the lock has gone meanwhile.
    """

    def __init__(
        self, message: str, *, info: LockInfo | None, path: Path | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, path=path, hint=hint)
        self.info = info


def signature(token: str) -> str:
    """Return the part of the lock's text from which others know who holds it."""
    user = re.sub(r"\s", "_", _user_name(os.getuid()))
    return (
        f"[Heteroscope user={user} pid={os.getpid()} start={_start_of(os.getpid())} "
        f"host={socket.gethostname() or 'unknown'} token={token}]"
    )


def lock_info(path: str | Path) -> LockInfo | None:
    """Tell who holds the lock of a project; None when nobody does.

    Parameters
    ----------
    path
        Project directory.
    """
    lock_dir = Path(path) / LOCK_DIR
    try:
        found = lock_dir.lstat()
    except OSError:
        return None
    try:
        text = (lock_dir / LOCK_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    age_s = max(0.0, time.time() - found.st_mtime)
    identity = (found.st_dev, found.st_ino)
    match = _SIGNATURE.match(text)
    if match is None:
        user = _user_name(found.st_uid)
        purpose = " ".join(text.split())
        owner = f"another program of {user}" + (f" ({purpose[:200]})" if purpose else "")
        return LockInfo(owner, None, "", age_s, None, text, identity)
    pid = int(match["pid"])
    alive = _is_alive(pid, match["start"]) if match["host"] == socket.gethostname() else None
    owner = f"Heteroscope of {match['user']}" + (f" ({match['why']})" if match["why"] else "")
    return LockInfo(owner, pid, match["host"], age_s, alive, text, identity)


# -- processes -----------------------------------------------------------------------------------------------


def _is_alive(pid: int, start: str) -> bool:
    """Tell whether the process that wrote down this number and start still runs on this computer."""
    found = _start_of(pid)
    if found == "gone":
        return False
    # the same number may have been given to a later process
    return found == start or "unknown" in (found, start)


def _start_of(pid: int) -> str:
    """Return when a process started, in clock ticks since the computer did."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return "gone"
        return _start_without_proc(pid)
    except OSError:
        return "unknown"
    # the name in brackets may itself hold blanks and brackets
    fields = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return "gone"
    return fields[19]


def _start_without_proc(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except OSError:
        pass
    return "unknown"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    number = int(seconds)
    return f"{number} second{'' if number == 1 else 's'}"
