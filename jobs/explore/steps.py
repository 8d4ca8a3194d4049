"""How far a long calculation has come, and whether it is still wanted."""

from __future__ import annotations

from jobs.core.errors import AbortRequested
from jobs.core.exploring import Cancelled, Progress

#: What a whole calculation counts as.
WHOLE = 1000


def silent(done: int, of: int, sentence: str) -> None:
    """Tell nobody."""


def never() -> bool:
    """Return that nobody gave up."""
    return False


class Steps:
    """Reports shares of one calculation, and ends it when it is not wanted any more.

    Parameters
    ----------
    progress, cancelled
        As they were handed to the calculation.
    begin, end
        Shares of the whole between which this part lies.
    """

    def __init__(
        self, progress: Progress, cancelled: Cancelled, begin: float = 0.0, end: float = 1.0
    ) -> None:
        self._progress, self._cancelled = progress, cancelled
        self._begin, self._end = begin, end

    def at(self, share: float, sentence: str) -> None:
        """Tell that this share of the part is done.

        Raises
        ------
        AbortRequested
            When the calculation was cancelled.
        """
        if self._cancelled():
            raise AbortRequested
        whole = self._begin + min(max(share, 0.0), 1.0) * (self._end - self._begin)
        self._progress(round(WHOLE * whole), WHOLE, sentence)

    def part(self, begin: float, end: float) -> Steps:
        """Return the steps of a part that lies between two shares of this one."""
        length = self._end - self._begin
        return Steps(
            self._progress, self._cancelled, self._begin + begin * length, self._begin + end * length
        )
