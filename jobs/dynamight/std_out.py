"""``std.out`` in the job folder: what a command of the original has printed, run after run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

NAME = "std.out"


class _Both:
    """Writes to a terminal or pipe and to a file; in all else it is the first."""

    def __init__(self, shown: TextIO, kept: TextIO) -> None:
        self._shown, self._kept = shown, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shown, name)

    def write(self, text: str) -> int:
        # A full disk must not end a job for the sake of a copy.
        with contextlib.suppress(OSError):
            self._kept.write(text)
        return self._shown.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._kept.flush()
        self._shown.flush()


@contextlib.contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Append all that is printed meanwhile to ``std.out`` of a job folder, as the original does."""
    with (
        (folder / NAME).open("a", encoding="utf-8") as kept,
        contextlib.redirect_stdout(cast("TextIO", _Both(sys.stdout, kept))),
    ):
        yield
