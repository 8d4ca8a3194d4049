"""Where a job given on a command line belongs, and how its files are named from there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def below(project: Path, path: str) -> str:
    """A path as seen from the project, absolute when it lies elsewhere."""
    if not path:
        return path
    absolute = Path(path).absolute()
    return str(absolute.relative_to(project)) if absolute.is_relative_to(project) else str(absolute)


def project_of(job: Path, files: Sequence[str] = ()) -> Path:
    """Folder of the project that a job belongs to.

    It is the one with a pipeline above the job; without one, the current folder if the job lies in it, else
    the folder two levels up.

    Parameters
    ----------
    job: Path
        Job folder, absolute.
    files: sequence of str
        Inputs of the job as it names them: where no folder has a pipeline, the one in which they exist is
        the project.
    """
    for folder in job.parents:
        if (folder / "default_pipeline.star").exists():
            return folder
    here = Path.cwd()
    likely = [here] if job.is_relative_to(here) and job != here else []
    likely += [job.parent.parent, job.parent]
    present = [folder for folder in likely if files and all((folder / name).exists() for name in files)]
    return (present or likely)[0]
