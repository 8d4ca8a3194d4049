"""The real declaration; only the work is another one."""

from __future__ import annotations

from dataclasses import replace

from jobs.dynamight.params import JOB_TYPE as REAL

JOB_TYPE = replace(
    REAL,
    module="fake_motion",
    tasks=tuple(task if task.viewer else replace(task, worker="fake_motion.work:run") for task in REAL.tasks),
    uses_torch=False,
)
