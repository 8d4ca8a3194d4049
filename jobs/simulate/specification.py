"""What to simulate, as one record: structure, motions, microscope, poses and noise."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from jobs.core.errors import UserError

Vector = tuple[float, float, float]
MotionKind = Literal["hinge", "twist", "slide", "breathing"]
RegionKind = Literal["all", "chain", "plane", "sphere"]


@dataclass(frozen=True)
class ChainSpec:
    """A random chain of beads inside a ball, 3.8 Å from bead to bead."""

    name: str
    n_beads: int
    centre_a: Vector
    radius_a: float


@dataclass(frozen=True)
class StructureSpec:
    """The molecule: random chains, a map, or an atomic model.

    Attributes
    ----------
    chains
        Chains to draw, one after the other from one generator; used when ``path`` is empty.
    path
        Map (``.mrc``, ``.map``) or atomic model (``.pdb``, ``.cif``, ``.ent``).
    sigma_a
        Width of each Gaussian in Å; None chooses one that suits the source.
    threshold
        Density above which voxels of a map are kept; None finds one.
    voxel_size_a
        Voxel size of a map whose header does not say (or says wrongly); None trusts the header.
    max_points
        A map with more voxels above the threshold is binned until it has fewer.
    seed
        Seed of the random chains.
    """

    chains: tuple[ChainSpec, ...] = ()
    path: str = ""
    sigma_a: float | None = None
    threshold: float | None = None
    voxel_size_a: float | None = None
    max_points: int = 60_000
    seed: int = 0


@dataclass(frozen=True)
class RegionSpec:
    """Which part of the molecule moves.

    Attributes
    ----------
    kind
        ``all``; ``chain`` of this ``name``; ``plane``: everything on the side of ``point`` to which
        ``normal`` shows; ``sphere`` of ``radius`` about ``point``.
    name
        Chain name(s), separated by commas.
    point_a, normal, radius_a
        Centred Å. None: the plane goes through the point that leaves ``fraction`` of the mass on its far
        side.
    softness_a
        Width over which the motion fades at a plane or sphere, so that nothing is torn apart.
    fraction
        See ``point_a``.
    """

    kind: RegionKind = "all"
    name: str = ""
    point_a: Vector | None = None
    normal: Vector = (0.0, 0.0, 1.0)
    radius_a: float = 30.0
    softness_a: float = 0.0
    fraction: float = 1 / 3


@dataclass(frozen=True)
class MotionSpec:
    """One motion with one parameter per particle.

    Attributes
    ----------
    kind
        ``hinge`` and ``twist`` turn the region about ``axis`` through ``centre`` (degrees, right-handed),
        ``slide`` shifts it along ``axis`` (Å), ``breathing`` moves it away from ``centre`` in proportion to
        the distance (Å at the region's rms distance).
    low, high
        Range of the parameter, uniformly distributed.
    states
        Discrete values instead, equally frequent.
    axis, centre_a
        None chooses: a hinge turns about an axis across the plane's normal through the interface, a twist
        about the normal; a slide goes across the normal; breathing is about the region's centre of mass.
    """

    kind: MotionKind
    low: float
    high: float
    region: RegionSpec = field(default_factory=RegionSpec)
    axis: Vector | None = None
    centre_a: Vector | None = None
    states: tuple[float, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class SimulationSpec:
    """Everything that decides a simulated data set.

    Attributes
    ----------
    structure, motions
        The molecule and how it moves; no motions make a rigid control.
    n_images, box, pixel_size_a
        Size of the data set; the box is even.
    snr
        Variance of the stack without noise, CTF applied, divided by that of the noise.
    voltage_kv, spherical_aberration_mm, amplitude_contrast, phase_shift_deg, bfactor_a2
        Microscope, the same for all images.
    defocus_low_a, defocus_high_a, astigmatism_a
        Mean defocus is uniform in the range; half the difference U - V is uniform up to half of
        ``astigmatism_a`` at a uniform angle.
    shift_px
        Particles are off the centre by up to this in x and y; the STAR file says so.
    pose_error_deg, pose_error_px
        Standard deviation of the error in the *written* angles (about a random axis) and origins (per axis).
    absent_fraction
        Fraction of the particles in which the region of the first motion is missing.
    noise_only
        No particle at all; everything else stays, so that it can be told from the real thing.
    halves
        Write ``rlnRandomSubset`` and half-maps.
    unit_noise
        Scale the images so that the noise, not the signal, has standard deviation 1 (as RELION normalises).
    seed
        Every random quantity has its own generator derived from it; changing one setting leaves the others'
        draws.
    name
        Name of the recipe.
    """

    structure: StructureSpec
    motions: tuple[MotionSpec, ...] = ()
    n_images: int = 2000
    box: int = 64
    pixel_size_a: float = 3.0
    snr: float = 0.1
    voltage_kv: float = 300.0
    spherical_aberration_mm: float = 2.7
    amplitude_contrast: float = 0.1
    phase_shift_deg: float = 0.0
    bfactor_a2: float = 0.0
    defocus_low_a: float = 8_000.0
    defocus_high_a: float = 25_000.0
    astigmatism_a: float = 0.0
    shift_px: float = 0.0
    pose_error_deg: float = 0.0
    pose_error_px: float = 0.0
    absent_fraction: float = 0.0
    noise_only: bool = False
    halves: bool = True
    unit_noise: bool = False
    seed: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        for value, text in (
            (self.n_images >= 2, f"at least 2 images are needed, not {self.n_images}"),
            (self.box >= 8 and self.box % 2 == 0, f"the box must be even and at least 8, not {self.box}"),
            (self.pixel_size_a > 0, f"the pixel size must be positive, not {self.pixel_size_a}"),
            (self.snr > 0, f"the signal-to-noise ratio must be positive, not {self.snr}"),
            (self.defocus_low_a <= self.defocus_high_a, "the lowest defocus is above the highest"),
            (
                0 <= self.amplitude_contrast < 1,
                f"amplitude contrast must be in [0, 1), not {self.amplitude_contrast}",
            ),
            (
                0 <= self.absent_fraction <= 1,
                f"the absent fraction must be in [0, 1], not {self.absent_fraction}",
            ),
            (
                self.absent_fraction == 0 or self.motions,
                "a region can be absent only where a motion names it",
            ),
        ):
            if not value:
                raise UserError(text)

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SimulationSpec:
        """Read back what :meth:`to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        structure = dict(values["structure"])
        structure["chains"] = tuple(
            ChainSpec(**{**chain, "centre_a": tuple(chain["centre_a"])}) for chain in structure["chains"]
        )
        values["structure"] = StructureSpec(**structure)
        values["motions"] = tuple(_motion(motion) for motion in values["motions"])
        return cls(**values)

    def with_changes(self, **changes: Any) -> SimulationSpec:
        """Copy with other values."""
        return replace(self, **changes)


def _motion(values: dict[str, Any]) -> MotionSpec:
    region = dict(values["region"])
    region["point_a"], region["normal"] = _vector(region["point_a"]), tuple(region["normal"])
    return MotionSpec(
        **{
            **values,
            "region": RegionSpec(**region),
            "axis": _vector(values["axis"]),
            "centre_a": _vector(values["centre_a"]),
            "states": tuple(values["states"]),
        }
    )


def _vector(values: list[float] | None) -> Vector | None:
    return None if values is None else (values[0], values[1], values[2])
