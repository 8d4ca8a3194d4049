"""The table of all job types; a new one is one import and one name in the list."""

from __future__ import annotations

from pathlib import Path

from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.dynamight import params as dynamight
from jobs.dynamo_processor import params as dynamo_processor
from jobs.import_files import params as import_files
from jobs.isac2 import params as isac2
from jobs.latents import params as latents
from jobs.simulate import params as simulate
from jobs.tomodrgn import params as tomodrgn

JOB_TYPES: dict[str, JobType] = {
    declared.key: declared
    for declared in (
        dynamight.JOB_TYPE,
        tomodrgn.JOB_TYPE,
        isac2.JOB_TYPE,
        latents.JOB_TYPE,
        dynamo_processor.JOB_TYPE,
        import_files.JOB_TYPE,
        simulate.JOB_TYPE,
    )
}


def job_type(key: str) -> JobType:
    """Return the job type of this key (``dynamight``).

    Raises
    ------
    UserError
        When there is none; the message names those that exist.
    """
    try:
        return JOB_TYPES[key]
    except KeyError:
        raise UserError(
            f"There is no job type '{key}'", hint=f"Choose one of {', '.join(JOB_TYPES)}"
        ) from None


def by_label(label: str) -> JobType | None:
    """Return the job type that a RELION type label means, None for other programs' jobs.

    As RELION does, the last dot-part is dropped until something is found, so that
    ``dynamight.explore`` is a DynaMight job.
    """
    labels = {declared.label: declared for declared in JOB_TYPES.values()}
    while label:
        if label in labels:
            return labels[label]
        label = label.rpartition(".")[0]
    return None


def of_job(label: str, folder: Path) -> JobType | None:
    """Return the type of a job, None when another program made it.

    Parameters
    ----------
    label
        RELION type label of the job.
    folder
        The job's folder; asked only where the label does not tell whose job it is.
    """
    declared = by_label(label)
    if declared is not None and declared.shares_label and not JobFolder(folder.parent, folder.name).runs():
        return None
    return declared
