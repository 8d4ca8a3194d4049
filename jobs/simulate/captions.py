"""What stands beside fields of the form: a data set or a motion in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jobs.core.declaration import CheckContext

if TYPE_CHECKING:
    from jobs.simulate.params import SimulateOptions

RECIPES: Final = {
    "R1": "hinge",
    "R2": "rigid control of R1",
    "three_domains": "twist and slide",
    "noise": "no particle at all",
    "R4": "tilt series, four kinds",
    "R5": "views for 2D classes",
    "custom": "your map or model",
}
MOTIONS: Final = {
    "none": "rigid",
    "hinge": "bends, in degrees",
    "twist": "turns, in degrees",
    "slide": "shifts, in Å",
    "breathing": "swells, in Å",
}


def captions(options: SimulateOptions, context: CheckContext) -> Mapping[str, str]:
    """Return what to write beside fields, by the names of the options."""
    return {"recipe": RECIPES.get(options.recipe, ""), "motion": MOTIONS.get(options.motion, "")}
