"""Options as the words that RELION writes (Yes/No, plain numbers) and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from jobs.core.errors import Problem
from jobs.core.options import JobOptions, Kind, OptionSpec, OptionValue, specs

Options = TypeVar("Options", bound=JobOptions)

_YES = {"yes", "true", "1", "y", "on"}
_NO = {"no", "false", "0", "n", "off", ""}


def to_text(declared: OptionSpec, value: OptionValue) -> str:
    """Return one value in RELION's words.

    Whole numbers have no decimal point; an empty optional number is the empty text.
    """
    if declared.kind is Kind.YESNO:
        return "Yes" if value else "No"
    if value is None:
        return ""
    if declared.kind is Kind.INTEGER:
        return str(int(value))
    if declared.kind is Kind.NUMBER:
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(value)


def from_text(declared: OptionSpec, text: str) -> OptionValue:
    """Read one value from RELION's words.

    Raises
    ------
    ValueError
        When the text is not of the option's kind; the message says what was expected.
    """
    text = text.strip()
    if declared.kind is Kind.YESNO:
        if text.lower() in _YES:
            return True
        if text.lower() in _NO:
            return False
        raise ValueError(f"'{text}' was found, Yes or No was expected")
    if declared.kind in (Kind.INTEGER, Kind.NUMBER):
        return _number(declared, text)
    if declared.kind is Kind.CHOICE and text not in declared.choices:
        raise ValueError(f"'{text}' was found, one of {', '.join(declared.choices)} was expected")
    return text


def _number(declared: OptionSpec, text: str) -> OptionValue:
    if not text:
        if declared.optional:
            return None
        raise ValueError("the field is empty, a number was expected")
    whole = declared.kind is Kind.INTEGER
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and not number.is_integer()):
        raise ValueError(f"'{text}' was found, a {'whole ' if whole else ''}number was expected")
    if declared.minimum is not None and number < declared.minimum:
        raise ValueError(f"{text} was found, at least {declared.minimum:g} was expected")
    if declared.maximum is not None and number > declared.maximum:
        raise ValueError(f"{text} was found, at most {declared.maximum:g} was expected")
    return int(number) if whole else number


def to_values(options: JobOptions, *, everything: bool = False) -> dict[str, str]:
    """Return the options in RELION's words, in the order of their declaration.

    Parameters
    ----------
    options
        The values.
    everything
        Also those which RELION does not know (they are kept in ``options.NNN.json``).

    Returns
    -------
    dict of str to str
        Name to text; a Scheme variable that was read is given back as it was.
    """
    aside = options.scheme_variables
    return {
        declared.name: aside.get(declared.name, to_text(declared, getattr(options, declared.name)))
        for declared in specs(type(options))
        if everything or declared.in_job_star
    }


def from_values(cls: type[Options], values: Mapping[str, str]) -> tuple[Options, list[Problem]]:
    """Read options from RELION's words, tolerantly.

    Missing options keep their default. A value that cannot be read keeps the default too and
    is reported. Unknown options are kept aside (``options.unknown_values``), Scheme variables
    (``$$name``) are accepted in every field and written back by :func:`to_values`.

    Returns
    -------
    options, problems
        The options, and one problem for each value that could not be used.
    """
    found: dict[str, Any] = {}
    variables: dict[str, str] = {}
    problems: list[Problem] = []
    declared_options = {declared.name: declared for declared in specs(cls)}
    for name, declared in declared_options.items():
        if name not in values:
            continue
        text = values[name]
        if text.startswith("$$"):
            variables[name] = text
            continue
        try:
            found[name] = from_text(declared, text)
        except ValueError as error:
            hint = f"The default '{to_text(declared, declared.default)}' is used until it is corrected"
            problems.append(Problem(f"{declared.label.rstrip(':')}: {error}", field=name, hint=hint))
    try:
        options = cls(**found)
    except ValidationError as error:
        # Each single value was accepted above, so this is a rule of the model across fields.
        problems += [Problem(str(entry["msg"])) for entry in error.errors()]
        options = cls()
    options._scheme_variables.update(variables)
    options._unknown_values.update({k: v for k, v in values.items() if k not in declared_options})
    return options, problems
