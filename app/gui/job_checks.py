"""What is checked of the options in a form, beside the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.runner.checks import find_problems
from jobs.core.declaration import CheckContext, JobOptions, JobType
from jobs.core.errors import Problem, UserError


def job_validator(
    job_type: JobType, project_dir: Path, name: str | None, lacks_task: Callable[[str], None]
) -> Callable[[JobOptions], list[Problem]]:
    """Return what checks the options of a new job, or of the continuation of the one with this name.

    Nobody did anything wrong who has only opened a finished job: that a continuation has no task is handed to
    `lacks_task`, to be said at the button, and is no problem of the form.
    """

    def validate(options: JobOptions) -> list[Problem]:
        problems = find_problems(project_dir, job_type, options, name=name)
        lacking = _lacks_task(job_type, options, project_dir / name) if name is not None else ""
        lacks_task(lacking)
        return [problem for problem in problems if problem.message != lacking]

    return validate


def job_describer(job_type: JobType, project_dir: Path) -> Callable[[JobOptions], Mapping[str, str]] | None:
    """Return what says beside fields what their values mean; None where a type of job has nothing to say."""
    captions = job_type.captions
    if captions is None:
        return None
    context = CheckContext(project_dir)
    return lambda options: captions(options, context)


def _lacks_task(job_type: JobType, options: JobOptions, job_dir: Path) -> str:
    """Return the message with which a continuation is refused because no task is chosen, else nothing."""
    if any(task.switch and getattr(options, task.switch) for task in job_type.tasks):
        return ""
    try:
        job_type.task_for(options, True, job_dir)
    except UserError as error:
        return error.message
    return ""
