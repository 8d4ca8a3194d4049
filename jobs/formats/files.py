"""Read and replace whole files: failures become one sentence, and a failing write changes nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
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
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            # A rename that reaches the disk before the data would leave an empty file after a power cut.
            os.fsync(file.fileno())
        temporary.chmod(_permissions(target))
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


def _permissions(target: Path) -> int:
    """Return the mode of the file replaced, or what a newly created file would get."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        # The process's mask can only be read by setting it; 0 would be visible to other threads for an
        # instant, so the strictest mask stands in.
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
