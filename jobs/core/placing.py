"""Where particles stand in their tomogram, and the one convention by which maps are put there; numpy only.

A placement ``[R | t]`` turns a point of a map into a point of the tomogram, both in Å and as ChimeraX shows
them: voxel 0 of a map lies at its header's origin, voxel 0 of the tomogram at zero. The centre of a map is
voxel ``D // 2``, as in RELION; it comes to lie on the centre of the particle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Texts = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Places:
    """`P` particles in their tomograms.

    Attributes
    ----------
    name
        `(P,)` identity of each particle, as the explorer knows it.
    tomogram
        `(P,)` name of its tomogram, empty where it is not known.
    centre_a
        `(P, 3)` x, y, z in Å from voxel 0 of the tomogram: coordinate minus origin. NaN where not known.
    rotation
        `(P, 3, 3)` RELION matrix, reference to tomogram; NaN where it is not known.
    notes
        Sentences for the user about what was assumed.
    pixel_size_a
        Å per pixel of the coordinates in the file; 0 when there is none.
    sources
        Files that were read for them, beside which reconstructions may lie.
    """

    name: Texts
    tomogram: Texts
    centre_a: Floats
    rotation: Floats
    notes: tuple[str, ...] = ()
    pixel_size_a: float = 0.0
    sources: tuple[Path, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Particles `(P,)` whose place is known."""
        return np.asarray(np.isfinite(self.centre_a).all(axis=1))

    @property
    def oriented(self) -> NDArray[np.bool_]:
        """Particles `(P,)` whose place and orientation are known."""
        return np.asarray(self.known & np.isfinite(self.rotation).all(axis=(1, 2)))

    def select(self, rows: NDArray[Any]) -> Places:
        """Return the particles of these rows, or of this mask."""
        return replace(
            self,
            name=self.name[rows],
            tomogram=self.tomogram[rows],
            centre_a=self.centre_a[rows],
            rotation=self.rotation[rows],
        )


@dataclass(frozen=True, eq=False)
class TomogramVolume:
    """A tomogram, which may be larger than memory.

    Attributes
    ----------
    data
        ``[z, y, x]``; may be a view of a file.
    voxel_size_a
        Edge of a voxel in Å.
    path
        Its file.
    """

    data: NDArray[Any]
    voxel_size_a: float
    path: Path


@dataclass(frozen=True)
class NeighbourFacts:
    """How the nearest neighbours of particles are, against the same particles with their labels shuffled.

    Attributes
    ----------
    n, tomograms
        Particles that have a neighbour in their tomogram, and in how many tomograms they lie.
    distance_a
        `(n,)` Å from each to its nearest neighbour.
    median_a
        Median of `distance_a`.
    agreement, control, control_spread
        How alike neighbours are (share with the same label, or the correlation of values), the mean of the
        same over shuffles of the labels within each tomogram, and their standard deviation.
    shuffled
        `(S,)` agreement of every shuffle.
    p_value
        Part of the shuffles with an agreement at least as large, the observed one counted among them.
    is_share
        True: agreement is a share; False: a correlation.
    sentence
        All of it in words.
    """

    n: int
    tomograms: int
    distance_a: Floats
    median_a: float
    agreement: float
    control: float
    control_spread: float
    shuffled: Floats
    p_value: float
    is_share: bool
    sentence: str


def placements(
    rotation: Floats,
    centre_a: Floats,
    box: int | Sequence[int],
    voxel_size_a: float,
    origin_a: Sequence[float] = (0.0, 0.0, 0.0),
) -> NDArray[np.float64]:
    """Return the placements `(P, 3, 4)` of a map on particles.

    Parameters
    ----------
    rotation : (P, 3, 3) array
        RELION matrices, reference to tomogram.
    centre_a : (P, 3) array
        Centres of the particles, x, y, z in Å from voxel 0 of the tomogram.
    box : int or sequence of int
        Side of the map in voxels, or its sides along x, y, z.
    voxel_size_a : float
        Å per voxel of the map.
    origin_a : sequence of float
        Place of voxel 0 in the header of the map, x, y, z in Å.
    """
    sides = np.broadcast_to(np.asarray(box, np.int64), (3,))
    middle = np.asarray(origin_a, float) + (sides // 2) * float(voxel_size_a)
    turn = np.asarray(rotation, np.float64)
    shift = np.asarray(centre_a, np.float64) - turn @ middle
    return np.concatenate([turn, shift[..., None]], axis=-1)


def place_points(points_a: Floats, placement: Floats) -> NDArray[np.float64]:
    """Return where points `(N, 3)` of a map come to lie: `(N, 3)`, or `(P, N, 3)` for many placements."""
    matrix = np.asarray(placement, np.float64)
    return np.asarray(points_a, np.float64) @ np.swapaxes(matrix[..., :3], -1, -2) + matrix[..., None, :, 3]


def upright(rotation: Floats) -> NDArray[np.float64]:
    """Return where the z axes of the reference point in the tomogram, unit vectors `(P, 3)`."""
    return np.asarray(rotation, np.float64)[..., :, 2]
