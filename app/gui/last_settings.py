"""The settings with which forms begin: those last used in the project, and those of settings files."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from app.project.project import Project
from jobs import registry
from jobs.core.declaration import JobOptions, JobType
from jobs.core.errors import UserError
from jobs.core.external import from_external
from jobs.core.job_star import JobStar, job_star_for


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
