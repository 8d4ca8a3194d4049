"""What the person at the map has chosen to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Representation = Literal["map", "points", "both"]
Comparison = Literal["side by side", "overlay", "difference"]

# Choices with what they are called.
REPRESENTATIONS: Final = (("map", "Map"), ("points", "Points"), ("both", "Map and points"))
COMPARISONS: Final = (
    ("side by side", "Side by side"),
    ("overlay", "On each other"),
    ("difference", "Difference"),
)
VIEWS: Final = (("front", "&Front"), ("back", "&Back"), ("side", "&Side"), ("top", "&Top"))

#: Colourings that every model has, beside the values of its points.
ONE_COLOUR: Final = "one colour"
POSITION: Final = "position (x, y, z as red, green, blue)"
#: Lengths of displacement arrows, as factors.
ARROW_SCALES: Final = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class MapOptions:
    """Choices; all surfaces share one level.

    Attributes
    ----------
    representation
        Maps, Gaussians, or both.
    level
        In the grey scale of the maps; None for one that shows the molecule.
    consensus_map, consensus_points, arrows, atoms
        What else is shown.
    arrow_scale
        By how much displacements are drawn longer than they are.
    colour_by
        A name among the values of the points, `ONE_COLOUR` or `POSITION`.
    colour_map
        Give the colours of the Gaussians to the map as well.
    comparison
        How two states are compared.
    difference_level
        Of the difference map, None for an automatic one.
    point_size
        Factor on the size of the Gaussians.
    dark
        Whether the background is dark.
    """

    representation: Representation = "map"
    level: float | None = None
    consensus_map: bool = False
    consensus_points: bool = False
    arrows: bool = False
    atoms: bool = True
    arrow_scale: float = 1.0
    colour_by: str = ""
    colour_map: bool = False
    comparison: Comparison = "side by side"
    difference_level: float | None = None
    point_size: float = 1.0
    dark: bool = False
