"""What to simulate of tilt series: mixtures of molecules seen in many tilted images each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from jobs.core.errors import UserError
from jobs.simulate.specification import ChainSpec, StructureSpec


@dataclass(frozen=True)
class TiltSpec:
    """Everything that decides a simulated set of tilt-series particles.

    Attributes
    ----------
    structure
        Chains of the whole molecule.
    species
        Names of the chains, separated by ``+``, that each kind of particle has; equally frequent.
    n_particles, box, pixel_size_a
        Size of the data set; the box is even.
    tilt_low_deg, tilt_high_deg, tilt_step_deg
        Stage tilts about the y axis, taken from the smallest angle to the largest (dose-symmetric).
    dose_per_tilt
        Exposure of each image in e/Å²; signal is lost by the law of Grant and Grigorieff (2015).
    snr
        Variance of the untilted, undamaged images with CTF divided by that of the noise of every image.
    voltage_kv, spherical_aberration_mm, amplitude_contrast
        Microscope.
    defocus_low_a, defocus_high_a
        Defocus, uniform in the range, the same in all images of a particle.
    shift_px
        Images are off the centre by up to this in x and y; the STAR file says so.
    tilts_lost
        Up to this many images of a particle are missing, at random, so that particles have unequal numbers.
    n_tomograms
        The particles are shared out among so many tomograms.
    invert
        Write the images with dark particles, as they come from the microscope.
    seed
        Every random quantity has its own generator derived from it.
    name
        Name of the recipe.
    """

    structure: StructureSpec
    species: tuple[str, ...]
    n_particles: int = 500
    box: int = 32
    pixel_size_a: float = 6.0
    tilt_low_deg: float = -60.0
    tilt_high_deg: float = 60.0
    tilt_step_deg: float = 3.0
    dose_per_tilt: float = 3.0
    snr: float = 0.05
    voltage_kv: float = 300.0
    spherical_aberration_mm: float = 2.7
    amplitude_contrast: float = 0.1
    defocus_low_a: float = 8_000.0
    defocus_high_a: float = 25_000.0
    shift_px: float = 0.0
    tilts_lost: int = 0
    n_tomograms: int = 4
    invert: bool = False
    seed: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        for good, text in (
            (self.n_particles >= 2, f"at least 2 particles are needed, not {self.n_particles}"),
            (self.box >= 8 and self.box % 2 == 0, f"the box must be even and at least 8, not {self.box}"),
            (self.pixel_size_a > 0, f"the pixel size must be positive, not {self.pixel_size_a}"),
            (self.snr > 0, f"the signal-to-noise ratio must be positive, not {self.snr}"),
            (self.tilt_step_deg > 0, f"the step between tilts must be positive, not {self.tilt_step_deg}"),
            (self.tilt_low_deg <= self.tilt_high_deg, "the lowest tilt is above the highest"),
            (self.defocus_low_a <= self.defocus_high_a, "the lowest defocus is above the highest"),
            (self.tilts_lost >= 0, "the number of missing images cannot be negative"),
            (bool(self.species), "at least one kind of particle is needed"),
        ):
            if not good:
                raise UserError(text)

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps({"tilt_series": asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> TiltSpec:
        """Read back what :meth:`to_json` wrote."""
        values: dict[str, Any] = json.loads(text)["tilt_series"]
        structure = dict(values["structure"])
        structure["chains"] = tuple(
            ChainSpec(**{**chain, "centre_a": tuple(chain["centre_a"])}) for chain in structure["chains"]
        )
        return cls(**values | {"structure": StructureSpec(**structure), "species": tuple(values["species"])})

    def with_changes(self, **changes: Any) -> TiltSpec:
        """Copy with other values."""
        return replace(self, **changes)


# Chain A is in every particle; B and C are there or not, independently of each other.
R4 = TiltSpec(
    StructureSpec(
        chains=(
            ChainSpec("A", 400, (0.0, 0.0, -22.0), 27.0),
            ChainSpec("B", 250, (0.0, 0.0, 30.0), 19.0),
            ChainSpec("C", 120, (26.0, 0.0, -30.0), 12.0),
        ),
        sigma_a=3.0,
    ),
    species=("A", "A+B", "A+C", "A+B+C"),
    name="R4",
)

#: Recipes of tilt series by the name that users choose.
TILT_RECIPES = {"R4": R4}
