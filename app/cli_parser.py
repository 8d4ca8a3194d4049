"""The parser of all commands: exact spellings, suggestions for misspelt ones, and no traceback."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from jobs.core.command_words import CommandParser, did_you_mean
from jobs.core.errors import UserError

__all__ = ["Parser", "did_you_mean"]


class Parser(CommandParser):
    """An argument parser that raises UserError and suggests what was probably meant."""

    def __init__(self, **details: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **details)

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
