"""The parser of all commands: exact spellings, suggestions for misspelt ones, and no traceback."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from jobs.core.errors import UserError


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a suggestion as a sentence, "" when nothing comes near."""
    by_plain = {name.lower().lstrip("-").replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(word.lower().lstrip("-").replace("-", "_"), by_plain, n=1, cutoff=0.6)
    return f"Did you mean {by_plain[found[0]]}?" if found else ""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UserError and suggests what was probably meant."""

    def __init__(self, **details: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **details)

    def error(self, message: str) -> NoReturn:
        """Raise the message as a UserError."""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        hint = f"See {self.prog} --help"
        if choice:
            hint = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2])) or hint
        raise UserError(message, hint=hint)

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line.

        Raises
        ------
        UserError
            For an option that does not exist (with the nearest one that does), or a value that is not valid.
        """
        given, rest = self.parse_known_args(list(words))
        for word in rest:
            name = word.partition("=")[0]
            if name.startswith("-"):
                hint = did_you_mean(name, self._option_string_actions) or f"See {self.prog} --help"
                raise UserError(f"{self.prog} has no option {name}", hint=hint)
        if rest:
            raise UserError(f"{self.prog} does not expect '{rest[0]}'", hint=f"See {self.prog} --help")
        return given
