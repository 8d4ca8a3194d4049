"""New jobs, continuations and scheduled jobs: checked, entered into the project, and started."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import resources
from app.project.project import Project
from app.runner import cluster, ending
from app.runner.checks import (
    OptionProblems,
    find_problems,
    gpu_for,
    is_cluster_job,
    refuse,
    task_to_run,
)
from app.runner.deaths import bury
from app.runner.outcome import outcome_of, read_worker
from app.runner.queue_jobs import queue_states
from app.runner.queue_record import forget_queue, write_queue_record
from app.runner.spawn import keeper_command, spawn, spawn_program, worker_command
from app.runner.stored import StoredJob, read_stored
from jobs.core.declaration import JobOptions, JobType, Task, to_values
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder, make_record
from jobs.core.job_star import job_star_for, read_job_star, write_job_star

__all__ = [
    "RUNNING",
    "SCHEDULED",
    "OptionProblems",
    "command_line",
    "continue_job",
    "find_problems",
    "refuse_running",
    "run_scheduled",
    "start_job",
    "start_scheduled",
    "status_of",
    "task_of",
]

RUNNING, SCHEDULED = "Running", "Scheduled"
#: Submission template used when the field is empty.
TEMPLATE = "slurm.sh"


@dataclass(frozen=True)
class _Plan:
    """One run, decided but not started."""

    job_type: JobType
    options: JobOptions
    task: Task
    is_continue: bool

    @property
    def inputs(self) -> list[tuple[str, str]]:
        return self.job_type.input_nodes(self.options)

    @property
    def outputs(self) -> list[tuple[str, str]]:
        return [(node.path, node.label) for node in self.task.outputs]

    def prepare(self, project_dir: Path, name: str) -> None:
        """Write the settings of the next run into the job's folder."""
        folder = JobFolder(project_dir, name)
        run = folder.next_run()
        write_job_star(
            folder.job_star, job_star_for(self.job_type, self.options, is_continue=self.is_continue)
        )
        record = make_record(
            self.job_type,
            self.options,
            project_dir=project_dir,
            run=run,
            task=self.task.name,
            is_continue=self.is_continue,
            command=worker_command(self.job_type.module, name, run),
        )
        folder.write_options(run, record)
        # The project clears the markers; with an old record the job would look dead before it is started.
        folder.worker_json.unlink(missing_ok=True)
        forget_queue(folder.path)


def command_line(
    project: Project, job_type: JobType, options: JobOptions, name: str | None = None
) -> list[str]:
    """Return the command line that would be run; nothing is written.

    Parameters
    ----------
    project
        The project.
    job_type, options
        What would be done.
    name
        Job that would be continued; None = a new one with the number it would get now.
    """
    if name is None:
        name, run = f"{job_type.directory}/job{project.pipeline.counter:03d}/", 1
    else:
        run = JobFolder(project.path, name).next_run()
    return worker_command(job_type.module, name, run)


def start_job(
    project: Project, job_type: JobType, options: JobOptions, *, schedule: bool = False, alias: str = ""
) -> str:
    """Make a new job and start it.

    Parameters
    ----------
    project
        The project.
    job_type, options
        What is to be done.
    schedule
        True: only enter it as Scheduled.
    alias
        A name for it, "" = none.

    Returns
    -------
    str
        Its name, ``DynaMight/job034/``.

    Raises
    ------
    OptionProblems
        When the options are not fit; nothing is written then.
    UserError
        When the project is locked or read-only, or the worker cannot be started (the job is Failed then).
    """
    refuse(find_problems(project.path, job_type, options, waiting=schedule))
    plan = _Plan(job_type, options, task_to_run(job_type, options, None), is_continue=False)
    process = project.new_job(
        job_type.directory,
        job_type.label,
        inputs=plan.inputs,
        outputs=plan.outputs,
        status=SCHEDULED if schedule else RUNNING,
        prepare=lambda job_dir, name: plan.prepare(project.path, name),
        alias=alias,
    )
    if not schedule:
        _launch(project, process.name, plan)
    return process.name


def continue_job(
    project: Project, name: str, job_type: JobType, options: JobOptions, *, schedule: bool = False
) -> str:
    """Run a further task of a job, or take up its unfinished work; returns the name.

    A job that is still waiting as Scheduled is started with these options.

    Raises
    ------
    OptionProblems, UserError
        As :func:`start_job`; also when the job is running.
    """
    refuse_running(project, name)
    folder = JobFolder(project.path, name)
    is_new = _is_new(project, folder)
    refuse(find_problems(project.path, job_type, options, name=None if is_new else name, waiting=schedule))
    plan = _Plan(
        job_type, options, task_to_run(job_type, options, None if is_new else folder.path), not is_new
    )
    ending.keep_outcome(str(folder.path), max(folder.runs(), default=0))
    project.continue_job(
        name,
        inputs=plan.inputs,
        outputs=plan.outputs,
        status=SCHEDULED if schedule else RUNNING,
        prepare=lambda job_dir, job_name: plan.prepare(project.path, job_name),
    )
    if not schedule:
        _launch(project, name, plan)
    return name


def task_of(project: Project, job_type: JobType, options: JobOptions, name: str | None) -> Task | None:
    """Return the task that a start with these options would do, None when it would be refused.

    `name` is the job that would be continued; None = a new one.
    """
    with contextlib.suppress(UserError):
        folder = JobFolder(project.path, name) if name is not None else None
        is_new = folder is None or _is_new(project, folder)
        return task_to_run(job_type, options, None if is_new or folder is None else folder.path)
    return None


def _is_new(project: Project, folder: JobFolder) -> bool:
    """Tell whether a job only waits as Scheduled and has never begun."""
    waits = status_of(project, folder.name) == SCHEDULED
    return waits and read_worker(folder.path) is None and not _has_run(folder)


