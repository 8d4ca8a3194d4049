"""Folders of trained models: those of this program, and of both generations of tomoDRGN.

Nothing in such a folder is run: pickles are read as data, weights as tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.index_files import read_indices
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.job_config import CONFIG, JobConfig, read_config
from jobs.tomodrgn.outputs import epochs_of, latent_path, read_latent, weights_path

if TYPE_CHECKING:
    from jobs.tomodrgn.trained_model import Trained

#: Folders above the job in which a moved particle file is looked for.
_UPWARD: Final = 4


@dataclass(frozen=True)
class TrainedFolder:
    """A folder with a trained model, whoever trained it.

    Attributes
    ----------
    path
        The folder.
    config
        Its settings.
    """

    path: Path
    config: JobConfig

    @property
    def epochs(self) -> list[int]:
        """Epochs that have weights, counted from 0."""
        return epochs_of(self.path)

    @property
    def has_final(self) -> bool:
        """Whether the training was completed."""
        return weights_path(self.path).is_file()

    def weights(self, epoch: int | None = None) -> Path:
        """File of weights of an epoch; the final one for None, or else the newest.

        Raises
        ------
        UserError
            When there is none.
        """
        if epoch is None and not self.has_final and self.epochs:
            epoch = self.epochs[-1]
        found = weights_path(self.path, epoch)
        if not found.is_file():
            known = ", ".join(map(str, self.epochs)) or "none"
            raise UserError("the weights do not exist", path=found, hint=f"Epochs with weights: {known}")
        return found

    def latent_file(self, epoch: int | None = None, part: str = "train") -> Path | None:
        """File of latent places of an epoch (None: final, or else the newest), or None without one."""
        if epoch is None and not any(latent_path(self.path, None, p).is_file() for p in (part, "")):
            with_places = [e for e in self.epochs if self.latent_file(e, part)]
            return self.latent_file(with_places[-1], part) if with_places else None
        places = [latent_path(self.path, epoch, part)]
        if part == "train":
            places.append(latent_path(self.path, epoch))
        return next((place for place in places if place.is_file()), None)

    def latent(self, epoch: int | None = None, part: str = "train") -> tuple[np.ndarray, np.ndarray | None]:
        """Latent places ``(P, zdim)`` of the particles, and the logarithms of their variances if known.

        Raises
        ------
        UserError
            When there are none, or of another dimension than the model.
        """
        found = self.latent_file(epoch, part)
        if found is None:
            raise UserError(
                "there is no file of latent places",
                path=latent_path(self.path, epoch),
                hint="A train_nn model has none; of a train_vae model, embed the images again (eval_images)",
            )
        mean, log_variance = read_latent(found)
        if mean.shape[1] != self.config.zdim:
            raise UserError(
                f"places have {mean.shape[1]} coordinates, but the model has {self.config.zdim} dimensions",
                path=found,
            )
        return mean, log_variance

    @cached_property
    def project_dir(self) -> Path:
        """Folder to which paths in the settings are relative."""
        named = self.config.filtered_star or self.config.star
        for folder in (Path.cwd(), self.path, *self.path.parents):
            if named and not Path(named).is_absolute() and (folder / named).is_file():
                return folder
        for folder in self.path.parents:
            if (folder / "default_pipeline.star").is_file():
                return folder
        return self.path.parent

    def star(self, project_dir: Path | None = None) -> tuple[Path, bool]:
        """Find the particle file, also where it or the folder has moved.

        Returns
        -------
        tuple
            The file, and whether it holds the particles after all filters.

        Raises
        ------
        UserError
            When it is nowhere.
        """
        for named, filtered in ((self.config.filtered_star, True), (self.config.star, False)):
            found = self._find(named, project_dir) if named else None
            if found is not None:
                return found, filtered
        raise UserError(
            f"the particle file {self.config.star or self.config.filtered_star} is not where it was, nor "
            "in this folder or those above it",
            path=self.path,
            hint="Put it into the folder of the training, with the images beside it",
        )

    def _find(self, named: str, project_dir: Path | None) -> Path | None:
        path = Path(named)
        if path.is_absolute() and path.is_file():
            return path
        folders = [f for f in (project_dir, Path.cwd(), self.path) if f is not None]
        folders += list(self.path.parents)[:_UPWARD]
        # With its folders first; then by the last of them, then by its name alone.
        ends = [] if path.is_absolute() else [path]
        ends += [Path(*path.parts[-2:]), Path(path.name)]
        return next((f / end for end in ends for f in folders if (f / end).is_file()), None)

    def particles(self, project_dir: Path | None = None, *, images: bool = False) -> TiltParticles:
        """Read the particles of the training, in the order of the latent places.

        Parameters
        ----------
        project_dir
            Folder of the project.
        images
            Whether the stacks are to be looked at.

        Raises
        ------
        UserError
            When they cannot be found, or are not those of the training.
        """
        star, filtered = self.star(project_dir)
        config = self.config
        datadir = config.datadir or None
        particles = read_tilt_particles(
            star,
            project_dir or self.project_dir,
            datadir=datadir if datadir and Path(datadir).is_dir() else None,
            apix=config.angpix,
            dose_override=config.dose_override,
            require_images=images,
        )
        return particles if filtered else self._chosen(particles)

    def _chosen(self, particles: TiltParticles) -> TiltParticles:
        """Particles that the settings choose from an unfiltered file."""
        chosen = self.config.indices
        if isinstance(chosen, str):
            found = self._find(chosen, None)
            if found is None:
                raise UserError(f"the file of indices {chosen} is not found", path=self.path)
            chosen = read_indices(found, particles.n, "particles")
        return particles if chosen is None else particles.select(np.asarray(chosen, np.int64))

    def model(self, epoch: int | None = None, device: str = "cpu") -> Trained:
        """Build the networks of an epoch (None: the final ones, or else the newest).

        Raises
        ------
        UserError
            When the weights are missing, damaged, or do not fit the settings.
        """
        from jobs.tomodrgn.trained_model import load_trained

        return load_trained(self, epoch, device)


def open_folder(path: Path) -> TrainedFolder:
    """Open the folder of a training.

    Raises
    ------
    UserError
        When it is none.
    """
    if not path.is_dir():
        raise UserError("there is no such folder", path=path, hint="Give the folder of a training")
    if not (path / CONFIG).is_file():
        raise UserError(
            "this is not the folder of a tomoDRGN training: it holds no config.pkl",
            path=path,
            hint="Give the output folder of train_vae or train_nn",
        )
    return TrainedFolder(path.absolute(), read_config(path / CONFIG))
