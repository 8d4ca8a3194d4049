"""Yes/no options of the original on a command line: words that may stand alone before a file name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from jobs.core.options import JobOptions, Kind, specs

_ANSWERS: Final = {"yes", "no", "true", "false"}


def switch_flags(parser: argparse.ArgumentParser, cls: type[JobOptions]) -> set[str]:
    """Return the spellings of the yes/no options of a parser that take an optional answer."""
    names = {declared.name for declared in specs(cls) if declared.kind is Kind.YESNO}
    actions = parser._option_string_actions
    return {flag for flag, action in actions.items() if action.dest in names and action.nargs == "?"}


def with_answers(words: Sequence[str], flags: set[str]) -> list[str]:
    """Return words in which each such option carries its answer: ``--lazy X`` becomes ``--lazy=Yes X``.

    Without this a file name behind a switch would be taken for its answer.
    """
    found: list[str] = []
    waiting = False
    for word in words:
        if waiting:
            waiting = False
            if word.lower() in _ANSWERS:
                found[-1] = f"{found[-1]}={word.capitalize()}"
                continue
            found[-1] += "=Yes"
        found.append(word)
        waiting = word in flags
    if waiting:
        found[-1] += "=Yes"
    return found
