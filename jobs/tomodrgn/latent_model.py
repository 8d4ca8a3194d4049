"""A trained tomoDRGN model as the explorer sees it: states of particles, and the volume of any state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.latent import PARTICLE_VIEW, Cloud, ParticleView
from jobs.tomodrgn.latent_columns import ParticleColumns
from jobs.tomodrgn.particle_view import ParticleViewer
from jobs.tomodrgn.trained_model import Trained

Float32 = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.floating]


class TomoLatentModel:
    """One state of a training (:class:`jobs.core.latent.LatentModel`); nothing is known of displacements.

    Parameters
    ----------
    trained
        Its networks.
    mean, log_variance
        ``(P, zdim)`` places of the particles, and the logarithms of their variances where they are known.
    columns
        What is known of the particles.
    half_set
        ``(P,)`` 1 or 2, or None.
    viewer
        Shows particles beside their projections; None where that cannot be done.
    """

    def __init__(
        self,
        trained: Trained,
        mean: Float32,
        log_variance: Float32 | None,
        columns: ParticleColumns,
        half_set: npt.NDArray[np.int64] | None,
        viewer: ParticleViewer | None = None,
    ) -> None:
        self._viewer = viewer
        self._trained, self._mean, self._columns = trained, mean, columns
        self._half_set = half_set
        self._measures: dict[str, npt.NDArray[Any]] = {}
        self._measures["distance"] = np.linalg.norm(mean - mean.mean(0), axis=1).astype(np.float32)
        if log_variance is not None:
            spread = np.exp(0.5 * log_variance.astype(np.float64))
            self._measures["latent_spread"] = np.sqrt((spread**2).mean(1)).astype(np.float32)

    @property
    def abilities(self) -> frozenset[str]:
        """Particles are shown where their images can be read; a volume does not say what moved."""
        return frozenset({PARTICLE_VIEW} if self._viewer is not None else ())

    @property
    def embedding(self) -> Float32:
        """Latent places ``(P, zdim)``, in the order of the particle file."""
        return self._mean.copy()

    @property
    def metadata(self) -> Mapping[str, npt.NDArray[Any]]:
        """Columns of the particle file, ``image_name`` first; read when they are asked for."""
        return self._columns

    @property
    def measures(self) -> Mapping[str, npt.NDArray[Any]]:
        """Distance of each particle from the mean state, and how wide its posterior is."""
        return self._measures

    @property
    def half_set(self) -> npt.NDArray[np.integer] | None:
        """Half-set of each particle by the particle file; the model was trained on both."""
        return self._half_set

    @property
    def error(self) -> None:
        """Not known."""
        return None

    @property
    def box(self) -> int:
        """Side of the box in voxels."""
        return self._trained.box

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of volumes at full size, Å."""
        return self._trained.pixel_size_a

    @property
    def origin_a(self) -> tuple[float, float, float]:
        """Place of voxel 0 of written maps, (x, y, z) in Å."""
        return (0.0, 0.0, 0.0)

    def decode(self, z: FloatArray | None, box: int | None = None) -> Float32:
        """Volume ``[z, y, x]`` of a state ``(zdim,)``, of the mean state of all particles for None.

        Raises
        ------
        ValueError
            If the state has another number of coordinates, or the box makes no sense.
        """
        state = self._mean.mean(0) if z is None else np.asarray(z, np.float32)
        if state.shape != self._mean.shape[1:] or not np.isfinite(state).all():
            wanted = self._mean.shape[1]
            raise ValueError(f"a state has {wanted} finite coordinates, not {np.asarray(state).tolist()}")
        side = None if box is None else int(box)
        if side is not None and (side < 2 or side % 2):
            raise ValueError(f"a map has an even number of voxels along each side, not {side}")
        if side is not None and side > self.box:
            side = self.box
        place = torch.from_numpy(np.ascontiguousarray(state[None], np.float32))
        volume = self._trained.volumes(place, box=side)[0]
        return volume.cpu().numpy().astype(np.float32, copy=False)

    def displace(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Raise NotImplementedError: volumes are not made of moving points."""
        raise NotImplementedError("a tomoDRGN model does not tell how points move")

    def cloud(self) -> Cloud:
        """Raise NotImplementedError: there are no Gaussians."""
        raise NotImplementedError("a tomoDRGN model has no Gaussians")

    def features(self) -> Float32:
        """Raise NotImplementedError: there are no deformations."""
        raise NotImplementedError("a tomoDRGN model has no deformations")

    def disagreement(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Raise NotImplementedError: there is one model for all particles."""
        raise NotImplementedError("a tomoDRGN model is trained on both half-sets together")

    def errors(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Raise NotImplementedError: there are no displacements to be wrong."""
        raise NotImplementedError("a tomoDRGN model does not tell how points move")

    def particle_view(self, index: int) -> ParticleView:
        """Image of a particle with the least dose, and the projection of its volume with the same CTF.

        Raises
        ------
        IndexError
            If there is no such particle.
        NotImplementedError
            Of models that another program trained.
        UserError
            If the image is missing or damaged.
        """
        if self._viewer is None:
            raise NotImplementedError("particles of models of other programs are not projected")
        if not 0 <= index < len(self._mean):
            raise IndexError(f"particle {index} of {len(self._mean)}")
        return self._viewer.view(index, self._mean[index])
