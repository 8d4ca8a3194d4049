"""Chosen classes as people write them: ``1-10, 13``."""

from __future__ import annotations

import re

from jobs.core.class_set import ClassSet
from jobs.core.errors import UserError


def class_numbers(text: str, count: int | None) -> list[int]:
    """Return classes, from 0 and ascending, of numbers and ranges that count from 1.

    Parameters
    ----------
    text
        ``1-10, 13``; empty for all.
    count
        Number of classes there are; None when it is not known (all is then an empty list).

    Raises
    ------
    ValueError
        When something else stands there, or a class does not exist; the message is a sentence.
    """
    chosen: set[int] = set()
    for word in text.replace(",", " ").split():
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
        if match is None:
            raise ValueError(f"'{word}' is not a number of a class")
        first, last = int(match[1]), int(match[2] or match[1])
        if first < 1 or last < first:
            raise ValueError(f"'{word}' is not a range of classes, which count from 1")
        if count is not None and last > count:
            raise ValueError(f"there is no class {last}: there are {count}")
        chosen.update(range(first - 1, last))
    return sorted(chosen) if chosen else list(range(count or 0))


def chosen_classes(text: str, found: ClassSet) -> list[int]:
    """Return the classes of a set that a text names, from 0.

    Raises
    ------
    UserError
        When something else stands there, or a class does not exist.
    """
    try:
        return class_numbers(text, len(found))
    except ValueError as error:
        raise UserError(str(error), hint="Write classes as 1-10, 13") from None
