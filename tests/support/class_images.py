"""Small sets of images of few views with known truth, made in memory for tests of 2D classification."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.simulate.class_images import class_images
from jobs.simulate.class_specification import R5, ClassSpec
from jobs.simulate.class_truth import ClassTruth

_RECIPE_LENGTH_A = R5.box * R5.pixel_size_a  # the molecule keeps its share of the box


@dataclass(frozen=True)
class ClassImages:
    """Images and what is known about them.

    Attributes
    ----------
    images
        ``(N, y, x)`` float32, bright particles, signal of standard deviation 1 over the whole box.
    truth
        View (-1: noise), mirror, angle, shift; ``truth.alignment()`` is what turns images into views.
    views
        ``(V, y, x)`` projections without noise and CTF.
    spec
        What was asked for, with pixel size and CTF.
    """

    images: NDArray[np.float32]
    truth: ClassTruth
    views: NDArray[np.float32]
    spec: ClassSpec


def planted_classes(
    n_views: int = 4,
    n_images: int = 80,
    box: int = 32,
    snr: float = 1.0,
    seed: int = 1,
    *,
    shift_px: float = 1.0,
    noise_fraction: float = 0.0,
    mirrored_fraction: float = 0.5,
    has_ctf: bool = False,
) -> ClassImages:
    """Make a set of ``n_images`` of ``n_views`` views, and ``noise_fraction`` times as many of noise.

    The molecule of R1 fills the box to three quarters (a radius of 0.36 boxes holds it), whatever the box.
    80 images of box 32 take some 30 ms.
    """
    spec = R5.with_changes(
        n_views=n_views,
        n_images=n_images,
        box=box,
        pixel_size_a=_RECIPE_LENGTH_A / box,
        snr=snr,
        seed=seed,
        shift_px=shift_px,
        noise_fraction=noise_fraction,
        mirrored_fraction=mirrored_fraction,
        has_ctf=has_ctf,
    )
    images, truth, views = class_images(spec)
    return ClassImages(images, truth, views, spec)
