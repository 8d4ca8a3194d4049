"""A finished DynaMight job as the explorer sees it: states of particles, volumes and displacements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from jobs.dynamight.displacements import find_checkpoint, particles_of
from jobs.dynamight.state import load_model


class DynaMightLatents:
    """One half-set of a trained job (:class:`jobs.core.latent.DisplacingModel`).

    Parameters
    ----------
    job, project_dir: Path
        Job folder and project.
    half: int
        Whose model decodes: 1 or 2.
    checkpoint: Path or None
        Checkpoint; the final one when None.
    """

    def __init__(self, job: Path, project_dir: Path, half: int = 1, checkpoint: Path | None = None) -> None:
        self._model = load_model(find_checkpoint(job, checkpoint))
        self._half = self._model.halves[half - 1]
        particles = particles_of(self._model, project_dir).select(self._half.rows)
        self._metadata: dict[str, npt.NDArray[np.generic]] = {"image_name": particles.image_name}
        for name in particles.table.columns:
            self._metadata.setdefault(name, particles.table.text(name))

    @property
    def embedding(self) -> npt.NDArray[np.float32]:
        """Posterior means ``(P, L)``."""
        means: npt.NDArray[np.float32] = self._half.means.cpu().numpy()
        return means

    @property
    def metadata(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """Columns of the particle file as text, ``image_name`` first."""
        return self._metadata

    @property
    def half_set(self) -> npt.NDArray[np.int64]:
        """Half-set ``(P,)``, 0 for particles held out."""
        held_out = self._model.validation[self._half.rows]
        return np.where(held_out, 0, self._model.half[self._half.rows])

    @property
    def error(self) -> npt.NDArray[np.float32]:
        """Root mean square displacement ``(P,)`` in Å to which the uncertainty of the state amounts."""
        model = self._half.model
        with torch.no_grad():
            basis = model.basis(model.positions)
            flat = basis.reshape(-1, basis.shape[-1])
            gram = flat.T @ flat / model.n_points
            centre = model.field.coefficients(self._half.means)
            variance = torch.zeros(len(centre), device=centre.device)
            for k in range(self._half.means.shape[1]):
                step = torch.zeros_like(self._half.means)
                step[:, k] = self._half.log_sds[:, k].exp()
                change = model.field.coefficients(self._half.means + step) - centre
                variance += ((change @ gram) * change).sum(1)
        errors: npt.NDArray[np.float32] = variance.clamp(min=0).sqrt().cpu().numpy()
        return errors

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of decoded volumes, Å."""
        return self._model.frame.voxel_size_a

    def decode(self, z: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Volume ``[z, y, x]`` of one state ``(L,)``."""
        latent = torch.as_tensor(np.asarray(z), dtype=torch.float32)
        volume: npt.NDArray[np.float32] = self._half.model.volume(latent).cpu().numpy()
        return volume

    def displace(
        self, z: npt.NDArray[np.floating], points_a: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float32]:
        """Where points ``(N, 3)`` (Å, box centre) go in one state ``(L,)``."""
        points = torch.as_tensor(np.asarray(points_a), dtype=torch.float32)
        latent = torch.as_tensor(np.asarray(z), dtype=torch.float32)[None]
        with torch.no_grad():
            moved: npt.NDArray[np.float32] = (
                points + self._half.model.displacement(latent, points)[0]
            ).numpy()
        return moved
