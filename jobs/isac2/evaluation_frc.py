"""To which resolution do the two halves of every class agree? Ring correlation of even and odd members.

Halves that agree show that an average is not noise. They do not show that a class is pure: of two views mixed
evenly the halves agree as well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.formats.eman_hdf import EmanStack
from jobs.formats.particle_set import ParticleSet
from jobs.formats.stacks import ImageStacks
from jobs.isac2.averages import half_averages
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import crop_rfft, image_to_rfft, rfft_to_image
from jobs.maths.frc import frc
from jobs.maths.fsc import resolution_at
from jobs.maths.masks import soft_circle
from jobs.maths.transforms2d import Planar

THRESHOLD = 0.143
_EDGE_PX = 5.0
_FLIPPED = "rlnCtfDataArePhaseFlipped"
_HDF = (".hdf", ".hdf5", ".h5")
_FEWEST = 2  # members below which there are no two halves


@dataclass(frozen=True, eq=False)
class ClassFrc:
    """Ring correlations of the halves of `K` classes.

    Attributes
    ----------
    curves
        `(K, R)` correlation of rings 0 … R - 1; nan for classes too small for two halves.
    frequency_1a
        `(R,)` frequencies of the rings in 1/Å.
    resolution_a
        `(K,)` where the curve falls below 0.143, Å; nan where there is none.
    """

    curves: npt.NDArray[np.float64]
    frequency_1a: npt.NDArray[np.float64]
    resolution_a: npt.NDArray[np.float64]

    @property
    def sentence(self) -> str:
        """The result in words."""
        known = self.resolution_a[np.isfinite(self.resolution_a)]
        if not len(known):
            return "No class has two halves that agree with each other."
        return (
            f"The halves of a class agree (ring correlation {THRESHOLD}) to a median {np.median(known):.1f} "
            f"Å, the best class to {known.min():.1f} Å and the worst to {known.max():.1f} Å; the finest "
            f"that pixels allow is {1 / self.frequency_1a[-1]:.1f} Å. This says that an average is more than "
            "noise, not that its class is pure: of two views mixed evenly the halves agree as well."
        )


class _HdfImages:
    """Images of EMAN2 stacks by number of the particle."""

    def __init__(self, particles: ParticleSet) -> None:
        self._particles = particles
        self._files = [EmanStack(path) for path in particles.stacks]
        self.box = int(self._files[0].shape(0)[-1])

    def read(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Images `(b, y, x)` of these particles."""
        stack, section = self._particles.stack[index], self._particles.section[index]
        return np.stack(
            [self._files[s].image(i) for s, i in zip(stack.tolist(), section.tolist(), strict=True)]
        )

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


class _CtfImages:
    """Images multiplied by their CTF, on a coarser grid, read when asked for."""

    def __init__(self, particles: ParticleSet, stacks: ImageStacks | _HdfImages, box: int) -> None:
        self._particles, self._stacks, self._box = particles, stacks, box
        self._flipped = torch.as_tensor(_phase_flipped(particles))

    def __getitem__(self, index: npt.NDArray[np.int64]) -> Tensor:
        images = torch.as_tensor(self._stacks.read(index))
        # A mean other than zero would turn into an edge where an image is moved.
        images = images - images.mean(dim=(1, 2), keepdim=True)
        transforms = image_to_rfft(images)
        # Both halves are weighted alike in every ring, so that CTF² need not be divided out.
        pixel = torch.as_tensor(self._particles.pixel_size_a[index])
        known = ctf_rfft(from_particles(self._particles, index), images.shape[-1], pixel)
        known = torch.where(self._flipped[index][:, None, None], known.abs(), known)
        factor = torch.where(
            torch.as_tensor(self._particles.ctf_premultiplied[index])[:, None, None],
            torch.ones_like(known),
            known,
        )
        small = crop_rfft(transforms * factor, self._box)
        return rfft_to_image(small, self._box)


def class_frc(
    particles: ParticleSet,
    class_of: npt.ArrayLike,
    planar: Planar,
    n_classes: int,
    *,
    pixel_size_a: float = 0.0,
    radius_a: float = 0.0,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> ClassFrc:
    """Average even and odd members of every class from the original images and correlate the two.

    Parameters
    ----------
    particles
        Particles with their image stacks and CTF.
    class_of
        `(P,)` class from 0; -1: none.
    planar
        `P` transformations of the images onto their averages, in pixels of the images.
    n_classes
        Number of classes.
    pixel_size_a
        Pixel size in Å to which images are reduced; 0 (or a finer one) leaves theirs.
    radius_a
        Of a soft mask about the centre, Å; 0: three eighths of the box, as ISAC2 has it.
    device
        Where to compute.
    progress
        Is told classes done and classes in all.

    Raises
    ------
    FormatError
        When a stack is missing or damaged.
    """
    labels = torch.as_tensor(np.asarray(class_of, np.int64))
    curves = []
    hdf = all(path.suffix.lower() in _HDF for path in particles.stacks)
    with closing(_HdfImages(particles) if hdf else ImageStacks(particles)) as stacks:
        pixel = float(particles.pixel_size_a[0])
        box = stacks.box
        reduced = min(1.0, pixel / pixel_size_a) if pixel_size_a > 0 else 1.0
        small = box if reduced == 1 else min(box, 2 * max(8, round(box * reduced / 2)))
        small_pixel = pixel * box / small
        radius = radius_a / small_pixel if radius_a > 0 else 0.375 * small
        mask = soft_circle(small, min(radius, small / 2 - 1), _EDGE_PX, device)
        images = _CtfImages(particles, stacks, small)
        scaled = planar.scaled(small / box).to(dtype=torch.float32)
        # Class by class: all halves of a thousand classes of large images would not fit into memory.
        for k in range(n_classes):
            index = torch.nonzero(labels == k)[:, 0]
            if len(index) < _FEWEST:
                curves.append(torch.full((small // 2 + 1,), torch.nan))
            else:
                zero = torch.zeros(len(index), dtype=torch.int64)
                halves, _ = half_averages(images, scaled[index], zero, 1, index=index, device=device)
                curves.append(frc(halves[0, 0], halves[0, 1], mask).cpu())
            if progress is not None:
                progress(k + 1, n_classes)
    found = torch.stack(curves).double() if curves else torch.zeros(0, small // 2 + 1)
    resolution = [
        float("nan") if bool(c.isnan().any()) else resolution_at(c, small_pixel, THRESHOLD, small)
        for c in found
    ]
    frequency = np.arange(small // 2 + 1) / (small * small_pixel)
    return ClassFrc(found.numpy(), frequency, np.array(resolution, np.float64))


def _phase_flipped(particles: ParticleSet) -> npt.NDArray[np.bool_]:
    """`(P,)` whether the file says that phases were flipped already."""
    optics = particles.tables.get("optics")
    if _FLIPPED in particles.table:
        return particles.table.floats(_FLIPPED) != 0
    if optics is not None and _FLIPPED in optics:
        return optics.floats(_FLIPPED)[particles.optics_group] != 0
    return np.zeros(len(particles), np.bool_)
