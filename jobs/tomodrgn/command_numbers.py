"""Numbers of a command line within their range: the parser tells the option whose value is outside."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from jobs.core.declaration import specs
from jobs.core.options import OptionValue
from jobs.core.values import from_text
from jobs.tomodrgn.params import TomoDrgnOptions


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers from ``least`` to ``most``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' was found, a whole number was expected") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} was found, at least {least} was expected")
        if most is not None and number > most:
            raise argparse.ArgumentTypeError(f"{text} was found, at most {most} was expected")
        return number

    return read


def number(text: str) -> float:
    """Read a number that is neither NaN nor infinite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' was found, a number was expected")
    return value


def positive(text: str) -> float:
    """Read a number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} was found, more than 0 was expected")
    return value


def not_negative(text: str) -> float:
    """Read a number from 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} was found, at least 0 was expected")
    return value


def percentile(text: str) -> float:
    """Read a number from 0 to 100."""
    value = not_negative(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{text} was found, at most 100 was expected")
    return value


def even_box(text: str) -> int:
    """Read the side of a box: an even number of voxels or pixels."""
    side = whole(2)(text)
    if side % 2:
        raise argparse.ArgumentTypeError(f"{text} was found, an even number was expected")
    return side


def all_or_first(text: str) -> int:
    """Read how many come first: a number from 1, or -1 for all."""
    count = whole(-1)(text)
    if count == 0:
        raise argparse.ArgumentTypeError("0 was found, at least 1, or -1 for all, was expected")
    return count


def of_option(name: str) -> Callable[[str], OptionValue]:
    """Return a reader of the values of an option of the job, for a further spelling of it."""
    declared = next(option for option in specs(TomoDrgnOptions) if option.name == name)

    def read(text: str) -> OptionValue:
        try:
            return from_text(declared, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
