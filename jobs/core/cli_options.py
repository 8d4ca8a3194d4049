"""Options on a command line: the names of ``job.star`` and the spellings of the original program."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from jobs.core.errors import UserError
from jobs.core.options import JobOptions, Kind, OptionSpec, OptionValue, specs
from jobs.core.values import Options, from_text, to_text


def _reader(declared: OptionSpec) -> Callable[[str], OptionValue]:
    def read(text: str) -> OptionValue:
        try:
            return from_text(declared, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def spellings(declared: OptionSpec) -> tuple[str, ...]:
    """Return the spellings of an option's own name (``--fn_star``, ``--fn-star``)."""
    return tuple(dict.fromkeys((f"--{declared.name}", f"--{declared.name.replace('_', '-')}")))


def add_arguments(
    parser: argparse.ArgumentParser,
    cls: type[JobOptions],
    *,
    task: str = "",
    unlisted: Callable[[OptionSpec], bool] | None = None,
) -> None:
    """Add every option of a job type to a parser.

    Each is accepted under its ``job.star`` name, with ``-`` for ``_`` if liked, and under the
    original program's spellings. Yes/no options take ``Yes`` or ``No`` (nothing = Yes); the
    original's switches are ``--x`` and ``--no-x``. Options that are not given are absent from
    the result of parsing.

    Parameters
    ----------
    parser
        The parser; spellings it already has are left alone.
    cls
        The options.
    task
        Name of a task: its original spellings then win over equal names of other options.
    unlisted
        Tells which options are accepted but have no line in the help.
    """
    taken = set(parser._option_string_actions)
    originals: list[tuple[OptionSpec, list[str]]] = []
    declared_options = specs(cls)
    first = [d for d in declared_options if task and d.cli_task == task]
    for declared in [*first, *(d for d in declared_options if d not in first)]:
        wanted = list(spellings(declared))
        if declared in first:
            wanted = [*declared.cli, *wanted]
        elif declared.kind is not Kind.YESNO and declared.cli_task in ("", task):
            wanted += declared.cli
        flags = [flag for flag in dict.fromkeys(wanted) if flag not in taken]
        taken.update(flags)
        if declared.kind is Kind.YESNO and declared.cli:
            originals.append((declared, [flag for flag in declared.cli if flag not in flags]))
        if flags:
            _add(parser, declared, flags, listed=unlisted is None or not unlisted(declared))
    for declared, wanted in originals:
        _add_switches(parser, declared, [flag for flag in wanted if flag not in taken], taken)


def _add(parser: argparse.ArgumentParser, declared: OptionSpec, flags: list[str], *, listed: bool) -> None:
    unit = f" {declared.unit}" if declared.unit else ""
    default = to_text(declared, declared.default) or "empty"
    text = f"{declared.help} [{default}{unit}]".replace("%", "%%") if listed else argparse.SUPPRESS
    metavar = "Yes|No" if declared.kind is Kind.YESNO else (declared.unit or declared.kind.value.upper())
    if declared.kind is Kind.CHOICE:
        metavar = "|".join(declared.choices)
    if declared.kind is Kind.YESNO:
        parser.add_argument(
            *flags,
            dest=declared.name,
            type=_reader(declared),
            nargs="?",
            const=True,
            default=argparse.SUPPRESS,
            metavar=metavar,
            help=text,
        )
    else:
        parser.add_argument(
            *flags,
            dest=declared.name,
            type=_reader(declared),
            default=argparse.SUPPRESS,
            metavar=metavar,
            help=text,
        )


def _add_switches(
    parser: argparse.ArgumentParser, declared: OptionSpec, flags: list[str], taken: set[str]
) -> None:
    if flags:
        parser.add_argument(
            *flags,
            dest=declared.name,
            action="store_const",
            const=True,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )
        taken.update(flags)
    negative = [flag.replace("--", "--no-", 1) for flag in declared.cli]
    negative = [flag for flag in negative if flag not in taken]
    if negative:
        parser.add_argument(
            *negative,
            dest=declared.name,
            action="store_const",
            const=False,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )
        taken.update(negative)


def from_arguments(cls: type[Options], namespace: argparse.Namespace, base: Options | None = None) -> Options:
    """Return the options that a parsed command line asks for.

    Parameters
    ----------
    cls
        The options.
    namespace
        Result of a parser prepared by :func:`add_arguments`.
    base
        Values of options that were not given (a job that is continued); None = the defaults.

    Raises
    ------
    UserError
        When the values do not fit together.
    """
    names = set(cls.model_fields)
    given = {name: value for name, value in vars(namespace).items() if name in names}
    values = {**(base.model_dump() if base is not None else {}), **given}
    try:
        return cls(**values)
    except ValueError as error:
        raise UserError(str(error)) from None


def to_arguments(options: JobOptions, *, changed_only: bool = True) -> list[str]:
    """Return command-line words that give these options (by default only those not at their default)."""
    words: list[str] = []
    for declared in specs(type(options)):
        value = getattr(options, declared.name)
        if changed_only and value == declared.default:
            continue
        # The joined form also carries values that begin with a dash.
        words.append(f"--{declared.name}={to_text(declared, value)}")
    return words
