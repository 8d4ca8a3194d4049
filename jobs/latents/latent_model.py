"""A foreign latent space as the explorer sees it: volumes come from the particles themselves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.latent import Cloud, ParticleView
from jobs.latents.particle_images import ForeignColumns
from jobs.latents.regression import KernelRegression
from jobs.maths.fourier import pad_rfft, rfft_to_volume, volume_to_rfft

Float32 = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.floating]

#: Volumes that are looked at hold no detail beyond that of this box; maps that are saved have all of it.
SHOWN_BOX: Final = 96
_KEPT: Final = 32


class ForeignModel:
    """Places of particles and their volumes (:class:`jobs.core.latent.LatentModel`).

    Parameters
    ----------
    regression
        Makes the volumes.
    latent
        ``(P, L)`` places.
    """

    def __init__(self, regression: KernelRegression, latent: Float32) -> None:
        self._regression, self._latent = regression, latent
        self._columns = ForeignColumns(regression.particles)
        distance = np.linalg.norm(latent - latent.mean(0), axis=1).astype(np.float32)
        self._measures: dict[str, npt.NDArray[Any]] = {"distance": distance}
        self._known: OrderedDict[tuple[bytes, int], Float32] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def abilities(self) -> frozenset[str]:
        """Volumes only: nothing is known of displacements, and nothing predicts an image."""
        return frozenset()

    @property
    def embedding(self) -> Float32:
        """Places ``(P, L)``, in the order of the particle file."""
        return self._latent.copy()

    @property
    def metadata(self) -> Mapping[str, npt.NDArray[Any]]:
        """Columns of the particle file, ``image_name`` first."""
        return self._columns

    @property
    def measures(self) -> Mapping[str, npt.NDArray[Any]]:
        """Distance of each particle from the mean place."""
        return self._measures

    @property
    def half_set(self) -> npt.NDArray[np.integer] | None:
        """Half-set of each particle, where the file states it."""
        half = self._regression.particles.content.half
        return half if bool(np.any(half)) else None

    @property
    def error(self) -> None:
        """Not known."""
        return None

    @property
    def box(self) -> int:
        """Side of the box in voxels."""
        return self._regression.particles.box

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of volumes at full size, Å."""
        return self._regression.particles.pixel_size_a

    @property
    def origin_a(self) -> tuple[float, float, float]:
        """Place of voxel 0 of written maps, (x, y, z) in Å."""
        return (0.0, 0.0, 0.0)

    def decode(self, z: FloatArray | None, box: int | None = None) -> Float32:
        """Volume ``[z, y, x]`` of a place ``(L,)``, of the mean place for None.

        Where a box is asked for, detail is limited to that of :data:`SHOWN_BOX` voxels along a side; larger
        boxes are filled by interpolation. Without a box the volume has the full box and all detail.

        Raises
        ------
        ValueError
            If the place has another number of coordinates, or the box makes no sense.
        """
        place = self._latent.mean(0) if z is None else np.asarray(z, np.float32)
        if place.shape != self._latent.shape[1:] or not np.isfinite(place).all():
            wanted = self._latent.shape[1]
            raise ValueError(f"a state has {wanted} finite coordinates, not {np.asarray(place).tolist()}")
        side = self.box
        if box is not None:
            if int(box) < 2 or int(box) % 2:
                raise ValueError(f"a map has an even number of voxels along each side, not {box}")
            side = min(int(box), self.box)
        key = (np.ascontiguousarray(place).tobytes(), side)
        # One at a time: the stacks of a volume are those of its neighbours.
        with self._lock:
            if key not in self._known:
                made = side if box is None else min(side, SHOWN_BOX)
                volume = self._regression.volume(place, made).volume
                self._known[key] = _finer(volume, side).numpy().astype(np.float32)
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
            return self._known[key].copy()

    def displace(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Raise NotImplementedError: volumes are not made of moving points."""
        raise NotImplementedError("a foreign latent space does not tell how points move")

    def cloud(self) -> Cloud:
        """Raise NotImplementedError: there are no Gaussians."""
        raise NotImplementedError("a foreign latent space has no Gaussians")

    def features(self) -> Float32:
        """Raise NotImplementedError: there are no deformations."""
        raise NotImplementedError("a foreign latent space has no deformations")

    def disagreement(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Raise NotImplementedError: there is one latent space for all particles."""
        raise NotImplementedError("a foreign latent space is one for both half-sets")

    def errors(self, z: FloatArray, points_a: FloatArray) -> Float32:
        """Raise NotImplementedError: there are no displacements to be wrong."""
        raise NotImplementedError("a foreign latent space does not tell how points move")

    def particle_view(self, index: int) -> ParticleView:
        """Raise NotImplementedError: nothing predicts an image."""
        raise NotImplementedError("a foreign latent space does not predict images")


def _finer(volume: torch.Tensor, box: int) -> torch.Tensor:
    """The same density with more voxels, by zeros beyond the highest frequency."""
    side = volume.shape[-1]
    if side == box:
        return volume
    padded = pad_rfft(volume_to_rfft(volume), box, ndim=3)
    return rfft_to_volume(padded, box) * (box / side) ** 1.5
