"""The parser of all commands: exact spellings, suggestions for misspelt ones, and no traceback."""

from __future__ import annotations

import argparse
from typing import Any

from jobs.core.command_words import CommandParser, did_you_mean

__all__ = ["Parser", "did_you_mean"]


class Parser(CommandParser):
    """An argument parser that raises UserError and suggests what was probably meant."""

    def __init__(self, **details: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **details)
