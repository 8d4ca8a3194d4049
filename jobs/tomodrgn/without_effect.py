"""Options of the original that mean nothing to this engine: accepted on a command line, with the reason."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

_NO_WORKERS: Final = "images are read once, before the training, and no further processes read them"
_AHEAD: Final = "images that are kept on disk are always read one portion ahead, by one thread"
_PINNED: Final = "images kept on disk always pass through pinned memory on their way to a GPU"
_NO_PLOTS: Final = "a training writes no plots"
#: Spelling, whether a value follows, and why it has no effect.
READING: Final = (
    ("--num-workers", True, _NO_WORKERS),
    ("--prefetch-factor", True, _AHEAD),
    ("--persistent-workers", False, _AHEAD),
    ("--pin-memory", False, _PINNED),
)
PLOTS: Final = (("--plot-format", True, _NO_PLOTS),)
ONE_DEVICE: Final = (("--multigpu", False, "this command works on one device"),)
EXACT: Final = (("--no-amp", False, "this command always computes in 32 bits"),)
ALL_TILTS: Final = (("--sequential-tilt-sampling", False, "all images of each particle are used, in order"),)


class _Accepted(argparse.Action):
    """Remembers why an option that was given has no effect."""

    def __init__(self, *args: Any, reason: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reason = reason

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, word: Any = None
    ) -> None:
        told = [*getattr(namespace, "without_effect", []), f"{word} has no effect: {self.reason}."]
        namespace.without_effect = told


def add_without_effect(parser: argparse.ArgumentParser, *groups: Sequence[tuple[str, bool, str]]) -> None:
    """Accept options, with and without dashes in their names; they are explained in the help."""
    for flag, valued, reason in (option for group in groups for option in group):
        spellings = [flag, f"--{flag.removeprefix('--').replace('-', '_')}"]
        if not valued:
            spellings += [f"--no-{flag.removeprefix('--')}"] if not flag.startswith("--no-") else []
        parser.add_argument(
            *spellings,
            action=_Accepted,
            reason=reason,
            dest=argparse.SUPPRESS,
            default=argparse.SUPPRESS,
            nargs=1 if valued else 0,
            metavar="X" if valued else None,
            help=f"accepted without effect: {reason}",
        )


def told_without_effect(given: argparse.Namespace) -> list[str]:
    """Sentences on the options of a command line that have no effect."""
    return list(getattr(given, "without_effect", []))
