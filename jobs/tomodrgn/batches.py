"""What a training step is given: the images of a few particles as samples of their Fourier transforms."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from jobs.maths.slices import SlicePlane


@dataclass(frozen=True)
class PixelDraw:
    """What decides which pixels of the images of a batch are drawn.

    Attributes
    ----------
    kept
        Pixels drawn of each image.
    offset
        ``(n,)`` uniform in [0, 1), one for each image.
    """

    kept: int
    offset: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> PixelDraw:
        """The same on another device."""
        return PixelDraw(self.kept, self.offset.to(device, non_blocking=non_blocking))


@dataclass(frozen=True)
class Batch:
    """All images of `p` particles, `n` together; particles need not have equally many.

    Attributes
    ----------
    coefficients
        ``(n, m, 2)`` real and imaginary parts of the windowed, centred images with white protein, divided by
        the noise scale: noise has variance 1 in each part.
    ctf
        ``(n, m)`` everything the forward model multiplies a slice with: CTF (squared for premultiplied
        images), attenuation by dose, tilt, as the options say.
    weight
        ``(n, m)`` inverse variance of the noise, 0 for samples that are left out; None = 1 everywhere.
    rotations
        ``(n, 3, 3)`` RELION matrices reference to image.
    owner
        ``(n,)`` row of each image's particle in this batch.
    first
        ``(p + 1,)`` first image of each particle.
    particles
        ``(p,)`` which particles of the set these are.
    draw
        Which samples of the images the misfit looks at, see :mod:`jobs.tomodrgn.sampling`; None = all.
    """

    coefficients: Tensor
    ctf: Tensor
    weight: Tensor | None
    rotations: Tensor
    owner: Tensor
    first: Tensor
    particles: Tensor
    draw: PixelDraw | None = None

    @property
    def n_particles(self) -> int:
        """Number of particles."""
        return len(self.particles)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved = {
            name: value.to(device, non_blocking=True) for name, value in values.items() if value is not None
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Portion:
    """Our part of a batch, and which particles the whole batch has, ``(q,)`` on the CPU."""

    batch: Batch
    whole: Tensor


def pair_plane(box: int, extent: float = 0.5, device: torch.device | str | None = None) -> SlicePlane:
    """Samples of a half plane that stand for all of it: each pair of conjugates once, no zero frequency.

    Parameters
    ----------
    box
        Image side in pixels.
    extent
        Largest frequency in cycles per pixel. Samples at the Nyquist frequency itself are left out, because
        there one stored number stands for two.
    device
        Where the tensors go.

    Returns
    -------
    SlicePlane
        Its weights are all 1.
    """
    radius = min(extent * box, box / 2 - 1 / (2 * box))
    plane = SlicePlane.make(box, radius, device)
    once = (plane.xy[:, 0] > 0) | ((plane.xy[:, 0] == 0) & (plane.xy[:, 1] > 0))
    return SlicePlane(box, plane.index[once], plane.xy[once], torch.ones_like(plane.weight[once]))


def rows_of(first: Tensor, particles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Images of some particles, on the CPU.

    Returns
    -------
    rows, owner, first
        ``(n,)`` images in the set, ``(n,)`` row of the particle, ``(p + 1,)`` first image of each particle.
    """
    counts = first[particles + 1] - first[particles]
    starts = torch.cat((counts.new_zeros(1), counts.cumsum(0)))
    owner = torch.repeat_interleave(torch.arange(len(particles)), counts)
    rows = first[particles][owner] + torch.arange(len(owner)) - starts[owner]
    return rows, owner, starts
