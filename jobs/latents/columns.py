"""Which coordinates of a latent file are wanted: their numbers from 1, or their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jobs.core.errors import UserError

_RANGE: Final = re.compile(r"(\d+)-(\d+)")


def chosen(names: Sequence[str], text: str, path: Path) -> list[int]:
    """Return the places of the wanted coordinates among all.

    Parameters
    ----------
    names
        Names of all coordinates.
    text
        Numbers from 1, ranges (``1-4``) and names apart by commas, semicolons or blanks; empty for all.
    path
        The latent file, for messages.

    Raises
    ------
    UserError
        When one is not there, or asked for twice.
    """
    if not text.strip():
        return list(range(len(names)))
    place = {name: i for i, name in enumerate(names)}
    found: list[int] = []
    for word in re.split(r"[\s,;]+", text.strip()):
        span = _RANGE.fullmatch(word)
        if word in place:
            found.append(place[word])
        elif span or word.isdigit():
            low, high = (int(span[1]), int(span[2])) if span else (int(word), int(word))
            if not 1 <= low <= high <= len(names):
                raise UserError(f"the latent space has coordinates 1 to {len(names)}, not {word}", path=path)
            found += range(low - 1, high)
        else:
            shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
            raise UserError(f"there is no column {word}", path=path, hint=f"There are: {shown}")
    if len(set(found)) < len(found):
        raise UserError(f"a coordinate is asked for twice: {text}", path=path)
    return found
