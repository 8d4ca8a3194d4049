"""Which frame is due: the arithmetic of a player, without a window."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal

Repeat = Literal["loop", "bounce", "once"]
#: What can happen at the end, and how it is said.
REPEATS: Final[dict[Repeat, str]] = {
    "loop": "Repeat from the start",
    "bounce": "Play there and back",
    "once": "Stop at the end",
}


class Playback:
    """Frames by time.

    Parameters
    ----------
    clock
        Seconds that never go back.

    Attributes
    ----------
    count
        Number of frames.
    speed
        Frames in a second.
    repeat
        What happens at the end.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.count = 0
        self.speed = 12
        self.repeat: Repeat = "loop"
        self._began, self._first = 0.0, 0

    def start(self, frame: int) -> None:
        """Count the time from a frame that is shown now."""
        self._began, self._first = self._clock(), frame

    def due(self) -> int:
        """Return the frame that ought to be seen now."""
        # a clock that is late by rounding only is not late
        step = self._first + int((self._clock() - self._began) * self.speed + 1e-6)
        last = self.count - 1
        if last < 1 or self.repeat == "once":
            return max(0, min(step, last))
        if self.repeat == "loop":
            return step % self.count
        return last - abs(step % (2 * last) - last)
