"""Whether a job may start: everything that is wrong with its options, told together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.runner.devices import AUTO, best_gpu, is_auto, slot_of, slot_of_one
from app.runner.gpus import GpuChoice, choose_gpu
from jobs.core.declaration import CheckContext, JobOptions, JobType, Task, specs
from jobs.core.errors import Problem, UserError
from jobs.core.options import Kind


class OptionProblems(UserError):
    """The options of a job are not fit to start it; all problems are told together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.sentence for problem in problems))
        self.problems = tuple(problems)


def gpu_for(job_type: JobType, options: JobOptions, place: str = "", task: Task | None = None) -> GpuChoice:
    """Return the GPUs these options ask for; types without a GPU option get none.

    A queue that has found a place for a job that takes any GPU names it as `place`. A task that uses one GPU
    gets the first; without a task all that are named are given.

    Raises
    ------
    UserError
        When it does not exist.
    """
    for declared in specs(job_type.options):
        if declared.kind is Kind.GPU:
            wanted = place or str(getattr(options, declared.name))
            several = task is None or task.many_devices
            wanted = best_gpu() if is_auto(wanted) else wanted
            return choose_gpu(wanted, default=str(declared.default), several=several)
    return GpuChoice(None, "")


def slot_for(job_type: JobType, options: JobOptions, task: Task | None = None) -> str:
    """Return the slot for which a job waits; "" when it begins at once.

    Types that have no GPU option (imports and the like) are short and never wait. Jobs for a cluster wait in
    its queue. A task that uses one GPU waits for the first to be free of those that are named.

    Raises
    ------
    UserError
        When its GPU does not exist.
    """
    if is_cluster_job(options):
        return ""
    for declared in specs(job_type.options):
        if declared.kind is Kind.GPU:
            if is_auto(str(getattr(options, declared.name))):
                return AUTO
            one = task is not None and not task.many_devices
            # all that are named are looked up: with `task` only the first would be
            return (slot_of_one if one else slot_of)(gpu_for(job_type, options).text)
    return ""


def is_cluster_job(options: JobOptions) -> bool:
    """Tell whether the job goes to a cluster's queue."""
    return bool(getattr(options, "do_queue", False))


def find_problems(
    project_dir: Path,
    job_type: JobType,
    options: JobOptions,
    *,
    name: str | None = None,
    waiting: bool = False,
) -> list[Problem]:
    """Return everything that keeps a job from being started, and warnings.

    Parameters
    ----------
    project_dir
        The project.
    job_type, options
        What is to be done.
    name
        Job that is continued; None = a new one.
    waiting
        True for a job that is only scheduled: input files and GPU need not be there yet.
    """
    job_dir = project_dir / name if name else None
    context = CheckContext(project_dir, is_continue=name is not None, job_dir=job_dir)
    problems = job_type.problems(options, context)
    paths = {d.name: str(getattr(options, d.name)) for d in specs(job_type.options) if d.is_path}
    if waiting:
        return [
            p
            for p in problems
            if not (paths.get(p.field or "") and not (project_dir / paths[p.field or ""]).exists())
        ]
    if not is_cluster_job(options):
        try:
            gpu_for(job_type, options)
        except UserError as error:
            problems.append(Problem(error.message, field=error.column, hint=error.hint))
    return problems


def refuse(problems: Sequence[Problem]) -> None:
    """Raise OptionProblems when there is an error among problems; warnings pass."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise OptionProblems(errors)


def task_to_run(job_type: JobType, options: JobOptions, job_dir: Path | None) -> Task:
    """Return the task that options ask for.

    Parameters
    ----------
    job_type, options
        What is to be done.
    job_dir
        Folder of the job that is continued; None = a new job.

    Raises
    ------
    UserError
        When none or several are chosen, or the task opens a window instead of starting a worker.
    """
    task = job_type.task_for(options, job_dir is not None, job_dir)
    if task.viewer:
        raise UserError(
            f"'{task.label}' opens a window and is no job",
            hint="Open it from the job in the window, or with: heteroscope explore JOB",
        )
    return task
