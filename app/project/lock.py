"""RELION's project lock: the directory ``.relion_lock`` with one file in it that says who holds it.

Making a directory is atomic on every file system in use, so whoever makes it holds the lock. RELION itself
waits for about a minute, then dies, and never notices that the holder is dead. Here the holder writes down
who it is; others can tell whether it still lives, and remove a lock that was left behind.

A directory's identity (its inode) belongs to one holder only. Breaking a lock therefore works inside the
directory that was looked at: the one program that manages to take the file out of *that* directory may remove
it, so that a lock which changed hands in the meantime is never touched.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import random
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from jobs.core.errors import UserError

LOCK_DIR = ".relion_lock"
LOCK_FILE = "lock_default_pipeline.star"
#: As long as RELION itself waits.
TIMEOUT_S = 63.0
#: A lock directory without a file may be in the middle of being taken; older than this it is left behind.
EMPTY_GRACE_S = 3.0
#: How long a lock held by a dead process is waited for before saying so (its owner may be just releasing it).
DEAD_PATIENCE_S = 1.0

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 0.8
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


class ProjectLock:
    """The lock of a project, to be held for milliseconds in a ``with`` statement.

    Parameters
    ----------
    path
        Project directory.
    who
        Purpose in words, shown to others who wait.
    timeout_s
        How long to wait for another holder.
    """

    def __init__(self, path: str | Path, who: str, timeout_s: float = TIMEOUT_S) -> None:
        self._dir = Path(path) / LOCK_DIR
        self._who = " ".join(who.split())
        self._timeout_s = timeout_s
        self._token = ""
        self._identity = (0, 0)

    def __enter__(self) -> ProjectLock:
        """Take the lock.

        Raises
        ------
        LockedError
            When somebody else still holds it after the timeout, or the holder is dead.
        UserError
            When no lock can be made here (permissions, full disk).
        """
        start = time.monotonic()
        wait, dead_since = _FIRST_WAIT_S, None
        while not self._try():
            now = time.monotonic()
            info = lock_info(self._dir.parent)
            if info is None and now - start < self._timeout_s:
                continue
            if info is None:
                raise LockedError(
                    "The project could not be locked: other programs were quicker each time",
                    info=None,
                    path=self._dir,
                    hint="Try again",
                )
            if info.alive is False:
                dead_since = dead_since if dead_since is not None else now
                if now - dead_since >= min(DEAD_PATIENCE_S, self._timeout_s):
                    raise self._refusal(info)
            else:
                dead_since = None
            if now - start >= self._timeout_s:
                raise self._refusal(info)
            # different waits keep several waiting programs from meeting again and again
            time.sleep(min(wait * random.uniform(0.5, 1.0), max(0.01, self._timeout_s - (now - start))))
            wait = min(wait * 1.3, _LONGEST_WAIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def is_ours(self) -> bool:
        """Whether the lock is still held; somebody may have removed it by force."""
        if not self._token:
            return False
        try:
            return f"token={self._token}]" in (self._dir / LOCK_FILE).read_text(errors="replace")
        except OSError:
            return False

    def require(self) -> None:
        """Make sure that the lock is still ours, before writing.

        Raises
        ------
        LockedError
            When somebody removed or took it meanwhile.
        """
        if not self.is_ours:
            raise LockedError(
                "The lock of the project was removed by somebody while it was held here; nothing was written",
                info=lock_info(self._dir.parent),
                path=self._dir,
                hint="Try again",
            )

    def release(self) -> None:
        """Give the lock back; does nothing when it is not (or no longer) ours."""
        if not self.is_ours:
            self._token = ""
            return
        # What was done under the lock is done: a directory that stays behind is told to whoever comes next.
        with contextlib.suppress(OSError, UserError):
            (self._dir / LOCK_FILE).unlink()
            # only whoever removed the file may remove the directory, see the module's description
            _remove_dir(self._dir)
        self._token = ""

    def _try(self) -> bool:
        """Take the lock if it is free."""
        try:
            self._dir.mkdir(mode=0o700)
        except FileExistsError:
            return False
        except OSError as error:
            raise _cannot_lock(error, self._dir) from error
        token = os.urandom(8).hex()
        try:
            text = f"{self._who} {signature(token)}\n"
            if not _write_inside(self._dir, text):
                return False
        except OSError as error:
            with contextlib.suppress(OSError):
                (self._dir / LOCK_FILE).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._dir.rmdir()
            raise _cannot_lock(error, self._dir) from error
        self._token = token
        return True

    def _refusal(self, info: LockInfo) -> LockedError:
        if info.alive is False:
            hint = "That program is dead: remove the lock, and go on"
        elif info.alive is None:
            hint = "Wait, or make sure that program no longer runs, then remove the lock"
        else:
            hint = "Wait until it has finished, then try again"
        return LockedError(f"The project is locked: {info.sentence}", info=info, path=self._dir, hint=hint)


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


def break_lock(path: str | Path, expected: LockInfo | None = None, *, force: bool = False) -> LockInfo | None:
    """Remove a lock that was left behind.

    Parameters
    ----------
    path
        Project directory.
    expected
        The holder that was shown to the user; the lock is only removed if it is still that one. None takes
        the one found now.
    force
        Remove it although the holder is known to run.

    Returns
    -------
    LockInfo or None
        The lock that was removed; None when there was none.

    Raises
    ------
    LockedError
        When the holder lives (without `force`) or the lock changed hands meanwhile; it is then untouched.
    UserError
        When it cannot be removed.
    """
    lock_dir = Path(path) / LOCK_DIR
    info = lock_info(path)
    if info is None:
        return None
    if expected is not None and (info.identity, info.text) != (expected.identity, expected.text):
        raise _changed_hands(path)
    if info.alive and not force:
        raise LockedError(
            f"The lock is {info.sentence}, and that program is running; the lock was not removed",
            info=info,
            path=lock_dir,
            hint="Wait, or end that program first",
        )
    if not info.text and info.age_s < EMPTY_GRACE_S and not force:
        raise LockedError(
            "The lock is just being taken by another program; it was not removed",
            info=info,
            path=lock_dir,
            hint="Wait some seconds",
        )
    try:
        descriptor = os.open(lock_dir, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_remove(error, lock_dir) from error
    try:
        _take_out_file(descriptor, info, path)
    except OSError as error:
        raise _cannot_remove(error, lock_dir) from error
    finally:
        os.close(descriptor)
    _remove_dir(lock_dir)
    return info


def _take_out_file(descriptor: int, info: LockInfo, path: str | Path) -> None:
    """Remove the lock file inside the directory that was opened; only one program can succeed."""
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino) != info.identity:
        raise _changed_hands(path)
    if not info.text:
        # Left behind before its file was written: putting one there makes this program the only remover.
        try:
            claim = os.open(LOCK_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=descriptor)
        except (FileExistsError, FileNotFoundError):
            raise _changed_hands(path) from None
        os.close(claim)
    elif _read_inside(descriptor) != info.text:
        raise _changed_hands(path)
    try:
        os.unlink(LOCK_FILE, dir_fd=descriptor)
    except FileNotFoundError:
        raise _changed_hands(path) from None


def _read_inside(descriptor: int) -> str:
    try:
        file = os.open(LOCK_FILE, os.O_RDONLY, dir_fd=descriptor)
    except FileNotFoundError:
        return ""
    try:
        return os.read(file, 65536).decode("utf-8", errors="replace")
    finally:
        os.close(file)


def _write_inside(lock_dir: Path, text: str) -> bool:
    """Write the lock file of the directory just made; False when somebody removed the directory again."""
    try:
        file = os.open(lock_dir / LOCK_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (FileNotFoundError, FileExistsError):
        return False
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
    return True


def _remove_dir(lock_dir: Path) -> None:
    """Remove the lock directory after its file was taken out by this program."""
    for attempt in range(6):
        try:
            lock_dir.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise _cannot_remove(error, lock_dir) from error
            if (lock_dir / LOCK_FILE).exists():
                # its maker was slow, has now written the file, and so holds the lock
                raise _changed_hands(lock_dir.parent) from error
            # network file systems keep a file that somebody is just reading under another name for a moment
            time.sleep(0.02 * 2**attempt)
        else:
            return
    raise UserError(
        "The lock directory holds files that are not part of a lock",
        path=lock_dir,
        hint="Look at them and delete the directory by hand",
    )


def _changed_hands(path: str | Path) -> LockedError:
    return LockedError(
        "The lock changed hands meanwhile, so it was not removed",
        info=lock_info(path),
        path=Path(path) / LOCK_DIR,
        hint="Try again",
    )


def _cannot_lock(error: OSError, lock_dir: Path) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            "The project cannot be locked, because the disk (or your quota) is full; nothing was changed",
            path=lock_dir,
            hint="Free some space and try again",
        )
    return UserError(
        f"The project cannot be locked ({error.strerror}); nothing was changed",
        path=lock_dir,
        hint="Check the permissions of the project folder, or open the project read-only",
    )


def _cannot_remove(error: OSError, lock_dir: Path) -> UserError:
    return UserError(
        f"The lock cannot be removed ({error.strerror})",
        path=lock_dir,
        hint="Ask its owner, or delete the directory by hand",
    )


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
