"""Where the particles of a job are, for the tomogram window."""

from __future__ import annotations

from pathlib import Path

from jobs.core.placing import Places
from jobs.dynamo_processor.scan import read_preview
from jobs.formats.placed_particles import read_places


def places(job_dir: Path, project_dir: Path, path: Path | None) -> Places:
    """Return the places of a job's particles, or those of another file.

    Parameters
    ----------
    job_dir, project_dir
        Folders of job and project.
    path
        Another file with places; None for those of the job.

    Raises
    ------
    UserError
        When the job has not been run, or the other file holds no places.
    """
    return read_preview(job_dir) if path is None else read_places(path, project_dir)
