"""Waits with a project's queue for what no job of it announces: other programs and projects on its devices.

Call: ``python -P -m app.runner.queue_keeper`` in the project's folder. One per project; it ends with the last
waiting job, or when the jobs that run will take over.
"""

from __future__ import annotations

import fcntl
import sys
import time
from pathlib import Path

from app.project.project import Project
from app.runner.queue import LocalQueue
from jobs.core.errors import UserError

_PERIOD_S = 5.0


def keep(folder: Path, *, period_s: float = _PERIOD_S) -> int:
    """Move the queue of a project on until nothing waits for others any more; 0, or 1 when it cannot be."""
    with (folder / ".heteroscope" / "queue.keeper").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # somebody keeps it already
        except OSError:
            pass  # a file system without locks: two keepers do no harm
        queue = LocalQueue(Project.open(folder))
        while queue.path.exists() and queue.entries():
            try:
                queue.advance()
            except (UserError, OSError):
                queue.needs_keeper = True  # locked at the moment
            if not queue.needs_keeper:
                return 0
            time.sleep(period_s)
    return 0


def main(_arguments: list[str]) -> int:
    """Keep the queue of the current folder."""
    try:
        return keep(Path.cwd())
    except (UserError, OSError):
        return 1  # damaged or gone: whoever opens the project next goes on


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
