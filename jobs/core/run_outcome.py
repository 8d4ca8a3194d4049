"""How a run of a job ended, kept in a file of its own: ``outcome.NNN.json``.

Exit markers tell of the latest run only: the next one takes them away. This record stays. It is written once,
by whoever is first to know (the worker, its keeper, or who finds it dead), and never changed.

The keeper of every running job uses it, therefore nothing is imported beyond the standard library.
"""

# pathlib would cost the keeper of every job a megabyte
# ruff: noqa: PTH105, PTH108, PTH110, PTH118, PTH123, PTH208
from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
from collections.abc import Mapping
from typing import Any

#: The last words of RELION's exit markers and what a status is called.
WORDS = {"SUCCESS": "Succeeded", "FAILURE": "Failed", "ABORTED": "Aborted"}
_OPTIONS = re.compile(r"options\.(\d{3,})\.json")
_WORKER = "worker.json"


def outcome_file(job_dir: str, run: int) -> str:
    """Return the place of the record of a run."""
    return os.path.join(job_dir, f"outcome.{run:03d}.json")


def write_outcome(job_dir: str, kind: str, run: int | None = None, ended: str = "") -> bool:
    """Write down how a run ended, unless that is known already.

    A folder that cannot be written to costs no more than this record.

    Parameters
    ----------
    job_dir
        The job's folder.
    kind
        SUCCESS, FAILURE or ABORTED.
    run
        Number of the run; None = the one that ``worker.json`` names, else the latest.
    ended
        ISO time of the end, "" = now.

    Returns
    -------
    bool
        True when the record was written.
    """
    worker = _read(os.path.join(job_dir, _WORKER))
    if run is None:
        run = worker["run"] if isinstance(worker.get("run"), int) else _latest(job_dir)
    if not run:
        return False
    started = worker.get("started") if worker.get("run") == run else None
    content = {
        "version": 1,
        "run": run,
        "outcome": WORDS[kind],
        "started": started or "",
        "ended": ended or datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
    }
    target = outcome_file(job_dir, run)
    temporary = f"{target}.tmp{os.getpid()}"
    try:
        if os.path.exists(target):
            return False
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=1) + "\n")
        os.replace(temporary, target)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        return False
    return True


def forget_outcome(job_dir: str, run: int | None) -> None:
    """Take back what is known of a run, because it begins again (a cluster's queue does that)."""
    if run:
        with contextlib.suppress(OSError):
            os.unlink(outcome_file(job_dir, run))


def read_outcome(job_dir: str, run: int) -> Mapping[str, Any]:
    """Return ``outcome``, ``started`` and ``ended`` of a run, or {} when they are not known."""
    found = _read(outcome_file(job_dir, run))
    return found if found.get("outcome") in WORDS.values() else {}


def _latest(job_dir: str) -> int:
    try:
        names = os.listdir(job_dir)
    except OSError:
        return 0
    return max((int(match[1]) for name in names if (match := _OPTIONS.fullmatch(name))), default=0)


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
