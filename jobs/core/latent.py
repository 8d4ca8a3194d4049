"""What the explorer needs of a model of motions or mixtures, whichever method made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.floating]


@runtime_checkable
class LatentModel(Protocol):
    """States of particles and the volumes that belong to them.

    P particles, L latent coordinates. Everything here may be called from a worker thread.
    """

    @property
    def embedding(self) -> FloatArray:
        """Latent coordinates, ``(P, L)``."""

    @property
    def metadata(self) -> Mapping[str, NDArray[np.generic]]:
        """Values per particle, ``(P,)`` each; first ``image_name`` (section and stack file)."""

    @property
    def half_set(self) -> NDArray[np.integer] | None:
        """Half-set of each particle ``(P,)``: 1, 2, or 0 = held out; None without half-sets."""

    @property
    def error(self) -> FloatArray | None:
        """Uncertainty per particle ``(P,)`` in Å, None when it is not known."""

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of decoded volumes, Å."""

    def decode(self, z: FloatArray) -> FloatArray:
        """Return the volume ``[z, y, x]`` of one state ``(L,)``."""


@runtime_checkable
class DisplacingModel(LatentModel, Protocol):
    """A latent model that also knows how points move."""

    def displace(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return where points go in one state.

        Parameters
        ----------
        z
            State, ``(L,)``.
        points_a
            Points ``(N, 3)``, (x, y, z) in Å relative to the centre voxel of the box.

        Returns
        -------
        ndarray
            The moved points, ``(N, 3)`` Å, in the same frame.
        """
