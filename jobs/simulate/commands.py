"""``heteroscope simulate``: data with known ground truth in a plain folder, or as a job of a project."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jobs.core.command_words import CommandParser, did_you_mean
from jobs.core.declaration import CheckContext, add_arguments, from_arguments
from jobs.core.errors import AbortRequested, Problem, UserError
from jobs.simulate.params import JOB_TYPE, DataOptions, SimulateOptions

_LINE_S = 0.5


class Terminal:
    """Reports a simulation on standard error."""

    def __init__(self) -> None:
        self._shown = 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)

    def check_abort(self) -> None:
        """Go on; Ctrl-C ends the program by itself."""

    def progress(self, phase: str, step: int, of: int) -> None:
        """Rewrite the progress line, at most twice a second."""
        now = time.monotonic()
        if step >= of or now - self._shown >= _LINE_S:
            self._shown = now
            print(
                f"\r{phase}: {step} of {of}    ", end="\n" if step >= of else "", file=sys.stderr, flush=True
            )


def main(argv: Sequence[str]) -> int:
    """Simulate into the folder ``--out``; the last line printed is the STAR file.

    Returns
    -------
    int
        0 success, 2 wrong usage or input, 130 aborted.
    """
    parser = _parser()
    try:
        arguments, unknown = parser.parse_known_args(list(argv))
        for word in unknown:
            hint = did_you_mean(word.partition("=")[0], parser._option_string_actions)
            what = f"no option {word}" if word.startswith("-") else f"no use for '{word}'"
            raise UserError(f"{parser.prog} has {what}", hint=hint or f"See {parser.prog} --help")
        return _simulate(arguments)
    except SystemExit as stop:
        return int(stop.code or 0) if isinstance(stop.code, int) else 2
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    except (AbortRequested, KeyboardInterrupt):
        print("Aborted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="heteroscope simulate",
        description=f"{JOB_TYPE.summary} To make a numbered job of a project instead, use "
        "'heteroscope run simulate --project DIR'.",
        allow_abbrev=False,
    )
    parser.add_argument("--out", default="", metavar="DIR", help="folder for the data; made when missing")
    parser.add_argument("--project", default="", metavar="DIR", help=argparse.SUPPRESS)
    add_arguments(parser, DataOptions, task=JOB_TYPE.main_task.name)
    return parser


def _simulate(arguments: argparse.Namespace) -> int:
    if arguments.project:
        # Jobs are numbered and registered by the program that owns the project, not from down here.
        raise UserError(
            "this command writes into a plain folder (--out)",
            hint=f"For a job of the project use: heteroscope run simulate --project {arguments.project}",
        )
    if not arguments.out:
        raise UserError("no folder was named for the data", hint="Give --out DIR.")
    options = from_arguments(SimulateOptions, arguments)
    here = Path.cwd()
    problems = JOB_TYPE.problems(options, CheckContext(here))
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in errors:
        print(f"ERROR: {_sentence(problem)}", file=sys.stderr)
    if errors:
        return 2
    from jobs.simulate.choices import specification, tilt_specification
    from jobs.simulate.class_options import class_specification
    from jobs.simulate.class_simulation import simulate_classes
    from jobs.simulate.simulation import simulate
    from jobs.simulate.tilt_series import simulate_tilt_series

    classes = class_specification(options, here)
    if classes is not None:
        simulate_classes(classes, arguments.out, reporter=Terminal())
        print(Path(arguments.out) / "particles.star")
        return 0
    tilts = tilt_specification(options, here)
    if tilts is not None:
        simulate_tilt_series(tilts, arguments.out, reporter=Terminal())
        print(Path(arguments.out) / "particles.star")
        return 0
    made = simulate(specification(options, here), arguments.out, reporter=Terminal())
    print(made.particles)
    return 0


def _sentence(problem: Problem) -> str:
    option = f" (--{problem.field})" if problem.field else ""
    return f"{problem.message}{option}. {problem.hint}".strip()
