"""How a cluster's queue ends jobs, in words; what its id is inside a job.

Used by the keeper of every running job, therefore without imports beyond the standard library.
"""

# pathlib would cost the keeper of every job a megabyte
# ruff: noqa: PTH118, PTH123
from __future__ import annotations

import json
import os
from typing import Any

QUEUE_FILE = "queue.json"

#: Why a job is over, by the queue's word for it (Slurm's; those of the others are translated to them).
ENDINGS = {
    "TIMEOUT": "The queue ended the job because its time limit was reached; ask for more time in the "
    "submission script, then continue the job from what it has saved",
    "DEADLINE": "The queue ended the job because its deadline was reached",
    "OUT_OF_MEMORY": "The queue ended the job because it used more memory than it had asked for; "
    "ask for more in the submission script",
    "NODE_FAIL": "The queue ended the job because its node failed",
    "BOOT_FAIL": "The queue could not start the job because its node did not start",
    "LAUNCH_FAILED": "The queue could not start the job on its node",
    "PREEMPTED": "The queue ended the job to make room for another with higher priority",
    "REVOKED": "The job was moved to another cluster's queue",
    "CANCELLED": "The job was cancelled in the queue from outside",
    "SPECIAL_EXIT": "The queue put the job aside after a failure",
}
#: What SLURM writes when it ends a job that it may start again by itself.
_BEGIN_AGAIN = ("DUE TO JOB REQUEUE", "DUE TO NODE FAILURE", "DUE TO PREEMPTION")
#: Why a job waits, by SLURM's word for it, where the word alone leaves people in doubt; ``{id}`` is its id.
_WAITING = {
    "JobHeldUser": "it is held, release it with: scontrol release {id}",
    "JobHeldAdmin": "the cluster's administrator holds it",
    "job requeued in held state": "it is held, release it with: scontrol release {id}",
    "launch failed requeued held": "its node could not start it, release it with: scontrol release {id}",
    "JobHoldMaxRequeue": "it was requeued too often, release it with: scontrol release {id}",
    "BeginTime": "it starts at a set time, after a requeue within some minutes",
    "Dependency": "it waits for another job of the queue",
    "DependencyNeverSatisfied": "the job it waits for did not succeed, so it will never start; abort it",
    "PartitionDown": "the queue is closed",
    "PartitionInactive": "the queue is closed",
    "PartitionTimeLimit": "it asks for more time than the queue allows; abort it and ask for less",
    "PartitionNodeLimit": "it asks for more nodes than the queue has; abort it and ask for fewer",
    "PartitionConfig": "it asks for more than the queue allows; abort it and ask for less",
    "BadConstraints": "no node has what it asks for; abort it and ask for something else",
    "ReqNodeNotAvail": "the nodes it needs are down or reserved",
}
#: What queues write into the job's run.err when they end it, and the word for that.
_LOGGED = (
    ("DUE TO TIME LIMIT", "TIMEOUT"),
    ("DUE TO NODE FAILURE", "NODE_FAIL"),
    ("DUE TO PREEMPTION", "PREEMPTED"),
    ("oom_kill", "OUT_OF_MEMORY"),
    ("oom-kill", "OUT_OF_MEMORY"),
    ("Exceeded job memory limit", "OUT_OF_MEMORY"),
    ("TERM_MEMLIMIT", "OUT_OF_MEMORY"),
    ("TERM_RUNLIMIT", "TIMEOUT"),
    ("PBS: job killed: walltime", "TIMEOUT"),
    ("PBS: job killed: mem", "OUT_OF_MEMORY"),
    ("PBS: job killed: vmem", "OUT_OF_MEMORY"),
    (" CANCELLED AT ", "CANCELLED"),
)
_LOG_BYTES = 65536
#: Where queues tell a job its own id.
_ID_VARIABLES = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")


def ending_sentence(word: str, code: int | None = None) -> str:
    """Return why a job is over, by the queue's word (``TIMEOUT``); `code` is that of the script."""
    known = ENDINGS.get(word)
    if known:
        return f"{known} ({word})."
    if word == "COMPLETED":
        return "The submission script ended, but the job left no word on its own end; see the lines above."
    if word == "FAILED":
        how = f" with exit code {code}" if code else ""
        return f"The submission script ended{how} without a word from the job; see the lines above."
    if word:
        return f"The job is over in the queue ({word}), and left no word on its own end."
    return "The queue no longer knows the job, which left no word on its end."


def waiting_reason(word: str, identifier: str) -> str:
    """Return why a job waits: the queue's word, and what it means where that is not plain."""
    # ReqNodeNotAvail, UnavailableNodes:n3
    meaning = _WAITING.get(word) or _WAITING.get(word.partition(",")[0], "")
    return f"{word}: {meaning.format(id=identifier)}" if meaning else word


def may_begin_again(job_dir: str, start: int) -> bool:
    """Tell whether the queue ended the job in a way after which it may start it again by itself."""
    text = _tail(job_dir, start)
    return any(phrase in text for phrase in _BEGIN_AGAIN)


def logged_reason(job_dir: str, start: int) -> str:
    """Return why the queue ended a job, from what it wrote into run.err since byte `start`; "" if nothing."""
    text = _tail(job_dir, start)
    return next((ending_sentence(word) for phrase, word in _LOGGED if phrase in text), "")


def _tail(job_dir: str, start: int) -> str:
    """Return the end of run.err, of what was written since byte `start`."""
    try:
        with open(os.path.join(job_dir, "run.err"), "rb") as stream:
            size = stream.seek(0, 2)
            # Slurm begins the file anew unless the template says otherwise.
            stream.seek(max(start if start <= size else 0, size - _LOG_BYTES))
            return stream.read(_LOG_BYTES).decode(errors="replace")
    except OSError:
        return ""


def read_queue_file(job_dir: str) -> dict[str, Any]:
    """Return what ``queue.json`` says, or {} when there is none (or it cannot be read)."""
    try:
        with open(os.path.join(job_dir, QUEUE_FILE), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def own_id(job_dir: str) -> str | None:
    """Return the id of the job in whose script we run, None outside of a queue."""
    stored = read_queue_file(job_dir)
    if not stored:
        return None
    given = (os.environ.get(name) for name in _ID_VARIABLES)
    return str(stored.get("id") or "") or next((found for found in given if found), None)
