"""The settings a job in the project was made with, whoever made it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from jobs import registry
from jobs.core.declaration import JobOptions, JobType, from_values, specs, to_text
from jobs.core.errors import Problem, UserError
from jobs.core.external import from_external
from jobs.core.folder import JobFolder, OptionsRecord
from jobs.core.job_star import read_job_star


@dataclass(frozen=True)
class StoredJob:
    """A job's type and settings as they are on disk.

    Attributes
    ----------
    job_type, options
        What it is and with which options it ran (or will run).
    problems
        Values that could not be used; their defaults stand in ``options``.
    record
        The latest exact record, None for jobs that another program made.
    """

    job_type: JobType
    options: JobOptions
    problems: tuple[Problem, ...] = ()
    record: OptionsRecord | None = None


def read_stored(project_dir: Path, name: str) -> StoredJob:
    """Read a job's settings.

    What ``job.star`` says counts, because RELION's window may have changed it since; options that RELION does
    not know come from the latest ``options.NNN.json``.

    Raises
    ------
    UserError
        When the job belongs to another program, or its settings cannot be read.
    """
    job_star = read_job_star(project_dir / name)
    record: OptionsRecord | None = None
    # Jobs that RELION made have no record.
    with contextlib.suppress(UserError, OSError):
        record = JobFolder(project_dir, name).read_options()
    job_type = registry.of_job(job_star.label, project_dir / name)
    if job_type is None and record is not None:
        # RELION shortens the labels of External jobs when it rewrites their settings.
        job_type = registry.JOB_TYPES.get(record.type_key)
    if job_type is None:
        raise UserError(
            f"{name} is a job of type {job_star.label}, which this program shows but does not run",
            hint="Use RELION for it",
        )
    exact: dict[str, str] = {}
    if record is not None:
        known = {declared.name: declared for declared in specs(job_type.options)}
        exact = {n: to_text(known[n], value) for n, value in record.values.items() if n in known}
    external = job_star.label.startswith("relion.external")
    told = from_external(job_type, job_star.values) if external else job_star.values
    options, problems = from_values(job_type.options, {**exact, **told})
    return StoredJob(job_type, options, tuple(problems), record)
