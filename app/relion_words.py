"""What the executable for RELION must know of a command line before anything is started, and its signals."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

VIEWER: Final = "explore-latent-space"
#: Commands that end with a marker; the others only print.
JOBS: Final = (
    "optimize-deformations",
    VIEWER,
    "optimize-inverse-deformations",
    "deformable-backprojection",
    "compute-masks-for-rigid-transforms",
    "compute-rigid-transforms",
)


def _value(words: Sequence[str], *names: str) -> str:
    """Value of an option wherever it stands, "" when it is not given."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else (words[number + 1] if number + 1 < len(words) else "")
    return ""


def control_directory(words: Sequence[str]) -> Path | None:
    """Directory of ``--pipeline-control``; None when it is not given."""
    text = _value(words, "--pipeline-control", "--pipeline_control")
    return Path(text).absolute() if text and not text.startswith("-") else None


def output_directory(words: Sequence[str]) -> Path | None:
    """Directory that a command works in: the option, or the first word after the command."""
    text = _value(words, "--output-directory")
    if not text and len(words) > 1 and words[0] in JOBS[1:]:
        text = words[1]
    return Path(text).absolute() if text and not text.startswith("-") else None


@contextlib.contextmanager
def abort_signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Take SIGTERM, Ctrl+C and a closed terminal as abort requests."""
    before = {}
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Under nohup a closed terminal does not count.
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
