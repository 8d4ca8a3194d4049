"""The parameters that Dynamo has once per round, with the values of the original's sample file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class RoundParameter:
    """One parameter of a round.

    Attributes
    ----------
    name, long_name
        Dynamo's short name (``cr``) and long name (``cone_range``).
    kind
        ``whole`` or ``number``; ``shift``: one or three numbers; ``text``.
    sample
        Value of a new project: those of the sample file of the original.
    minimum, maximum, step, unit
        Limits and step of the field, and its unit.
    words
        What whole numbers mean, from the minimum on.
    label, help
        Text at the field and its explanation.
    """

    name: str
    long_name: str
    kind: Literal["whole", "number", "shift", "text"]
    sample: int | float | str
    label: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    words: tuple[str, ...] = ()


#: In the order in which the original's script sets them.
ROUND_PARAMETERS: Final[tuple[RoundParameter, ...]] = (
    RoundParameter(
        "ite", "ite", "whole", 1, "Iterations (ite):",
        "How often all particles are aligned and averaged in the round. 0: the round is left out.",
        0, None, 20, 1,
    ),
    RoundParameter(
        "cr", "cone_range", "number", 20, "Cone range (cr):",
        "Opening of the cone around the present axis of the particle in which axes are tried. 360: all.",
        0, 360, 360, 5, "°",
    ),
    RoundParameter(
        "cs", "cone_sampling", "number", 1, "Cone sampling (cs):",
        "Step between the axes that are tried in the cone; no more than the cone range.",
        0, 360, 90, 0.5, "°",
    ),
    RoundParameter(
        "ir", "inplane_range", "number", 30, "In-plane range (ir):",
        "Range of rotations about the particle's own axis (narot). 0: none; 360: all.",
        0, 360, 360, 5, "°",
    ),
    RoundParameter(
        "is", "inplane_sampling", "number", 1, "In-plane sampling (is):",
        "Step of the rotations about the particle's own axis.",
        0, 360, 90, 0.5, "°",
    ),
    RoundParameter(
        "rff", "refine_factor", "number", 2, "Refinement factor (rff):",
        "Size of the neighbourhood in which angles are refined, in steps of the level before.",
        0, None, 10, 1,
    ),
    RoundParameter(
        "rf", "refine", "whole", 5, "Refinement levels (rf):",
        "How often the step of the angles is halved around the best orientation of a particle.",
        0, None, 10, 1,
    ),
    RoundParameter(
        "dim", "dim", "whole", 64, "Particle side in this round (dim):",
        "Particles are resampled to a box of this side: that of the particles, or it divided by 2, 4 or 8.",
        1, None, 512, 8, "px",
    ),
    RoundParameter(
        "lim", "area_search", "shift", "10 10 10", "Shift limits (lim):",
        "How far a particle may be moved along x, y and z, in pixels of the full box: three numbers or one.",
        unit="px",
    ),
    RoundParameter(
        "limm", "area_search_modus", "whole", 1, "Shifts are counted from (limm):",
        "0: no limits. 1: the centre of the box. 2: the estimate of the iteration before. 3: that of the "
        "first iteration of the round. 4: that of the first iteration of the project.",
        0, 4, words=(
            "no limits", "the centre of the box", "the iteration before", "the round's first iteration",
            "the project's first iteration",
        ),
    ),
    RoundParameter(
        "nref", "nref", "whole", 1, "References (nref):",
        "Number of references that particles are compared with in the round.",
        1, None, 10, 1,
    ),
    RoundParameter(
        "high", "high", "number", 1, "High-pass (high):",
        "Frequencies below this are left out. In Fourier pixels of the full box: box side × pixel size / "
        "value is the length in Å, which the log says for every round.",
        0, None, 64, 1, "Fourier px",
    ),
    RoundParameter(
        "low", "low", "number", 18, "Low-pass (low):",
        "Frequencies above this are left out. In Fourier pixels of the full box: box side × pixel size / "
        "value is the resolution in Å, which the log says for every round.",
        1, None, 256, 1, "Fourier px",
    ),
    RoundParameter(
        "sym", "sym", "text", "c1", "Symmetry (sym):",
        "c1, c13 …, ico, cbo, or h[phi,dz] for a helix, with the axis along z.",
    ),
)  # fmt: skip
BY_NAME: Final = {parameter.name: parameter for parameter in ROUND_PARAMETERS}
