"""Reconstruct a map and true half-maps from tilt images whose poses are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.backproject import Backprojector
from jobs.maths.masks import soft_sphere
from jobs.tomodrgn.contrast import Contrast, detect_contrast
from jobs.tomodrgn.half_maps import HalfMapCurves, compare_halves, figure_of_merit, limit
from jobs.tomodrgn.tilt_transforms import tilt_transforms

_PADDING = 2
#: Largest box that is reconstructed in a padded volume; beyond it, memory for little gain.
_PADDED_BOX = 256


@dataclass(frozen=True)
class BackprojectOptions:
    """How images become a map.

    Attributes
    ----------
    recon_tilt_weight, recon_dose_weight
        Whether loss of signal by tilt and dose is part of the model, in numerator and denominator alike.
    lowpass_a
        Resolution of the filtered map in Å; None: where the half-maps cease to agree (FSC 0.143).
    flip
        Change the handedness (the z axis is reversed).
    contrast
        Sign of the images, by :func:`jobs.tomodrgn.contrast.contrast_of`; None finds it from the images.
    lazy
        Read images when needed instead of keeping them in memory.
    regularisation
        Part of the mean weight of its shell added to every weight of the unfiltered maps.
    seed
        Of half-sets that the file does not state.
    batch
        Images of a portion.
    """

    recon_tilt_weight: bool = False
    recon_dose_weight: bool = False
    lowpass_a: float | None = None
    flip: bool = False
    contrast: Contrast | None = None
    lazy: bool = False
    regularisation: float = 0.5
    seed: int = 0
    batch: int = 256


@dataclass(frozen=True)
class Backprojection:
    """Maps ``(D, D, D)`` on the CPU and what is known of them.

    Attributes
    ----------
    full, filtered, halves
        All images, the same limited to what is resolved (shells weighted by how far they can be believed,
        unless a resolution was asked for), and the half-maps; not masked, but zero in the corners of the
        box, which no rotation sees.
    curves
        Correlations of the half-maps.
    lowpass_a
        Resolution of ``filtered``.
    contrast
        Sign that was used, and why.
    half
        ``(P,)`` 1 or 2.
    half_sentence
        Where the half-sets come from.
    """

    full: Tensor
    filtered: Tensor
    halves: tuple[Tensor, Tensor]
    curves: HalfMapCurves
    lowpass_a: float
    contrast: Contrast
    half: np.ndarray
    half_sentence: str


def _nothing(done: int, of: int) -> None:
    """Say nothing about progress."""


def half_sets(particles: TiltParticles, seed: int = 0) -> tuple[np.ndarray, str]:
    """Half-set `(P,)` of each particle, 1 or 2, and a sentence; particles, never tilts, are divided.

    Taken from ``rlnRandomSubset`` where every particle has one and both halves occur, else drawn with equal
    numbers within each tomogram.
    """
    stated = particles.half
    if (stated > 0).all() and len(np.unique(stated)) == 2:
        return stated.copy(), "Half-sets are those of rlnRandomSubset."
    rng = np.random.default_rng(seed)
    half = np.zeros(particles.n, np.int64)
    turn = 0
    names = particles.tomogram.astype(str)
    for name in np.unique(names):
        members = rng.permutation(np.flatnonzero(names == name))
        half[members] = (np.arange(len(members)) + turn) % 2 + 1
        turn += len(members)
    return half, f"Half-sets of particles were drawn at random (seed {seed})."


@torch.no_grad()
def reconstruct(
    particles: TiltParticles,
    options: BackprojectOptions | None = None,
    *,
    mask: Tensor | None = None,
    device: torch.device | str = "cpu",
    each: Callable[[int, int], None] = _nothing,
) -> Backprojection:
    """Reconstruct all images and both half-sets.

    Parameters
    ----------
    particles
        The set; two particles at least.
    options
        How.
    mask
        ``(D, D, D)`` for the correlation of the half-maps; made of the map when None.
    device
        Where sums are kept.
    each
        Called with images done and in all; may raise to stop.

    Raises
    ------
    UserError
        When there are fewer than two particles, or all images are empty.
    """
    options = options or BackprojectOptions()
    if particles.n < 2:
        raise UserError("half-maps need two particles at least", path=particles.path)
    contrast = options.contrast or detect_contrast(particles, options.seed)
    half, sentence = half_sets(particles, options.seed)
    padding = _PADDING if particles.box <= _PADDED_BOX else 1
    sums = [Backprojector(particles.box, device, padding) for _ in (1, 2)]
    side = half[particles.particle]
    done = 0
    with ImageStacks(particles, preload=not options.lazy) as images:
        for number, target in enumerate(sums, start=1):
            rows = np.flatnonzero(side == number)
            portions = tilt_transforms(
                particles,
                images,
                rows,
                dose=options.recon_dose_weight,
                tilt=options.recon_tilt_weight,
                batch=options.batch,
                device=device,
            )
            for portion in portions:
                signed = portion.transforms * contrast.sign
                target.add(signed, portion.transfer, portion.rotations, portion.shifts_px)
                done += len(portion.rows)
                each(done, particles.n_images)
    if not bool(sums[0].sums[:, :2].any()) or not bool(sums[1].sums[:, :2].any()):
        raise UserError(
            "all images of a half-set are empty (zero)",
            path=particles.path,
            hint="Extract the particles again: WarpTools writes zeros when GPU memory runs out.",
        )
    return _finished(sums, particles, options, contrast, half, sentence, mask)


def _finished(
    sums: list[Backprojector],
    particles: TiltParticles,
    options: BackprojectOptions,
    contrast: Contrast,
    half: np.ndarray,
    sentence: str,
    mask: Tensor | None,
) -> Backprojection:
    box, voxel = particles.box, particles.pixel_size_a
    ball = soft_sphere(box, 0.4 * box, 0.1 * box)
    both = sums[0].merge(sums[1])

    def volume(of: Backprojector) -> Tensor:
        made = of.reconstruct(options.regularisation).cpu() * ball
        return made.flip(0).roll(1, 0) if options.flip else made

    first, second, full = volume(sums[0]), volume(sums[1]), volume(both)
    curves = compare_halves(first, second, voxel, mask, options.seed)
    resolved = curves.resolution()
    limit_a = options.lowpass_a or (resolved if np.isfinite(resolved) else box * voxel / 2)
    weighted = full if options.lowpass_a else figure_of_merit(full, curves.unmasked)
    filtered = limit(weighted, voxel, limit_a) * ball
    return Backprojection(full, filtered, (first, second), curves, limit_a, contrast, half, sentence)
