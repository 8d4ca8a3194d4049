"""``heteroscope dynamo``: projects from files or options, dry runs, and the way back to RELION and Warp."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jobs.core.command_words import CommandParser
from jobs.core.declaration import add_arguments, from_arguments
from jobs.core.errors import AbortRequested, UserError
from jobs.dynamo_processor.params import JOB_TYPE, DynamoOptions
from jobs.dynamo_processor.round_parameters import ROUND_PARAMETERS
from jobs.dynamo_processor.rounds import MOST_ROUNDS, options_from_named, rounds_of

_LINE_S: Final = 0.5
_USAGE: Final = """
  heteroscope dynamo CONFIG.yaml [--entry N] [--out DIR] [--OPTION VALUE …]
                                     set up the projects of a configuration file
  heteroscope dynamo --out DIR --OPTION VALUE …
                                     set up a project from options
  heteroscope dynamo scan [CONFIG.yaml] [--OPTION VALUE …]
                                     dry run: what would be used, and what is wrong
  heteroscope dynamo to-relion TABLE … --out FILE [--map particles_map.star]
  heteroscope dynamo to-warp TABLE … --out FILE [--map particles_map.star]
                                     aligned particles to RELION 5 or Warp"""


class Terminal:
    """Results go to standard output, progress and remarks to standard error."""

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
            end = "\n" if step >= of else ""
            print(f"\r{phase}: {step} of {of}    ", end=end, file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> int:
    """Run a command; the last line of a set-up is the folder of the project.

    Returns
    -------
    int
        0 success, 1 nothing was written, 2 wrong usage or input, 130 aborted.
    """
    words = list(argv)
    try:
        if words and words[0] in ("to-relion", "to_relion", "to-warp", "to_warp"):
            return _back(words[1:], "warp" if "warp" in words[0] else "relion5")
        if words and words[0] == "scan":
            return _set_up(words[1:], dry=True)
        return _set_up(words, dry=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    except (AbortRequested, KeyboardInterrupt):
        print("Aborted.", file=sys.stderr)
        return 130


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="heteroscope dynamo", description=JOB_TYPE.summary, usage=_USAGE, allow_abbrev=False
    )
    parser.add_argument("config", nargs="?", default="", metavar="CONFIG.yaml", help="configuration file")
    parser.add_argument(
        "--entry", type=int, default=0, metavar="N", help="only this dynamo entry of the file"
    )
    parser.add_argument("--out", default="", metavar="DIR", help="folder of the project; made when missing")
    add_arguments(parser, DynamoOptions, task=JOB_TYPE.main_task.name)
    for parameter in ROUND_PARAMETERS:
        for number in range(2, MOST_ROUNDS + 1):
            name = f"{parameter.name}_r{number}"
            flags = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))
            parser.add_argument(*flags, dest=f"round:{name}", default=None, help=argparse.SUPPRESS)
    return parser


def _options(arguments: argparse.Namespace, base: DynamoOptions | None) -> DynamoOptions:
    """Options of the command line over those of a file."""
    options = from_arguments(DynamoOptions, arguments, base)
    given = {k.partition(":")[2]: v for k, v in vars(arguments).items() if k.startswith("round:") and v}
    if not given:
        return options
    named: dict[str, Any] = {**rounds_of(options).named(), **given}
    return DynamoOptions(**{**options.model_dump(), **options_from_named(named)})


def _set_up(words: list[str], *, dry: bool) -> int:
    arguments = _parser().read(words)
    from jobs.dynamo_processor.config_file import options_of, read_config
    from jobs.dynamo_processor.looking import look
    from jobs.dynamo_processor.run import check_options
    from jobs.dynamo_processor.scan import scan_rows, scan_text, total_text
    from jobs.dynamo_processor.setup import set_up

    terminal, here = Terminal(), Path.cwd()
    wanted: list[DynamoOptions] = []
    if arguments.config:
        config = read_config(arguments.config)
        for name in config.passed_over:
            terminal.say(f"The processor {name} is not handled here and passed over.")
        entries = [arguments.entry] if arguments.entry else range(1, len(config.entries) + 1)
        for entry in entries:
            options, warnings = options_of(config, entry)
            for warning in warnings:
                terminal.say(warning)
            wanted.append(_options(arguments, options))
    elif words:
        wanted.append(_options(arguments, None))
    else:
        raise UserError(
            "no configuration file and no options were given", hint="See heteroscope dynamo --help"
        )
    for options in wanted:
        check_options(options, here)
    written = 0
    for options in wanted:
        if dry or options.scan_only:
            made = look(options, here, None, _Quiet())
            print(scan_text(scan_rows(made.gathered, made.outside)))
            print(total_text(made.gathered))
            print(f"The boxes of {int(made.outside.sum())} leave their tomogram.")
            written += made.gathered.n
            continue
        folder = _folder(options, arguments.out, here, many=len(wanted) > 1)
        made = set_up(options.model_copy(update={"dynamo_dir": ""}), here, folder, terminal)
        written += made.written
        print(made.folder)
    return 0 if written else 1


class _Quiet(Terminal):
    """Shows progress only: a dry run's table is the result and goes to standard output."""

    def say(self, text: str) -> None:
        """Say nothing."""


def _folder(options: DynamoOptions, out: str, here: Path, *, many: bool) -> Path:
    """Where a project goes: where the user says, else where the original puts it."""
    if out:
        return here / out / options.project_name if many else here / out
    if options.dynamo_dir:
        return here / options.dynamo_dir
    if not options.real_data_mode and options.root:
        source = {"imod": "IMOD", "eman2": "EMAN2"}[options.source_type]
        return here / options.root / "processed_data" / f"Dynamo-from-{source}"
    raise UserError("no folder was named for the project", hint="Give --out DIR, or dynamo_dir in the file.")


def _back(words: list[str], to: str) -> int:
    parser = CommandParser(prog=f"heteroscope dynamo to-{to.removesuffix('5')}", allow_abbrev=False)
    parser.add_argument(
        "tables", nargs="+", metavar="TABLE", help="Dynamo's tables: one, or those of the halves"
    )
    parser.add_argument("--map", default="", metavar="FILE", help="particles_map.star of the set-up")
    parser.add_argument("--out", required=True, metavar="FILE", help="STAR file to write")
    parser.add_argument("--only-averaged", action="store_true", help="leave out rows with 0 in column 3")
    arguments = parser.read(words)
    from jobs.dynamo_processor.way_back import find_sidecar, write_back

    tables = [Path(table) for table in arguments.tables]
    for table in tables:
        if not table.is_file():
            raise UserError("the table does not exist", path=table, hint="Name the tables that Dynamo wrote")
    sidecar = Path(arguments.map) if arguments.map else find_sidecar(tables[0])
    count = write_back(tables, sidecar, Path(arguments.out), to=to, only_averaged=arguments.only_averaged)
    print(f"{count} particles", file=sys.stderr)
    print(arguments.out)
    return 0
