"""What command lines say of a mistake: one sentence, with the option at fault and what was probably meant."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from jobs.core.errors import UserError

_KINDS = {"int": "a whole number", "float": "a number", "Path": "a file"}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a suggestion as a sentence, "" when nothing comes near.

    Of two spellings of one option, ``--fn_star`` and ``--fn-star``, that with the signs of the word is given.
    """
    names = sorted(known, key=lambda name: ("_" in name) == ("_" in word))
    by_plain = {name.lower().lstrip("-").replace("-", "_"): name for name in names}
    found = difflib.get_close_matches(word.lower().lstrip("-").replace("-", "_"), by_plain, n=1, cutoff=0.6)
    return f"Did you mean {by_plain[found[0]]}?" if found else ""


def usage_error(message: str, program: str, words: Sequence[str] = ()) -> UserError:
    """Return what ``argparse`` complains of as an error for people.

    Parameters
    ----------
    message
        Its message, such as ``argument --a/--b: expected one argument``.
    program
        Words before the options, whose help the hint names.
    words
        The command line: of several spellings of an option that which was typed is told.
    """
    see = f"See {program} --help"
    if needed := re.fullmatch(r"the following arguments are required: (.*)", message):
        # the longest spelling of an option is the one that says what it is
        names = [max(name.split("/"), key=len) for name in needed[1].split(", ")]
        names = ["a command" if name.lower() == "command" else name for name in names]
        what = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
        return UserError(f"{program} needs {what}", hint=see)
    about = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
    if not about:
        return UserError(message, hint=see)
    spellings, what = about[1].split("/"), about[2]
    typed = {word.partition("=")[0] for word in words}
    name = next((spelling for spelling in spellings if spelling in typed), spellings[0])
    if choice := re.fullmatch(r"invalid choice: (.*) \(choose from (.*)\)", what, re.DOTALL):
        given, offered = choice[1].strip("'\""), [word.strip("'\"") for word in choice[2].split(", ")]
        hint = did_you_mean(given, offered)
        if not name.startswith("-") and name.lower() == "command":
            hint = hint or f"There {'are' if len(offered) > 1 else 'is'} {', '.join(offered)}"
            return UserError(f"{program} has no command '{given}'", hint=hint)
        return UserError(
            f"{name}: '{given}' was found, one of {', '.join(offered)} was expected", hint=hint or see
        )
    if wrong := re.fullmatch(r"invalid (\w+) value: (.*)", what, re.DOTALL):
        what = f"{wrong[2]} was found, {_KINDS.get(wrong[1], 'another value')} was expected"
    elif number := re.fullmatch(r"expected (?:at least )?(\w+) arguments?", what):
        return UserError(
            f"{name} needs {'a value' if number[1] == 'one' else f'{number[1]} values'}", hint=see
        )
    return UserError(f"{name}: {what}", hint=see)


class CommandParser(argparse.ArgumentParser):
    """A parser that tells a mistake in one sentence, as a :class:`UserError`."""

    def __init__(self, *details: Any, **named: Any) -> None:
        super().__init__(*details, **named)
        self._words: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse a command line, which is kept for messages."""
        self._words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._words, namespace)

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line.

        Raises
        ------
        UserError
            For an option that does not exist (with the nearest one that does), or a value that is not valid.
        """
        given, rest = self.parse_known_args(list(words))
        for word in rest:
            name = word.partition("=")[0]
            if name.startswith("-"):
                hint = did_you_mean(name, self._option_string_actions) or f"See {self.prog} --help"
                raise UserError(f"{self.prog} has no option {name}", hint=hint)
        if rest:
            raise UserError(f"{self.prog} does not expect '{rest[0]}'", hint=f"See {self.prog} --help")
        return given

    def error(self, message: str) -> NoReturn:
        """Raise the message as a UserError."""
        raise usage_error(message, self.prog, self._words)
