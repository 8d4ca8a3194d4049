"""Lists of group numbers as people write them: ``1, 3, 5-7``."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


def read_numbers(text: str, most: int) -> list[int]:
    """Return the numbers of a list, ascending, each once.

    Parameters
    ----------
    text
        Numbers and ranges, parted by commas or blanks.
    most
        The largest number there is; the smallest is 1.

    Raises
    ------
    ValueError
        With a sentence, when a part is no number or there is no such group.
    """
    tight = re.sub(r"\s*[-–]\s*", "-", text)
    found: set[int] = set()
    for part in re.split(r"[,;\s]+", tight.strip()):
        if not part:
            continue
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"'{part}' is no number; write groups as in 1, 3, 5-7")
        low = int(match[1])
        high = int(match[2] or low)
        if not 1 <= low <= high <= most:
            raise ValueError(f"there is no group {part}; they go from 1 to {most}")
        found.update(range(low, high + 1))
    if not found:
        raise ValueError("write which groups, as in 1, 3, 5-7")
    return sorted(found)


def write_numbers(numbers: Iterable[int]) -> str:
    """Return numbers as such a list, neighbours as ranges."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
