"""Numbers as people type them."""

from __future__ import annotations

import math


def numbers_of(text: str) -> list[float] | None:
    """Return the numbers in a text, separated by blanks or commas; None when anything else stands there."""
    try:
        values = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return None
    return values if values and all(math.isfinite(value) for value in values) else None
