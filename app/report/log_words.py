"""What a job itself said at the end of each run: the lines of its log after its last count of progress."""

from __future__ import annotations

import re
from pathlib import Path

_LIMIT = 8 * 2**20
_MOST_LINES = 8
_HEAD = re.compile(r"^.*, run (\d+) of \S+ on \S+$")
_COUNT = re.compile(r"^[\w -]+: [\d,]+ of [\d,]+")
_IDLE = re.compile(r"^(Results are in |\W*$)")


def closing_words(log: Path) -> dict[int, tuple[str, ...]]:
    """Return run number to the last words of its log, without counts of progress.

    Parameters
    ----------
    log
        ``run.out``; of other programs' logs, which have no heads of runs, nothing is told.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LIMIT))
            text = file.read(_LIMIT).decode(errors="replace")
    except OSError:
        return {}
    found: dict[int, list[str]] = {}
    run = 0
    for raw in text.replace("\r\n", "\n").split("\n"):
        # a line that was written over again and again ends with what stood there last
        line = raw.rstrip().rsplit("\r", 1)[-1].strip()
        head = _HEAD.match(line)
        if head is not None:
            run = int(head[1])
            found[run] = []
        elif _COUNT.match(line):
            found[run] = []
        elif run and not _IDLE.match(line):
            found.setdefault(run, []).append(line)
    return {number: tuple(lines[-_MOST_LINES:]) for number, lines in found.items() if number and lines}
