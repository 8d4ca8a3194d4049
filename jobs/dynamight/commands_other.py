"""Developer commands of the original that have no place here: each answers with what to use instead."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, Final

from jobs.core.command_words import did_you_mean
from jobs.core.errors import UserError

_HALVES = "was a developer's variant without half-sets"

#: Command, why it is not carried out, and what to use.
OTHER_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "optimize-deformations-single": (_HALVES, "Use optimize-deformations, which trains both half-sets."),
    "optimize-inverse-deformations-single": (
        _HALVES,
        "Use optimize-inverse-deformations; its --checkpoint-file takes what --vae-checkpoint did.",
    ),
    "deformable-backprojection-single": (
        _HALVES,
        "Use deformable-backprojection, which writes a map of each half-set.",
    ),
    "deformable-backprojection-single-deformation": (
        _HALVES,
        "Use deformable-backprojection; explore-latent-space saves the map of a single state.",
    ),
    "deformable-backprojection-correction": (
        "weighted particles that were held out by how far two inverse networks agree, which is not done here",
        "Use deformable-backprojection; the disagreement of the half-sets stands in "
        "forward_deformations/gaussian_errors.star of the training.",
    ),
}


def add_other_commands(commands: Any) -> None:
    """Add the parsers of these commands to the others: whatever they are given, they answer."""
    for name, (why, instead) in OTHER_COMMANDS.items():
        parser = commands.add_parser(
            name,
            help=f"not carried out: {why}",
            description=f"Not carried out: this command {why}. {instead}",
            allow_abbrev=False,
        )
        parser.set_defaults(run=_refuse, command=name, takes_all=True)


def _refuse(arguments: argparse.Namespace) -> int:
    why, instead = OTHER_COMMANDS[arguments.command]
    raise UserError(f"{arguments.command} {why}", hint=instead)


def refuse_unknown(unknown: Sequence[str], known: Iterable[str], command: str) -> None:
    """Tell of the first word that a command does not know, with the option that comes nearest.

    Raises
    ------
    UserError
        If there is any.
    """
    if not unknown:
        return
    word = next((w for w in unknown if w.startswith("-")), unknown[0]).partition("=")[0]
    if not word.startswith("-"):
        raise UserError(
            f"{command} has no use for '{word}'", hint=f"See heteroscope dynamight {command} --help"
        )
    hint = did_you_mean(word, known) or f"See heteroscope dynamight {command} --help"
    raise UserError(f"{command} has no option {word}", hint=hint)
