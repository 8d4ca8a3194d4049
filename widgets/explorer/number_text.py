"""Numbers as people write them, in few characters."""

from __future__ import annotations

import math
import re
from typing import Final

_THOUSANDS: Final = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")


def short(value: float) -> str:
    """Return a number with three or four significant digits, thousands separated."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1000 and size < 1e7:
        return f"{value:,.0f}".replace("-", "−")
    text = f"{value:.4g}" if size >= 100 else f"{value:.3g}"
    return text.replace("-", "−") if "e" not in text else text


def exact(value: float) -> str:
    """Return a number for a field in which it can be changed: five significant digits, no separators."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.5g}"


def parsed(text: str) -> float | None:
    """Return what was typed as a number, None when it is none.

    ``12,000`` and ``1,234,567.8`` have separated thousands; any other comma is a decimal one (``1,5``).
    """
    text = text.strip().replace("−", "-").replace(" ", "")
    text = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
