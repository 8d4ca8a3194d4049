"""What the explorer needs of a model of motions or mixtures, whichever method made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
Array = NDArray[Any]

#: What a model may know beyond :class:`LatentModel`; see :attr:`LatentModel.abilities`.
DISPLACE: Final = "displace"
CLOUD: Final = "cloud"
FEATURES: Final = "features"
DISAGREEMENT: Final = "disagreement"
ERRORS: Final = "errors"
PARTICLE_VIEW: Final = "particle_view"


@dataclass(frozen=True)
class Cloud:
    """The Gaussians of a consensus structure.

    Attributes
    ----------
    points_a
        ``(N, 3)`` float32, (x, y, z) in Å relative to the centre voxel of the box.
    amplitude
        ``(N,)`` float32, total weight of each.
    width_a
        ``(N,)`` float32, standard deviation in Å (mean over its classes of widths).
    """

    points_a: FloatArray
    amplitude: FloatArray
    width_a: FloatArray


@dataclass(frozen=True)
class ParticleView:
    """A particle image beside what the model expects it to look like.

    Attributes
    ----------
    name
        Identity of the particle, ``section@stack``.
    image
        ``[y, x]`` float32, as measured, centred by its shift.
    projection
        ``[y, x]`` float32, of the model in the state of the particle, with the CTF of the image.
    pixel_size_a
        Pixel size in Å.
    """

    name: str
    image: FloatArray
    projection: FloatArray
    pixel_size_a: float


@dataclass(frozen=True)
class Snapshot:
    """A state of a training that can be looked at: what it is called, how far it had come, its file."""

    label: str
    epoch: int | None
    path: Path


class LatentModel(Protocol):
    """States of particles and the volumes that belong to them.

    P particles, L latent coordinates, N points. Everything here may be called from a worker thread.
    """

    @property
    def abilities(self) -> frozenset[str]:
        """Which of the methods of :class:`DisplacingModel` and :class:`ImagingModel` work."""

    @property
    def embedding(self) -> FloatArray:
        """Latent coordinates, ``(P, L)`` float32."""

    @property
    def metadata(self) -> Mapping[str, Array]:
        """Values per particle, ``(P,)`` each: numbers where a column holds only numbers, else text.

        First comes ``image_name`` (section and stack file), the identity of the particle.
        """

    @property
    def measures(self) -> Mapping[str, Array]:
        """What the model found out about each particle, ``(P,)`` or, for directions and places, ``(P, 3)``.

        Names in use: ``amount`` (Å, rms over the Gaussians), ``direction`` (unit vectors), ``location`` (Å),
        ``shift`` (Å), ``pose`` (unit viewing directions), ``uncertainty`` (Å), ``difference`` (Å, between
        the models of the two half-sets), ``error`` (Å, see :attr:`error`).
        """

    @property
    def half_set(self) -> NDArray[np.integer] | None:
        """Half-set of each particle ``(P,)``: 1, 2, or 0 = held out; None without half-sets."""

    @property
    def error(self) -> FloatArray | None:
        """Expected error of the displacement of each particle ``(P,)``, rms Å.

        None when it is not known, or takes long and is left to :attr:`measures`.
        """

    @property
    def box(self) -> int:
        """Side of the box in voxels."""

    @property
    def voxel_size_a(self) -> float:
        """Voxel size of decoded volumes at full size, Å."""

    @property
    def origin_a(self) -> tuple[float, float, float]:
        """Place of voxel 0 of written maps, (x, y, z) in Å."""

    def decode(self, z: FloatArray | None, box: int | None = None) -> FloatArray:
        """Return the volume ``[z, y, x]`` float32 of one state ``(L,)``, of the consensus for None.

        With ``box`` the same cube of space is sampled with fewer voxels (side in voxels, even).
        """


class DisplacingModel(LatentModel, Protocol):
    """A latent model that also knows how points move."""

    def displace(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return where points ``(N, 3)`` go in one state ``(L,)``: the moved points ``(N, 3)`` float32.

        Points are (x, y, z) in Å relative to the centre voxel of the box.
        """

    def cloud(self) -> Cloud:
        """Return the Gaussians of the consensus."""

    def features(self) -> FloatArray:
        """Return ``(P, K)`` float32 whose Euclidean distances are rms differences of displacement in Å.

        Embedding these embeds the deformations of all Gaussians, at the cost of K numbers per particle.
        """

    def disagreement(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return how far apart the models of both half-sets move points in one state: ``(N,)`` float32 Å."""

    def errors(self, z: FloatArray, points_a: FloatArray) -> FloatArray:
        """Return how far points in one state are expected to be from the truth: ``(N,)`` float32 rms Å."""


class ImagingModel(LatentModel, Protocol):
    """A latent model that can show particles beside their projections."""

    def particle_view(self, index: int) -> ParticleView:
        """Return image and projection of a particle by its place in :attr:`embedding`.

        Raises
        ------
        UserError
            If the image file is missing or damaged.
        """


class ExploredModel(DisplacingModel, ImagingModel, Protocol):
    """Everything the explorer can use; methods beyond :attr:`abilities` raise NotImplementedError."""


class LatentSource(Protocol):
    """A result whose latent space can be explored, possibly while it is still being made.

    A job type names a function ``(job_dir: Path, project_dir: Path) -> LatentSource`` in
    ``JobType.explorer`` as ``module:function``.
    """

    @property
    def half_sets(self) -> Sequence[int]:
        """Half-sets that can be opened: 1, 2 and 0 (held out); ``(0,)`` when there are none."""

    def snapshots(self) -> Sequence[Snapshot]:
        """Return what can be looked at now, oldest first, the final one last."""

    def open(self, half: int, snapshot: Path | None = None) -> ExploredModel:
        """Open a half-set of a snapshot, the newest when None.

        Raises
        ------
        UserError
            If files are missing, damaged, or do not belong together.
        """
