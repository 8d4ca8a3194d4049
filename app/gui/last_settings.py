"""The settings with which forms begin: those last used in the project, and those of settings files."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from app.project.project import Project
from jobs import registry
from jobs.core.declaration import JobOptions, JobType
from jobs.core.entry import load_function
from jobs.core.errors import UserError
from jobs.core.external import from_external
from jobs.core.job_star import JobStar, job_star_for, read_job_star


def save(project: Project, job_type: JobType, values: Mapping[str, str]) -> None:
    """Keep settings as those with which the form of this type begins."""
    project.save_settings(job_type.key, JobStar(job_type.label, values=dict(values)))


def remember(project: Project, job_type: JobType, options: JobOptions) -> None:
    """Keep the options of a start for the next, as RELION does; a failure of that matters little."""
    # a dry run is asked for each time; what it was done with is wanted again
    options = options.model_copy(update={t.switch: False for t in job_type.rehearsals if t.switch})
    with contextlib.suppress(UserError, OSError):
        project.save_settings(job_type.key, job_star_for(job_type, options))


def read_all(project: Project) -> dict[str, dict[str, str]]:
    """Return the settings last used for each job type, as far as there are any."""
    found = {}
    for key in registry.JOB_TYPES:
        settings = project.last_settings(key)
        if settings is not None and registry.by_label(settings.label) is registry.JOB_TYPES[key]:
            found[key] = understand(settings)[1]
    return found


def load(path: Path, project_dir: Path | None) -> tuple[str, dict[str, str], list[str]]:
    """Read settings of one of our types: a ``job.star``, or a file of the program that the type comes from.

    Returns
    -------
    key, values, remarks
        The type, texts by the names of its options, and sentences about what was not taken up.

    Raises
    ------
    UserError
        When it cannot be read, or belongs to another program.
    """
    declared = settings_type(path)
    if declared is None:
        return (*understand(read_job_star(path)), [])
    values, remarks = load_function(declared.settings_reader)(path, project_dir or path.parent)
    return declared.key, dict(values), list(remarks)


def settings_type(path: Path) -> JobType | None:
    """Return the type whose original program has settings files with this ending, None when there is none."""
    return next((t for t in registry.JOB_TYPES.values() if path.suffix.lower() in t.settings_suffixes), None)


def file_patterns() -> str:
    """Return the patterns of all settings files, for the choice of one."""
    others = [f"*{end}" for declared in registry.JOB_TYPES.values() for end in declared.settings_suffixes]
    return " ".join(["*.star", "run.job", *others])


def understand(found: JobStar) -> tuple[str, dict[str, str]]:
    """Return type and values of a settings file, if it is of one of our types.

    Raises
    ------
    UserError
        When it belongs to another program.
    """
    declared = registry.by_label(found.label)
    if declared is None:
        raise UserError(f"These are settings of another program ({found.label})", hint="Load them there")
    external = found.label.startswith("relion.external")
    return declared.key, from_external(declared, found.values) if external else dict(found.values)