def _has_run(folder: JobFolder) -> bool:
    return folder.exit_status() is not None or folder.run_out.exists()


def start_scheduled(project: Project, name: str, *, place: str = "") -> str:
    """Start a job that waits as Scheduled, with the options it was scheduled with; returns the name.

    `place` is the GPU that a queue has found for a job that takes any.

    Raises
    ------
    OptionProblems, UserError
        As :func:`start_job`; also when the job is not Scheduled or belongs to another program.
    """
    if status_of(project, name) != SCHEDULED:
        raise UserError(f"{name} is {status_of(project, name)}, not Scheduled")
    stored = read_stored(project.path, name)
    refuse(stored.problems)
    folder = JobFolder(project.path, name)
    is_continue = stored.record.is_continue if stored.record is not None else False
    refuse(find_problems(project.path, stored.job_type, stored.options, name=name if is_continue else None))
    task = task_to_run(stored.job_type, stored.options, folder.path if is_continue else None)
    plan = _Plan(stored.job_type, stored.options, task, is_continue)
    run = _run_to_start(folder, stored)

    def prepare(job_dir: Path, job_name: str) -> None:
        # Seen under the lock, so that of two programs only one starts the job.
        if status_of(project, job_name) != SCHEDULED:
            raise UserError(f"{job_name} was started by another program this moment")
        if run is None:
            # Scheduled by another program, or changed by it since: this is a record of its own.
            plan.prepare(project.path, job_name)
        folder.worker_json.unlink(missing_ok=True)
        forget_queue(folder.path)

    project.continue_job(name, inputs=plan.inputs, outputs=plan.outputs, status=RUNNING, prepare=prepare)
    _launch(project, name, plan, run, place)
    return name


def _run_to_start(folder: JobFolder, stored: StoredJob) -> int | None:
    """Return the run whose record was written when the job was scheduled, if it still tells the truth."""
    if stored.record is None or stored.record.values != stored.options.model_dump():
        return None
    worker = read_worker(folder.path)
    return None if worker is not None and worker.run == stored.record.run else stored.record.run


def status_of(project: Project, name: str) -> str:
    """Return the status of a job.

    Raises
    ------
    UserError
        When the project has no such job.
    """
    process = project.pipeline.process(name)
    if process is not None:
        return process.status
    raise UserError(f"The project has no job {name}", path=project.path)


def refuse_running(project: Project, name: str) -> None:
    """Raise UserError when a job is running (its worker would be doubled); a dead one is entered as such."""
    bury(project, name)
    project.check_completion()
    if status_of(project, name) == RUNNING:
        waits = any(state.waits for _, state in queue_states(project.path, [name]).values())
        if waits or not outcome_of(project.path / name).is_over:
            raise UserError(f"{name} is running", hint="Wait for its end, or abort it first")


def _launch(project: Project, name: str, plan: _Plan, run: int | None = None, place: str = "") -> None:
    """Start the worker of a job that stands in the project as Running; on failure the job is Failed."""
    folder = JobFolder(project.path, name)
    run = run or max(folder.runs())
    command = worker_command(plan.job_type.module, name, run)
    try:
        if is_cluster_job(plan.options):
            command = _submit(folder, plan, run, command)
        else:
            threads = int(getattr(plan.options, "nr_threads", 1))
            gpu = gpu_for(plan.job_type, plan.options, place, plan.task)
            spawn(project.path, name, command, run=run, gpu=gpu, threads=threads)
    except UserError as error:
        ending.end_silently(str(folder.path), str(error), aborted=False)
        project.check_completion()
        raise
    except KeyboardInterrupt:
        # A worker that has started already sees the request; without one the job is over.
        folder.request_abort()
        if read_worker(folder.path) is None:
            ending.end_silently(str(folder.path), ending.describe_end(None, None, aborted=True), aborted=True)
        raise
    folder.append_note([shlex.join(command)])
    # The next new job of this type begins with these settings.
    with contextlib.suppress(UserError):
        project.save_settings(plan.job_type.key, read_job_star(folder.job_star))


def _submit(folder: JobFolder, plan: _Plan, run: int, command: list[str]) -> list[str]:
    values = to_values(plan.options)
    given = values.get("qsubscript", "")
    template = folder.project_dir / given if given else resources.template(TEMPLATE)
    about = {"gpu": "", "run": run, "settle": True, "queued": True}
    threads = int(getattr(plan.options, "nr_threads", 1))
    whole = cluster.shell_command(keeper_command(folder.name, about, command), threads)
    record = cluster.submit(folder.project_dir, folder.name, values, template, whole)
    write_queue_record(folder.path, replace(record, run=run))
    return [*shlex.split(values["qsub"]), f"{folder.name}{cluster.SCRIPT}"]


def run_scheduled(project: Project, names: Sequence[str], *, schedule: str = "schedule1") -> None:
    """Run scheduled jobs one after another in a process of their own, which outlives this one.

    Parameters
    ----------
    project
        The project.
    names
        Jobs, in the order in which they are to run.
    schedule
        Name of the schedule; its log is ``pipeline_<schedule>.log``.

    Raises
    ------
    UserError
        When there is nothing to run, or a job is not Scheduled.
    """
    if not names:
        raise UserError("There are no scheduled jobs to run", hint="Use Schedule to add some")
    for name in names:
        if status_of(project, name) != SCHEDULED:
            raise UserError(f"{name} is {status_of(project, name)}, not Scheduled")
        read_stored(project.path, name)
    log = Path(project.path) / f"pipeline_{schedule}.log"
    spawn_program(project.path, "app.runner.schedule", ["--schedule", schedule, *names], log)
