"""The explorer's door to a tomoDRGN job or folder, whether this program made it or the original."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import numpy as np

from jobs.core.compute import free_device
from jobs.core.errors import UserError
from jobs.core.latent import ExploredModel, Snapshot
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.latent_columns import ParticleColumns
from jobs.tomodrgn.latent_model import TomoLatentModel
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.old_folders import TrainedFolder, open_folder
from jobs.tomodrgn.outputs import weights_path
from jobs.tomodrgn.particle_view import ParticleViewer

#: Models kept in memory; a slider over epochs goes to and fro between few of them.
_KEPT: Final = 4


def source(job_dir: Path, project_dir: Path) -> TomoSource:
    """Open a job for the explorer."""
    return TomoSource(job_dir, project_dir)


class TomoSource:
    """Checkpoints of a folder, finished or growing (:class:`jobs.core.latent.LatentSource`).

    Parameters
    ----------
    job_dir, project_dir
        Job folder and project.
    device
        Where volumes are computed; a free GPU, or else the CPU, when None.
    """

    def __init__(self, job_dir: Path, project_dir: Path, device: str | None = None) -> None:
        self._job, self._project_dir = job_dir, project_dir
        self._device = device or free_device()
        self._models: OrderedDict[tuple[Path, int, int], TomoLatentModel] = OrderedDict()
        self._columns: tuple[tuple[Path, int, int], TiltParticles, ParticleColumns] | None = None

    @property
    def half_sets(self) -> Sequence[int]:
        """One model for all particles."""
        return (0,)

    def snapshots(self) -> Sequence[Snapshot]:
        """Epochs with weights and latent places, the final state last."""
        try:
            folder = open_folder(self._job)
        except UserError:
            return []
        found = [
            Snapshot(f"epoch {epoch + 1}", epoch, weights_path(self._job, epoch))
            for epoch in folder.epochs
            if folder.latent_file(epoch)
        ]
        if folder.has_final and folder.latent_file():
            found.append(Snapshot("final", None, weights_path(self._job)))
        return found

    def open(self, half: int, snapshot: Path | None = None) -> ExploredModel:
        """Open a checkpoint, the newest when None.

        Raises
        ------
        UserError
            If files are missing, damaged, or do not belong together.
        """
        if half != 0:
            raise UserError(f"there is no half-set {half}: all particles share one model")
        folder = open_folder(self._job)
        if not folder.config.zdim:
            raise UserError(
                "a train_nn model has no latent space to explore",
                path=self._job,
                hint="Look at its volume, reconstruct.mrc",
            )
        epoch = self._epoch(snapshot)
        path = folder.weights(epoch)
        status = path.stat()
        key = (path, status.st_mtime_ns, status.st_size)
        if key not in self._models:
            self._models[key] = self._load(folder, epoch)
            while len(self._models) > _KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return cast("ExploredModel", self._models[key])

    def _epoch(self, snapshot: Path | None) -> int | None:
        if snapshot is None:
            shown = self.snapshots()
            if not shown:
                raise UserError(
                    "there is nothing to explore yet: no epoch has been completed",
                    path=self._job,
                    hint="Look again in a while",
                )
            return shown[-1].epoch
        number = snapshot.name.split(".")[1]
        return int(number) if number.isdigit() else None

    def _load(self, folder: TrainedFolder, epoch: int | None) -> TomoLatentModel:
        particles, columns = self._particles(folder)
        mean, log_variance = folder.latent(epoch)
        if len(mean) != particles.n:
            raise UserError(
                f"there are latent places of {len(mean):,} particles, but {particles.n:,} in the file",
                path=particles.path,
                hint="Restore the particle file that the model was trained on",
            )
        half_set = particles.half if bool(np.any(particles.half)) else None
        trained = folder.model(epoch, self._device)
        viewer = None
        if isinstance(trained.model, TomoModel):
            viewer = ParticleViewer(
                trained, folder.config, lambda: folder.particles(self._project_dir, images=True)
            )
        return TomoLatentModel(trained, mean, log_variance, columns, half_set, viewer)

    def _particles(self, folder: TrainedFolder) -> tuple[TiltParticles, ParticleColumns]:
        """The particle file, read again only when it has changed."""
        star, _ = folder.star(self._project_dir)
        status = star.stat()
        key = (star, status.st_mtime_ns, status.st_size)
        if self._columns is None or self._columns[0] != key:
            particles = folder.particles(self._project_dir)
            self._columns = (key, particles, ParticleColumns(particles))
        return self._columns[1], self._columns[2]
