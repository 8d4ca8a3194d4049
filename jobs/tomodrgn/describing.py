"""What the log says of the particles and images of a training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jobs.formats.tilt_particles import TiltParticles


def counted(particles: TiltParticles) -> str:
    """One sentence: how many, in how many images, how large."""
    counts = particles.counts
    return (
        f"{particles.n:,} particles in {particles.n_images:,} images ({counts.min()} to "
        f"{counts.max()} each), "
        f"box {particles.box} pixels of {particles.pixel_size_a:.4g} Å"
    )


def distributions(particles: TiltParticles) -> Iterator[str]:
    """A line on each distribution: images per particle, dose, tilt, defocus, tomograms."""
    defocus = 0.5 * (particles.defocus_u_a + particles.defocus_v_a)
    for name, values, unit in (
        ("Images per particle", particles.counts, ""),
        ("Dose of images", particles.dose, " e/Å²"),
        ("Tilt of images", particles.tilt_deg, "°"),
        ("Defocus of images", defocus[particles.ctf_known], " Å"),
    ):
        yield f"{name}: {_spread(np.asarray(values, np.float64), unit)}"
    names, counts = np.unique(particles.tomogram.astype(str), return_counts=True)
    if len(names) > 1:
        yield f"Tomograms: {len(names)}; particles in each: {_spread(counts.astype(np.float64), '')}"


def _spread(values: np.ndarray, unit: str) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "not known"
    low, quarter, middle, three, high = np.percentile(known, (0, 25, 50, 75, 100))
    some = "" if len(known) == len(values) else f" (not known for {len(values) - len(known)})"
    return (
        f"{low:.5g} to {high:.5g}{unit}, median {middle:.5g}, half within {quarter:.5g} to {three:.5g}{some}"
    )
