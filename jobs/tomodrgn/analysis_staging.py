"""A folder of results that is made beside its place and takes it when it is complete."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from jobs.core.errors import UserError

#: List of the files that were written, so that the next run knows which of them are its own to replace.
MANIFEST: Final = "files.json"


class Reporter(Protocol):
    """Who is told how a command or task gets on."""

    def say(self, text: str, /) -> None:
        """Take a line."""

    def progress(self, what: str, done: int, of: int, /) -> None:
        """Take how much is done; may raise to stop."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give a new folder beside ``target``, which takes its place when the block ends without an error.

    What an earlier run wrote is replaced; files that somebody else put there stay. After an error, or a kill
    at any moment, the old results are as they were.

    Parameters
    ----------
    target
        Folder of the results; made when missing.

    Raises
    ------
    UserError
        When the folder cannot be written, or is that of a training or the current one.
    """
    target = target.absolute()
    if target == Path.cwd() or (target / "config.pkl").exists():
        raise UserError(
            "results take the place of a whole folder, which cannot be this one",
            path=target,
            hint="Give a folder of its own",
        )
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _recover(target)
        temporary.mkdir()
    except OSError as error:
        raise UserError(f"the folder cannot be made: {error.strerror}", path=target) from error
    try:
        yield temporary
        own = files_below(temporary)
        (temporary / MANIFEST).write_text(json.dumps(own, indent=0), encoding="utf-8")
        _exchange(temporary, target)
    except OSError as error:
        raise UserError(f"the results cannot be written: {error.strerror}", path=target) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def files_below(folder: Path) -> list[str]:
    """Names of all files in a folder and below, relative to it, in order."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()
    )


def _exchange(made: Path, target: Path) -> None:
    if target.exists():
        _keep_foreign(target, made)
        old = _old(target)
        target.replace(old)
        made.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.replace(target)


def _keep_foreign(old: Path, new: Path) -> None:
    """Take over what no earlier run of ours wrote: selections and notes that people put there."""
    try:
        own = set(json.loads((old / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        own = set()
    for name in files_below(old):
        if name != MANIFEST and name not in own and not (new / name).exists():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(old / name, new / name, follow_symlinks=False)
            except OSError:
                shutil.copy2(old / name, new / name, follow_symlinks=False)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _recover(target: Path) -> None:
    """Undo what a killed run left: half-made folders, or old results that were just being replaced."""
    old = _old(target)
    if old.is_dir():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.replace(target)
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        if left.is_dir():
            shutil.rmtree(left)
