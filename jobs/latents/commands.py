"""``heteroscope latents compare A B``: how far two latent spaces of the same particles agree."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jobs.core.command_words import CommandParser
from jobs.core.errors import UserError


def main(argv: Sequence[str]) -> int:
    """Carry out a command.

    Returns
    -------
    int
        0 success, 2 wrong usage or input, 130 aborted.
    """
    parser = _parser()
    try:
        words = parser.parse_args(list(argv))
        return _compare(words)
    except SystemExit as stop:
        return int(stop.code or 0) if isinstance(stop.code, int) else 2
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Aborted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="heteroscope latents",
        description="Latent spaces of other programs. To open one in the explorer use "
        "'heteroscope run latents --project DIR'.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    compare = commands.add_parser(
        "compare",
        help="how far two latent spaces agree",
        description="Nearest neighbours in common, and canonical correlations of particles that were not "
        "fitted, both beside those of shuffled particles. A and B are latent files (.pkl, .npy, .cs, .csv, "
        ".txt, .star) or folders of Latents jobs.",
        allow_abbrev=False,
    )
    compare.add_argument("first", metavar="A", type=Path)
    compare.add_argument("second", metavar="B", type=Path)
    compare.add_argument("--columns-a", default="", help="coordinates of A, such as 1-4 [all]")
    compare.add_argument("--columns-b", default="", help="coordinates of B [all]")
    compare.add_argument("--neighbours", type=int, default=20, help="nearest neighbours [%(default)s]")
    compare.add_argument("--seed", type=int, default=0, help="of everything drawn [%(default)s]")
    compare.add_argument("--json", action="store_true", help="print the numbers as JSON")
    return parser


def _compare(words: argparse.Namespace) -> int:
    from jobs.latents.compare import compare
    from jobs.latents.pairing import open_latents, pair

    if words.neighbours < 1:
        raise UserError(f"one neighbour at least is needed, not {words.neighbours}")
    first, second, sentence = pair(
        open_latents(words.first, words.columns_a), open_latents(words.second, words.columns_b)
    )
    found = compare(first, second, words.neighbours, words.seed)
    if words.json:
        print(json.dumps({**asdict(found), "sentence": found.sentence}, indent=1))
    else:
        print(sentence)
        print(found.sentence)
    return 0
