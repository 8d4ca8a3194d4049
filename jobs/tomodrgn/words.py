"""Numbers as people type and read them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def numbers_of(text: str) -> list[float] | None:
    """Return the numbers in a text, separated by blanks or commas; None when anything else stands there."""
    try:
        values = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return None
    return values if values and all(math.isfinite(value) for value in values) else None


def listed(texts: Sequence[str]) -> str:
    """Return texts as a list in words: commas, and "and" before the last."""
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + f" and {texts[-1]}"


def number(value: float, threshold: float, digits: int = 3) -> str:
    """Return a number with so many digits that it is on the same side of its threshold as it was."""
    while digits < 9 and value != threshold and float(f"{value:.{digits}f}") == threshold:
        digits += 1
    return f"{value:.{digits}f}"


def percent(part: float, threshold: float) -> str:
    """Return a part as a percentage, on the same side of its threshold as it was."""
    return f"{number(100 * part, 100 * threshold, 1)} %"


def epochs(count: int) -> str:
    """Return a number of epochs in words."""
    return "epoch" if count == 1 else f"{count} epochs"
