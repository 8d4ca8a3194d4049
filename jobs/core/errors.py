"""The exceptions and problems that are shown to people: what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class UserError(Exception):
    """Something the user can put right: wrong input, a missing file, a locked project.

    ``str()`` gives one clear sentence that names the file, row and column when they are known,
    followed by the hint. Command lines print it and exit with code 2; windows show it as it is.

    Parameters
    ----------
    message
        What is wrong, with the value found and the value expected.
    path
        The file or folder concerned.
    row
        Line or data row, counted from 1.
    column
        Name of the column or option.
    hint
        What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = Path(path) if path is not None else None
        self.row = row
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        places: list[str] = []
        # A message that already names the place is not made to say it twice.
        if self.path is not None and str(self.path) not in self.message:
            places.append(str(self.path))
        if self.row is not None:
            places.append(f"row {self.row}")
        if self.column and self.column not in self.message:
            # Without a file it is an option that is at fault.
            places.append(f"column {self.column}" if self.path is not None else self.column)
        text = f"{', '.join(places)}: {self.message}" if places else self.message
        return f"{_closed(text)} {_closed(self.hint)}" if self.hint else text


def _closed(sentence: str) -> str:
    sentence = sentence.rstrip()
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


class FormatError(UserError):
    """A file does not have the form its reader needs."""


class AbortRequested(Exception):
    """The user asked the running job to stop; raised where the worker looks for the request."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong (or doubtful) with a set of options, shown at the field it belongs to.

    Attributes
    ----------
    message
        What was found and what was expected.
    field
        Name of the option at fault, or None when the job as a whole is concerned.
    hint
        What to do.
    severity
        ``error`` keeps the job from starting, ``warning`` does not.
    """

    message: str
    field: str | None = None
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    @property
    def sentence(self) -> str:
        """Message and hint as running text."""
        return f"{_closed(self.message)} {_closed(self.hint)}" if self.hint else _closed(self.message)
