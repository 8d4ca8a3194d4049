"""What to simulate of stable classes: one object in a few views, turned and shifted, and noise alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from jobs.core.errors import UserError
from jobs.simulate.specification import ChainSpec, StructureSpec


@dataclass(frozen=True)
class ClassSpec:
    """Everything that decides a simulated set of particles in few views.

    Attributes
    ----------
    structure
        Chains, map or atomic model. A map is projected as it is; its voxel size is the pixel size.
    n_views
        Directions of view, spread over the half sphere (each the farthest from those before it).
    n_images
        Images of the object, shared out evenly among the views.
    noise_fraction
        So many images of noise alone are added for every image of the object (0.15: 15 %).
    mirrored_fraction
        Share of the images of each view that are seen from the opposite side, hence as the mirror image.
    box, pixel_size_a
        Size of the images; the box is even.
    snr
        Variance of the images of the object with CTF, over the whole box, divided by that of the noise.
    shift_px
        Particles are off the centre by up to this in x and in y; the particles' STAR file does not tell.
    voltage_kv, spherical_aberration_mm, amplitude_contrast, phase_shift_deg
        Microscope.
    has_ctf
        False leaves images and STAR file without CTF.
    defocus_low_a, defocus_high_a, astigmatism_a
        Defocus, uniform in the range; largest difference between its two values.
    seed
        Every random quantity has its own generator derived from it.
    name
        Name of the recipe.
    """

    structure: StructureSpec
    n_views: int = 20
    n_images: int = 4000
    noise_fraction: float = 0.15
    mirrored_fraction: float = 0.5
    box: int = 76
    pixel_size_a: float = 2.0
    snr: float = 0.1
    shift_px: float = 2.0
    voltage_kv: float = 300.0
    spherical_aberration_mm: float = 2.7
    amplitude_contrast: float = 0.1
    phase_shift_deg: float = 0.0
    has_ctf: bool = True
    defocus_low_a: float = 8_000.0
    defocus_high_a: float = 25_000.0
    astigmatism_a: float = 0.0
    seed: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        for good, text in (
            (self.n_views >= 1, f"at least 1 view is needed, not {self.n_views}"),
            (self.n_images >= self.n_views, f"{self.n_images:,} images are too few for {self.n_views} views"),
            (self.noise_fraction >= 0, f"the share of noise cannot be negative: {self.noise_fraction}"),
            (0 <= self.mirrored_fraction <= 1, f"a share lies between 0 and 1: {self.mirrored_fraction}"),
            (self.box >= 8 and self.box % 2 == 0, f"the box must be even and at least 8, not {self.box}"),
            (self.pixel_size_a > 0, f"the pixel size must be positive, not {self.pixel_size_a}"),
            (self.snr > 0, f"the signal-to-noise ratio must be positive, not {self.snr}"),
            (self.shift_px >= 0, f"the largest shift cannot be negative: {self.shift_px}"),
            (self.defocus_low_a <= self.defocus_high_a, "the lowest defocus is above the highest"),
        ):
            if not good:
                raise UserError(text)

    @property
    def n_noise(self) -> int:
        """Images of noise alone."""
        return round(self.noise_fraction * self.n_images)

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps({"class_views": asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> ClassSpec:
        """Read back what :meth:`to_json` wrote."""
        values: dict[str, Any] = json.loads(text)["class_views"]
        structure = dict(values["structure"])
        structure["chains"] = tuple(
            ChainSpec(**{**chain, "centre_a": tuple(chain["centre_a"])}) for chain in structure["chains"]
        )
        return cls(**values | {"structure": StructureSpec(**structure)})

    def with_changes(self, **changes: Any) -> ClassSpec:
        """Copy with other values."""
        return replace(self, **changes)


# The molecule of R1 at rest, with finer pixels, so that it fills the box that stable classes are found in.
R5 = ClassSpec(
    StructureSpec(
        chains=(
            ChainSpec("A", 400, (0.0, 0.0, -22.0), 27.0),
            ChainSpec("B", 250, (0.0, 0.0, 30.0), 19.0),
        ),
        sigma_a=3.0,
    ),
    name="R5",
)

#: Recipes of particles in few views by the name that users choose.
CLASS_RECIPES = {"R5": R5}
