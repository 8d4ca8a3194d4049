"""The explorer's door to a job that opened a latent space of another program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from jobs.core.errors import UserError
from jobs.core.latent import ExploredModel, Snapshot
from jobs.latents.folder import FACTS, fingerprint, read_folder
from jobs.latents.latent_model import ForeignModel
from jobs.latents.particle_images import read_foreign_particles
from jobs.latents.regression import KernelRegression


def source(job_dir: Path, project_dir: Path) -> ForeignSource:
    """Open a job for the explorer."""
    return ForeignSource(job_dir, project_dir)


class ForeignSource:
    """The latent space of a job (:class:`jobs.core.latent.LatentSource`).

    Parameters
    ----------
    job_dir, project_dir
        Job folder and project.
    """

    def __init__(self, job_dir: Path, project_dir: Path) -> None:
        self._job, self._project_dir = job_dir, project_dir
        self._model: tuple[tuple[int, int], ForeignModel] | None = None

    @property
    def half_sets(self) -> Sequence[int]:
        """One latent space for all particles."""
        return (0,)

    def snapshots(self) -> Sequence[Snapshot]:
        """The one state there is, once the job has read it."""
        path = self._job / FACTS
        return [Snapshot("final", None, path)] if path.is_file() else []

    def open(self, half: int, snapshot: Path | None = None) -> ExploredModel:
        """Open the latent space.

        Raises
        ------
        UserError
            If files are missing, damaged, or do not belong together.
        """
        if half != 0:
            raise UserError(f"there is no half-set {half}: all particles share one latent space")
        facts, latent, rows = read_folder(self._job)
        status = (self._job / FACTS).stat()
        key = (status.st_mtime_ns, status.st_size)
        if self._model is None or self._model[0] != key:
            path = self._project_dir / facts.particles
            particles = read_foreign_particles(path, self._project_dir, facts.kind)
            if len(rows) and int(rows.max()) >= particles.n:
                raise _other(path)
            particles = particles.select(rows)
            if fingerprint(particles.names) != facts.fingerprint:
                raise _other(path)
            regression = KernelRegression(
                particles, latent, facts.effective, kernel=facts.kernel, sign=facts.sign, seed=facts.seed
            )
            self._model = (key, ForeignModel(regression, latent))
        return cast("ExploredModel", self._model[1])


def _other(path: Path) -> UserError:
    return UserError(
        "the particles of this file are no longer those that the latent space was opened with",
        path=path,
        hint="Restore the file, or open the latent space again.",
    )
