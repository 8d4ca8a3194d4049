"""Brings a project up to date after a job has ended, and starts what waited for it; lives for a moment only.

Call: ``python -P -m app.runner.settle JOB_DIR`` in the project's folder. The keeper of each job does so.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app.project.project import Project
from app.runner.queue import LocalQueue
from jobs.core.errors import UserError


def main(_arguments: list[str]) -> int:
    """Update statuses and move the local queue on; 1 when the project cannot be changed now."""
    try:
        project = Project.open(Path.cwd())
        if project.readonly:
            return 1
        project.check_completion()
        queue = LocalQueue(project)
        queue.advance()
        queue.ensure_keeper()
    except (UserError, OSError):
        return 1  # locked or damaged: whoever opens the project next does it
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
