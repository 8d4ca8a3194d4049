"""What is asked of the map, and what is to be seen then: triangles and points with colours."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jobs.core.exploring import Atoms
from widgets.explorer.map_colours import ColourKey
from widgets.explorer.map_levels import Levels
from widgets.explorer.map_options import MapOptions
from widgets.explorer.map_state import MapState
from widgets.explorer.meshing import Mesh

Colours = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be shown; `number` tells one wish from another."""

    number: int
    state: MapState | None
    consensus: MapState | None
    other: MapState | None
    atoms: Atoms | None
    options: MapOptions


@dataclass(frozen=True, eq=False)
class SurfaceContent:
    """Triangles with colours ``(N, 3)`` of their own, or in the colour of their kind (None)."""

    mesh: Mesh
    colours: Colours | None = None


@dataclass(frozen=True, eq=False)
class PointsContent:
    """Places ``(N, 3)`` (z, y, x) in Å, colours ``(N, 4)`` and the diameter in Å."""

    places: NDArray[np.float32]
    colours: Colours
    diameter_a: float


@dataclass(frozen=True, eq=False)
class Picture:
    """Everything that is to be seen for a request.

    Attributes
    ----------
    surfaces, points
        By the names of layers, see :mod:`widgets.explorer.map_scene`.
    level, levels
        Of the maps.
    difference_level, differences
        Of the difference map, None without one.
    key
        What the colours mean, None for one colour.
    centre_a, radius_a
        A ball around the molecule, centre as (z, y, x).
    half_side_a
        Half the side of the box.
    hint
        What is missing, in words.
    """

    request: Request
    surfaces: dict[str, SurfaceContent] = field(default_factory=dict)
    points: dict[str, PointsContent] = field(default_factory=dict)
    level: float = 0.0
    levels: Levels | None = None
    difference_level: float = 0.0
    differences: Levels | None = None
    key: ColourKey | None = None
    centre_a: NDArray[np.float32] = field(default_factory=lambda: np.zeros(3, np.float32))
    radius_a: float = 0.0
    half_side_a: float = 1.0
    hint: str = ""
