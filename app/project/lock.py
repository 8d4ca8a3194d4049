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
import random
import time
from pathlib import Path
from types import TracebackType

from app.project.holder import LOCK_DIR, LOCK_FILE, LockedError, LockInfo, lock_info, signature
from jobs.core.errors import UserError

__all__ = ["LockInfo", "LockedError", "ProjectLock", "break_lock", "lock_info"]

#: As long as RELION itself waits.
TIMEOUT_S = 63.0
#: A lock directory without a file may be in the middle of being taken; older than this it is left behind.
EMPTY_GRACE_S = 3.0
#: How long a lock held by a dead process is waited for before saying so (its owner may be just releasing it).
DEAD_PATIENCE_S = 1.0

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 0.8


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
