"""Is protein white or dark in the images? Found from the images themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.fourier import radius_rfft, rfft_weights, shift_phases
from jobs.tomodrgn.tilt_transforms import tilt_transforms

#: Images looked at; the answer is certain long before.
_IMAGES = 3000
#: Radii of the compared ball, as fractions of the box.
_RADII = (0.1, 0.15, 0.22, 0.3)
#: Standard errors from which the answer is called certain, and below which none is given.
_CERTAIN, _LEAST = 5.0, 2.0


@dataclass(frozen=True)
class Contrast:
    """Sign of the images.

    Attributes
    ----------
    sign
        What images are multiplied with so that protein is positive (the CTF is positive at frequency 0).
    confidence
        Probability from 0.5 to 1 that the sign is right; 1 when it was stated.
    sentence
        For the log.
    """

    sign: int
    confidence: float
    sentence: str


def detect_contrast(particles: TiltParticles, seed: int = 0) -> Contrast:
    """Find the sign from a comparison of all images with a ball of density in their middle.

    The projection of a ball is the same from everywhere, so that no poses are needed: every image, times its
    CTF, is correlated with it, over several sizes of the ball; particles are independent of each other, and
    their scatter gives the standard error.

    Parameters
    ----------
    particles
        The set.
    seed
        Choice of particles where there are very many images.
    """
    each = max(1, round(_IMAGES / max(1.0, float(particles.counts.mean()))))
    chosen = np.arange(particles.n)
    if particles.n > each:
        chosen = np.sort(np.random.default_rng(seed).choice(particles.n, each, replace=False))
    subset = particles.select(chosen)
    scores = _scores(subset)
    n = len(scores)
    error = scores.std(0, correction=1) / math.sqrt(n) if n > 1 else scores.abs()[0] / _LEAST
    ratio = scores.mean(0) / error.clamp(min=torch.finfo(torch.float64).tiny)
    best = float(ratio[int(ratio.abs().argmax())])
    confidence = 0.5 * (1 + math.erf(abs(best) / math.sqrt(2)))
    sign = 1 if best > 0 or abs(best) < _LEAST else -1
    kind = "white: images are taken as they are" if sign > 0 else "dark: the sign of images is changed"
    if abs(best) < _LEAST:
        text = f"The sign of the images cannot be told from {n:,} particles: protein is taken as white."
    elif abs(best) < _CERTAIN:
        text = (
            f"Protein is probably {kind} ({abs(best):.1f} standard errors from {n:,} particles). Look at the "
            "first map: a hollow one means the wrong sign."
        )
    else:
        text = f"Protein is {kind} ({abs(best):.0f} standard errors from {n:,} particles)."
    return Contrast(sign, confidence, text)


def contrast_of(particles: TiltParticles, choice: str) -> Contrast:
    """Sign of the images by what a user chooses: the one place where this is decided.

    Parameters
    ----------
    particles
        The set.
    choice
        ``auto``: found from the images. ``white``, ``dark``: what protein is. ``uninvert``: as tomoDRGN takes
        images with ``--uninvert-data``.
    """
    if choice in ("white", "dark"):
        return _stated(1 if choice == "white" else -1)
    return stated_contrast(particles, True) if choice == "uninvert" else detect_contrast(particles)


def stated_contrast(particles: TiltParticles, uninvert: bool) -> Contrast:
    """Sign when the user states it, in tomoDRGN's meaning of ``--uninvert-data``.

    tomoDRGN's CTF is negative at low frequencies. Raw images taken as they are are thus such with dark
    protein, where ours is positive; of premultiplied images the sign of the CTF cancels, as of those without.

    Parameters
    ----------
    particles
        The set.
    uninvert
        Whether ``--uninvert-data`` was given.
    """
    raw = not particles.ctf_premultiplied and bool(particles.ctf_known.any())
    return _stated((1 if uninvert else -1) * (-1 if raw else 1))


def _stated(sign: int) -> Contrast:
    colour = "white" if sign > 0 else "dark"
    return Contrast(sign, 1.0, f"Protein is taken as {colour} in the images, as asked for.")


def _scores(particles: TiltParticles) -> Tensor:
    """Agreement of each particle's images with balls, ``(P, radii)`` float64."""
    box = particles.box
    radius = radius_rfft(box) / box
    weight = rfft_weights(box) * (radius <= 0.25)
    weight[0, 0] = 0  # the mean of images says nothing
    balls = torch.stack([torch.exp(-2 * (math.pi * r * box / 2 * radius) ** 2) for r in _RADII]) * weight
    scores = torch.zeros(particles.n, len(_RADII), dtype=torch.float64)
    owner = torch.from_numpy(particles.particle)
    with ImageStacks(particles) as images:
        for portion in tilt_transforms(particles, images, np.arange(particles.n_images)):
            centred = portion.transforms * shift_phases(box, -portion.shifts_px)
            values = centred.real * portion.transfer
            agreement = torch.einsum("byx,ryx->br", values, balls).double()
            scores.index_add_(0, owner[portion.rows], agreement)
    return scores / torch.from_numpy(particles.counts)[:, None]
