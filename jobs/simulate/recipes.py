"""Named data sets: the hinge R1, its rigid control R2, three domains with two motions, and noise."""

from __future__ import annotations

from jobs.core.errors import UserError
from jobs.simulate.specification import ChainSpec, MotionSpec, RegionSpec, SimulationSpec, StructureSpec

_TWO_CHAINS = StructureSpec(
    chains=(
        ChainSpec("A", 400, (0.0, 0.0, -22.0), 27.0),
        ChainSpec("B", 250, (0.0, 0.0, 30.0), 19.0),
    ),
    sigma_a=3.0,
)

# 300 + 200 + 100 beads: a body, a third of the mass that twists, a sixth that slides. The balls barely
# overlap.
_THREE_DOMAINS = StructureSpec(
    chains=(
        ChainSpec("A", 300, (0.0, 0.0, -18.0), 25.0),
        ChainSpec("B", 200, (20.0, 8.0, 24.0), 20.0),
        ChainSpec("C", 100, (-24.0, -10.0, 20.0), 14.0),
    ),
    sigma_a=3.0,
)


def _hinge(low: float, high: float) -> MotionSpec:
    return MotionSpec(
        "hinge",
        low,
        high,
        RegionSpec("chain", "B"),
        axis=(0.0, 1.0, 0.0),
        centre_a=(0.0, 0.0, 8.0),
        name="hinge of B",
    )


RECIPES: dict[str, SimulationSpec] = {
    "R1": SimulationSpec(_TWO_CHAINS, (_hinge(-30.0, 30.0),), name="R1"),
    "R2": SimulationSpec(_TWO_CHAINS, (), name="R2"),
    "three_domains": SimulationSpec(
        _THREE_DOMAINS,
        (
            MotionSpec(
                "twist",
                -25.0,
                25.0,
                RegionSpec("chain", "B"),
                axis=(0.6, -0.48, 0.64),
                centre_a=(10.0, 4.0, 3.0),
                name="twist of B",
            ),
            MotionSpec(
                "slide", -7.0, 7.0, RegionSpec("chain", "C"), axis=(0.36, 0.8, 0.48), name="slide of C"
            ),
        ),
        shift_px=2.0,
        astigmatism_a=1_000.0,
        name="three_domains",
    ),
    "noise": SimulationSpec(_TWO_CHAINS, (), noise_only=True, name="noise"),
}


def recipe(name: str) -> SimulationSpec:
    """Return the recipe of this name.

    Raises
    ------
    UserError
        When there is none; the message names those that exist.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UserError(f"there is no recipe '{name}'", hint=f"Choose one of {', '.join(RECIPES)}") from None
