"""Read and replace whole files: failures become one sentence, and a failing write changes nothing."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.core.errors import FormatError, UserError


def reason(error: OSError) -> str:
    """Return the operating system's reason in plain words, without path and number."""
    return (error.strerror or str(error)).lower()


def unreadable(path: str | Path, error: OSError) -> FormatError:
    """Return the error that tells why ``path`` cannot be read.

    Parameters
    ----------
    path
        File or folder concerned.
    error
        What the operating system reported.
    """
    if isinstance(error, FileNotFoundError):
        return FormatError(
            "the file does not exist", path=path, hint="Check the name and the project folder."
        )
    if isinstance(error, IsADirectoryError):
        return FormatError("this is a folder, but a file is expected", path=path)
    if isinstance(error, PermissionError):
        return FormatError(
            "the file cannot be read: permission denied", path=path, hint="Ask its owner for access."
        )
    return FormatError(f"the file cannot be read: {reason(error)}", path=path)


def read_whole(path: str | Path, limit: int | None = None) -> bytes:
    """Return the bytes of a file, or its first ``limit`` bytes.

    Raises
    ------
    FormatError
        When the file is missing, a folder, or not readable.
    """
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            # a pipe would block for ever, and some devices never end
            raise FormatError("this is a device or pipe, but a file is expected", path=path)
        with Path(path).open("rb") as file:
            return file.read() if limit is None else file.read(limit)
    except OSError as error:
        raise unreadable(path, error) from error


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` which takes its place when the block ends without an error.

    Readers see the old file or the complete new one, never a part. When anything fails, a full disk
    included, the old file stays as it was and the temporary file is removed.

    Raises
    ------
    UserError
        When the folder is missing or not writable, or the disk is full.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        name = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        temporary = name
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            # A rename that reaches the disk before the data would leave an empty file after a power cut.
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
        temporary = None
    except OSError as error:
        raise UserError(
            f"the file could not be written: {reason(error)}",
            path=target,
            hint="Nothing was changed; make room or choose another folder, then try again.",
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
