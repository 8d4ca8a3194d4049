"""Times in words short enough for a list."""

from __future__ import annotations

import math
from datetime import datetime


def duration(seconds: float | None) -> str:
    """Return a length of time: ``45 s``, ``12 min``, ``3 h 05 min``, ``2 d 4 h``; empty when unknown."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 59.5:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def moment(when: datetime | None, now: datetime | None = None) -> str:
    """Return a date as one says it: the time today, ``yesterday``, the day this year, else the full date."""
    if when is None:
        return ""
    now = now or datetime.now(when.tzinfo)
    days = (now.date() - when.date()).days
    if days == 0:
        return when.strftime("%H:%M")
    if days == 1:
        return f"yesterday {when:%H:%M}"
    if when.year == now.year:
        return f"{when.day} {when:%b}"
    return when.strftime("%Y-%m-%d")
