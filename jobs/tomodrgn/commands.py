"""``heteroscope tomodrgn COMMAND``: the commands of the original program.

The spellings of both of its generations are accepted, and dashes for underscores in the names of commands. A
command works in any folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from jobs.core.command_words import CommandParser, did_you_mean
from jobs.core.errors import AbortRequested, UserError
from jobs.core.worker import EXIT_ABORTED, EXIT_INPUT
from jobs.tomodrgn.analysis_commands import add_analyze
from jobs.tomodrgn.commands_files import add_cleanup, add_filter_star, add_view_config
from jobs.tomodrgn.commands_images import add_backproject, add_downsample, add_eval_images
from jobs.tomodrgn.commands_scene import add_subtomo2chimerax
from jobs.tomodrgn.commands_train import add_training
from jobs.tomodrgn.commands_volumes import add_eval_vol
from jobs.tomodrgn.convergence_commands import add_convergence_nn, add_convergence_vae
from jobs.tomodrgn.params import JOB_TYPE
from jobs.tomodrgn.switches import switch_flags, with_answers
from jobs.tomodrgn.traversal_commands import add_analyze_volumes, add_graph_traversal, add_pc_traversal


def main(argv: Sequence[str]) -> int:
    """Run a command.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong usage or input, 130 aborted.
    """
    words = list(argv)
    if words and not words[0].startswith("-"):
        words[0] = words[0].replace("-", "_")
    try:
        parser, commands = _parser()
        chosen = commands.get(words[0]) if words else None
        if chosen is not None:
            words[1:] = with_answers(words[1:], switch_flags(chosen, JOB_TYPE.options))
        arguments, unknown = parser.parse_known_args(words)
        if chosen is not None:
            _refuse_unknown(unknown, chosen, words[0])
        result: int = arguments.run(arguments)
        return result
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_INPUT
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return EXIT_INPUT
    except (AbortRequested, KeyboardInterrupt):
        print("Aborted.", file=sys.stderr)
        return EXIT_ABORTED


def _parser() -> tuple[CommandParser, dict[str, argparse.ArgumentParser]]:
    parser = CommandParser(prog="heteroscope tomodrgn", description=JOB_TYPE.summary)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for kind in ("train_vae", "train_nn"):
        add_training(commands, kind)
    for add in (add_eval_vol, add_eval_images, add_backproject, add_downsample):
        add(commands)
    for add in (add_filter_star, add_view_config, add_cleanup):
        add(commands)
    add_subtomo2chimerax(commands)
    for add in (add_analyze, add_analyze_volumes, add_pc_traversal, add_graph_traversal):
        add(commands)
    for add in (add_convergence_nn, add_convergence_vae):
        add(commands)
    return parser, dict(commands.choices)


def _refuse_unknown(unknown: Sequence[str], parser: argparse.ArgumentParser, command: str) -> None:
    """Tell of the first word that a command does not know, with the option that comes nearest."""
    if not unknown:
        return
    word = next((w for w in unknown if w.startswith("-")), unknown[0]).partition("=")[0]
    see = f"See heteroscope tomodrgn {command} --help"
    if not word.startswith("-"):
        raise UserError(f"{command} has no use for '{word}'", hint=see)
    flags = [flag for flag in parser._option_string_actions if flag != "--help"]
    raise UserError(f"{command} has no option {word}", hint=did_you_mean(word, flags) or see)
