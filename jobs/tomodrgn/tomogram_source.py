"""Where the particles of a training stand in their tomograms, for the window; torch is not needed."""

from __future__ import annotations

from pathlib import Path

from jobs.core.placing import Places
from jobs.formats.placed_particles import places_for, places_of, read_places
from jobs.tomodrgn.latent_columns import IMAGE_NAME, ParticleColumns
from jobs.tomodrgn.old_folders import open_folder


def places(job_dir: Path, project_dir: Path, coordinates: Path | None = None) -> Places:
    """Return the places of the particles of a job, under the names by which the explorer knows them.

    Parameters
    ----------
    job_dir, project_dir
        Folder of the job, and its project.
    coordinates
        Another file with the places of the same particles, such as the volume series of their images.

    Raises
    ------
    UserError
        When files are missing, or do not hold the same particles.
    """
    particles = open_folder(job_dir).particles(project_dir)
    names = ParticleColumns(particles)[IMAGE_NAME]
    if coordinates is None:
        return places_of(particles, names)
    return places_for(particles, read_places(coordinates, project_dir), coordinates, names)
