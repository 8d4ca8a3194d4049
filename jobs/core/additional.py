"""Additional arguments of a job: options in the spelling of the command line, which win over the fields."""

from __future__ import annotations

import argparse
import shlex

from jobs.core.cli_options import add_arguments
from jobs.core.command_words import CommandParser, did_you_mean
from jobs.core.errors import UserError
from jobs.core.options import JobOptions

_WHERE = "Correct them on the Running tab"


def read_additional(cls: type[JobOptions], text: str, task: str = "") -> argparse.Namespace | None:
    """Return what the text of the field gives, as :func:`jobs.core.cli_options.from_arguments` takes it.

    Parameters
    ----------
    cls
        The options.
    text
        Content of the field.
    task
        Task whose original spellings win.

    Returns
    -------
    argparse.Namespace or None
        None when nothing is given.

    Raises
    ------
    UserError
        When a quotation mark is open, an option is not known, or a value is not valid.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"Additional arguments: {error}", hint="Close the quotation marks") from None
    if not words:
        return None
    parser = CommandParser(prog="Additional arguments", add_help=False, allow_abbrev=False)
    add_arguments(parser, cls, task=task)
    try:
        given, unknown = parser.parse_known_args(words)
    except UserError as error:
        raise UserError(f"Additional arguments: {error.message}", hint=_WHERE) from None
    if unknown:
        hint = did_you_mean(unknown[0].partition("=")[0], parser._option_string_actions)
        raise UserError(f"Additional arguments: {' '.join(unknown)} is not known", hint=hint or _WHERE)
    return given
