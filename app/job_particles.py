"""Which particle file a job was given."""

from __future__ import annotations

from pathlib import Path

from jobs.core.declaration import JobType, from_values
from jobs.core.errors import UserError
from jobs.core.external import from_external
from jobs.core.folder import JobFolder
from jobs.core.job_star import read_job_star

#: Start of the labels of particle files.
_PARTICLES = ("ParticleGroupMetadata", "TomoOptimisationSet")


def particle_file_of(project_dir: Path, job: str, job_type: JobType) -> Path:
    """Return the particle file that a job was given; for one of cryoSPARC, the STAR file the job made of it.

    Parameters
    ----------
    project_dir
        The project.
    job
        Name of the job.
    job_type
        Its type.

    Raises
    ------
    UserError
        When its settings name none.
    """
    folder = JobFolder(project_dir, job)
    try:
        found = read_job_star(folder.job_star)
        external = found.label.startswith("relion.external")
        values = from_external(job_type, found.values) if external else found.values
        options, _ = from_values(job_type.options, values)
    except (UserError, OSError):
        # a job of the command line leaves its exact record only
        options = job_type.options(**folder.read_options().values)
    for path, label in job_type.input_nodes(options):
        if label.startswith(_PARTICLES):
            return _as_star(project_dir / path, folder.path)
    raise UserError("the settings of this job name no particle file", path=folder.job_star)


def _as_star(path: Path, job: Path) -> Path:
    if path.suffix.lower() != ".cs":
        return path
    written = sorted(job.glob("*/particles.star"))
    if not written:
        raise UserError(
            "the job has not yet written its particles as a STAR file",
            path=path,
            hint="Wait for the job to finish.",
        )
    return written[0]
