"""Results of a training and its analysis, for notebooks and scripts.

>>> from jobs.tomodrgn.results import open_results
>>> found = open_results("02_vae_z8_box256/analyze.29")      # or the folder of the training
>>> found.latent                                             # (P, zdim) place of every particle
>>> found.umap, found.labels                                 # (P, 2) and (P,), as analyze wrote them
>>> found.metadata["rlnDefocusU"]                            # (P,) any column of the particle file
>>> found.volume(found.latent[0])                            # (D, D, D) [z, y, x] map of the first particle
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.files import replacing
from jobs.formats.pickles import read_pickles, write_pickles
from jobs.tomodrgn.job_config import CONFIG
from jobs.tomodrgn.old_folders import TrainedFolder, open_folder

_ANALYSIS: Final = re.compile(r"analyze\.(\d+)")
_GROUPS: Final = re.compile(r"kmeans(\d+)")


@dataclass(frozen=True)
class Results:
    """A training, and what ``analyze`` found at one of its epochs.

    Attributes
    ----------
    training
        Folder of the training.
    epoch
        Counted from 0; None = the final files.
    analysis
        Folder of the analysis; None where there is none.
    """

    training: TrainedFolder
    epoch: int | None
    analysis: Path | None

    @cached_property
    def latent(self) -> NDArray[np.float32]:
        """``(P, zdim)`` place of every particle."""
        return self.training.latent(self.epoch)[0]

    @cached_property
    def log_variance(self) -> NDArray[np.float32] | None:
        """``(P, zdim)`` logarithm of its variance, None where the file has none."""
        return self.training.latent(self.epoch)[1]

    @cached_property
    def umap(self) -> NDArray[np.float32] | None:
        """``(P, 2)`` UMAP; None where it was not made."""
        path = None if self.analysis is None else self.analysis / "umap.pkl"
        return np.asarray(read_pickles(path)[0]) if path is not None and path.is_file() else None

    @property
    def group_counts(self) -> list[int]:
        """Numbers of groups for which there is a k-means."""
        if self.analysis is None:
            return []
        matches = (_GROUPS.fullmatch(entry.name) for entry in self.analysis.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    @property
    def labels(self) -> NDArray[np.integer]:
        """``(P,)`` group of every particle, of the k-means with most groups."""
        return self.labels_of()

    def labels_of(self, count: int | None = None) -> NDArray[np.integer]:
        """``(P,)`` group of every particle by the k-means with ``count`` groups, None = with most.

        Raises
        ------
        UserError
            When there is none.
        """
        return np.asarray(read_pickles(self._groups(count) / "labels.pkl")[0])

    def centres(self, count: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Particle ``(K,)`` and latent place ``(K, zdim)`` at the centre of each group."""
        folder = self._groups(count)
        rows = np.loadtxt(folder / "centers_ind.txt", ndmin=1).astype(np.int64)
        return rows, np.loadtxt(folder / "centers.txt", ndmin=2).reshape(len(rows), -1)

    def _groups(self, count: int | None) -> Path:
        known = self.group_counts
        if self.analysis is None or not known or (count is not None and count not in known):
            raise UserError(
                "there is no such k-means",
                path=self.analysis or self.training.path,
                hint=f"Run heteroscope tomodrgn analyze; known numbers of groups: {known}",
            )
        return self.analysis / f"kmeans{known[-1] if count is None else count}"

    @cached_property
    def metadata(self) -> Mapping[str, NDArray[Any]]:
        """Columns ``(P,)`` of the particle file by name, one value per particle.

        Raises
        ------
        UserError
            When the file cannot be found.
        """
        from jobs.tomodrgn.latent_columns import ParticleColumns

        return ParticleColumns(self.training.particles())

    @cached_property
    def _model(self) -> Any:
        return self.training.model(self.epoch)

    @property
    def pixel_size_a(self) -> float:
        """Å per voxel of volumes at the full box."""
        return float(self._model.pixel_size_a)

    def volume(self, z: Any = None, box: int | None = None) -> NDArray[np.float32]:
        """Return the volume ``(D, D, D)`` ``[z, y, x]`` of a latent place ``(zdim,)``.

        Parameters
        ----------
        z
            The place; None for a model without latent space.
        box
            An even number of voxels below the box of the images; None = that.
        """
        import torch

        place = None if z is None else torch.as_tensor(np.array(z, np.float32)).reshape(1, -1)
        return self._model.volumes(place, box=box)[0].cpu().numpy()

    def save_indices(self, path: str | Path, rows: Any) -> Path:
        """Write particles, counted from 0, as indices that ``filter_star --ind`` takes.

        ``rows`` are numbers or a mask ``(P,)``. The file counts in the particle file before any filter of the
        training where that is known (``UnfilteredParticleInds``).
        """
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else np.sort(chosen.astype(np.int64))
        if "UnfilteredParticleInds" in self.metadata:
            chosen = np.asarray(self.metadata["UnfilteredParticleInds"])[chosen].astype(np.int64)
        write_pickles(Path(path), chosen)
        return Path(path)

    def save_latent(self, path: str | Path, rows: Any) -> Path:
        """Write the latent places of particles as text that ``eval_vol --zfile`` takes."""
        with replacing(path) as file:
            np.savetxt(file, self.latent[np.asarray(rows)], fmt="%.8g")
        return Path(path)


def open_results(path: str | Path, epoch: int | None = None) -> Results:
    """Open the folder of a training, or of an analysis in it.

    Parameters
    ----------
    path
        The folder.
    epoch
        Counted from 0; None = that of the analysis; of a training the newest that has one, or else the
        newest.

    Raises
    ------
    UserError
        When it is neither.
    """
    from jobs.tomodrgn.analyze import resolve_epoch

    place = Path(path).absolute()
    match = _ANALYSIS.fullmatch(place.name)
    if match and not (place / CONFIG).is_file():
        training = open_folder(place.parent)
        return Results(training, resolve_epoch(training, int(match[1]) if epoch is None else epoch)[1], place)
    training = open_folder(place)
    if epoch is None:
        done = [int(m[1]) for entry in place.iterdir() if (m := _ANALYSIS.fullmatch(entry.name))]
        epoch = max(done) if done else None
    number, key = resolve_epoch(training, epoch)
    analysis = place / f"analyze.{number}"
    return Results(training, key, analysis if analysis.is_dir() else None)
