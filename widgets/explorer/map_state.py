"""One state of a molecule as the map pane shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class MapState:
    """A map, and the points and atoms that moved with it.

    Attributes
    ----------
    title
        What is shown, in words.
    volume
        ``[z, y, x]`` float32 at display size, in the grey scale of written maps; None to show points only.
    voxel_size_a
        Of that volume, Å.
    points_a
        ``(N, 3)`` moved Gaussians in Å relative to the box centre, None when the model has none.
    rest_a
        ``(N, 3)`` the same Gaussians in the consensus.
    point_values
        Values to colour Gaussians by, ``(N,)`` each, by the name shown in the menu, such as
        ``displacement (Å)``, ``amplitude``, ``width (Å)``, ``disagreement (Å)``.
    atoms_a
        ``(A, 3)`` moved atoms of the atomic model that was given to the pane.
    latent
        ``(L,)`` the state, None for the consensus.
    """

    title: str
    volume: FloatArray | None
    voxel_size_a: float
    points_a: FloatArray | None = None
    rest_a: FloatArray | None = None
    point_values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    atoms_a: FloatArray | None = None
    latent: FloatArray | None = None
