"""The parameters that Dynamo has once per round: what they are, how they are written, and their values.

A round is a stage of an alignment project with its own search; Dynamo has up to eight. In files and on the
command line the parameter ``ite`` of round 2 is called ``ite_r2``. In the form there is one field for round 1
and one for all later rounds (``ite_later``: values separated by semicolons, the last one goes on).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.core.errors import UserError
from jobs.dynamo_processor.round_parameters import BY_NAME, ROUND_PARAMETERS, RoundParameter

MOST_ROUNDS: Final = 8
Value = int | float | str | tuple[float, ...]
_NAME: Final = re.compile(r"^([a-z]+)_r([1-9])$")
_SYMMETRY: Final = re.compile(r"^(c\d+|d\d+|ico|cbo|tet|oct|h\[[-+0-9.,eE cCdD]+\])$")


def split_name(key: str) -> tuple[RoundParameter, int] | None:
    """Return parameter and round of a name such as ``ite_r2``, None when it is no such name."""
    found = _NAME.match(key)
    if found is None or found[1] not in BY_NAME or int(found[2]) > MOST_ROUNDS:
        return None
    return BY_NAME[found[1]], int(found[2])


def read_value(parameter: RoundParameter, given: Any) -> Value:
    """Return one value as its kind wants it.

    Parameters
    ----------
    parameter
        Which parameter.
    given
        Number, text, or list of numbers, as it stands in a form or YAML file.

    Raises
    ------
    UserError
        When it is something else, or beyond the limits.
    """
    what = f"{parameter.name}: '{given}' was found"
    if parameter.kind == "text":
        text = str(given).strip().lower()
        if not _SYMMETRY.match(text):
            raise UserError(f"{what}, a symmetry was expected", hint="Write c1, c13, ico, cbo or h[phi,dz]")
        return text
    words = given if isinstance(given, (list, tuple)) else re.split(r"[\s,]+", str(given).strip("[](){} "))
    try:
        if any(isinstance(word, bool) for word in words):
            raise ValueError
        numbers = [float(word) for word in words]
    except (TypeError, ValueError):
        numbers = [math.nan]
    wanted = (1, 3) if parameter.kind == "shift" else (1,)
    if len(numbers) not in wanted or not all(math.isfinite(number) for number in numbers):
        expected = "one or three numbers were" if parameter.kind == "shift" else "a number was"
        raise UserError(f"{what}, {expected} expected")
    low = 0.0 if parameter.minimum is None else parameter.minimum
    for number in numbers:
        if number < low or (parameter.maximum is not None and number > parameter.maximum):
            top = "" if parameter.maximum is None else f" and at most {parameter.maximum:g}"
            raise UserError(f"{what}, at least {low:g}{top} was expected")
    if parameter.kind == "shift":
        return tuple(numbers * 3 if len(numbers) == 1 else numbers)
    if parameter.kind == "whole":
        if not numbers[0].is_integer():
            raise UserError(f"{what}, a whole number was expected")
        return int(numbers[0])
    return int(numbers[0]) if numbers[0].is_integer() else numbers[0]


def later_values(parameter: RoundParameter, text: str, rounds: int, first: Value) -> list[Value]:
    """Return the values of rounds 2 … ``rounds`` from the text of their field.

    Parameters
    ----------
    parameter
        Which parameter.
    text
        Values separated by semicolons; where there are fewer than rounds, the last one goes on.
    rounds
        Number of rounds of the project.
    first
        Value of round 1, which goes on where the text is empty.

    Raises
    ------
    UserError
        When a value cannot be used, or there are more values than rounds.
    """
    words = [word.strip() for word in text.split(";")]
    while words and not words[-1]:
        words.pop()
    if len(words) > rounds - 1:
        raise UserError(
            f"{parameter.name}: {len(words)} values for rounds from 2 on were found, but there are {rounds} "
            f"rounds",
            hint="Raise the number of rounds, or take values away",
        )
    values: list[Value] = []
    for number in range(rounds - 1):
        before = values[-1] if values else first
        values.append(
            read_value(parameter, words[number]) if number < len(words) and words[number] else before
        )
    return values


def later_text(values: Sequence[Value], first: Value) -> str:
    """Return the text of the field for rounds 2 and later; the opposite of :func:`later_values`."""
    kept = list(values)
    while kept and kept[-1] == (kept[-2] if len(kept) > 1 else first):
        kept.pop()
    return "; ".join(value_text(value) for value in kept)


def value_text(value: Value) -> str:
    """Return a value as it stands in a field: three shifts separated by blanks."""
    if isinstance(value, tuple):
        return " ".join(f"{number:g}" for number in value)
    return str(value)


@dataclass(frozen=True)
class Rounds:
    """The rounds of a project: ``values[k]`` holds the parameters of round ``k + 1`` by short name."""

    values: tuple[Mapping[str, Value], ...]

    def __len__(self) -> int:
        return len(self.values)

    def named(self) -> dict[str, Value]:
        """Return all values by their names in files (``ite_r1``, ``ite_r2``)."""
        return {
            f"{parameter.name}_r{number}": values[parameter.name]
            for parameter in ROUND_PARAMETERS
            for number, values in enumerate(self.values, 1)
        }


def rounds_of(options: Any) -> Rounds:
    """Return the rounds that the options of a job ask for.

    Raises
    ------
    UserError
        When a value cannot be used; its name is in the message.
    """
    count = int(options.nr_rounds)
    table: list[dict[str, Value]] = [{} for _ in range(count)]
    for parameter in ROUND_PARAMETERS:
        first = read_value(parameter, getattr(options, f"{parameter.name}_r1"))
        later = later_values(parameter, getattr(options, f"{parameter.name}_later"), count, first)
        for values, value in zip(table, [first, *later], strict=True):
            values[parameter.name] = value
    return Rounds(tuple(table))


def options_from_named(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of the form (``nr_rounds``, ``ite_r1``, ``ite_later`` …) from values by names in files.

    Parameters
    ----------
    named
        Values such as ``{"ite_r1": 1, "ite_r2": 3}``. Rounds that are left out take the value of the round
        before. Names that are no round parameters are passed over.

    Raises
    ------
    UserError
        When a value cannot be used.
    """
    found: dict[str, dict[int, Value]] = {}
    count = 1
    for key, given in named.items():
        what = split_name(key)
        if what is None:
            continue
        parameter, number = what
        found.setdefault(parameter.name, {})[number] = read_value(parameter, given)
        count = max(count, number)
    fields: dict[str, Any] = {"nr_rounds": count} if found else {}
    for name, values in found.items():
        parameter = BY_NAME[name]
        first = values.get(1, read_value(parameter, parameter.sample))
        later: list[Value] = []
        for number in range(2, count + 1):
            later.append(values.get(number, later[-1] if later else first))
        fields[f"{name}_r1"] = value_text(first) if parameter.kind in ("shift", "text") else first
        fields[f"{name}_later"] = later_text(later, first)
    return fields


def frequencies(rounds: Rounds, box_size: int, voxel_size_a: float) -> list[str]:
    """Return for every round what its filters and shifts are in Å; nothing without a voxel size."""
    if not voxel_size_a:
        return []
    lines = []
    for number, values in enumerate(rounds.values, 1):
        low, high, lim = values["low"], values["high"], values["lim"]
        assert isinstance(low, (int, float)) and isinstance(high, (int, float)) and isinstance(lim, tuple)
        band = f"low-pass {low:g} px = {box_size * voxel_size_a / low:.1f} Å"
        if high:
            band += f", high-pass {high:g} px = {box_size * voxel_size_a / high:.0f} Å"
        shifts = " × ".join(f"{side * voxel_size_a:g}" for side in lim)
        lines.append(f"Round {number}: {band}, shifts up to {shifts} Å")
    return lines
