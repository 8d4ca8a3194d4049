"""Central slices of a Fourier volume with trilinear weights: where each sample of a particle's plane lies.

One description of the geometry serves the extraction of slices and their insertion, so that the two are
adjoint exactly. A real volume is stored as its half ``x >= 0`` with wrapped ``z`` and ``y``; a sample that
falls on the other half is replaced by its conjugate. Trilinear neighbours never cross ``x = 0``, because
samples are turned to ``x >= 0`` first; only plane ``x = 0`` itself holds both members of conjugate pairs, see
:func:`fold_hermitian`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths.fourier import rfft_grid


@dataclass(frozen=True)
class SlicePlane:
    """The samples of an image's half plane that take part: all within a radius.

    Attributes
    ----------
    box: int
        Image side.
    index: torch.Tensor
        ``(m,)`` positions in the flattened half plane.
    xy: torch.Tensor
        ``(m, 2)`` frequencies ``(x, y)`` in Fourier pixels of the image.
    weight: torch.Tensor
        ``(m,)`` 1, or 1/2 in column ``x = 0`` where the half plane holds both members of each conjugate pair.
    """

    box: int
    index: Tensor
    xy: Tensor
    weight: Tensor

    @classmethod
    def make(cls, box: int, radius: float, device: torch.device | str | None = None) -> SlicePlane:
        """Samples with a distance of at most ``radius`` Fourier pixels from the origin."""
        ky, kx = (k * box for k in rfft_grid(box, device))
        index = torch.nonzero((kx * kx + ky * ky <= radius * radius + 1e-3).reshape(-1))[:, 0]
        xy = torch.stack((kx.reshape(-1), ky.reshape(-1)), dim=-1)[index]
        return cls(box, index, xy, torch.where(xy[:, 0] == 0, 0.5, 1.0))


@dataclass(frozen=True)
class Corners:
    """The trilinear neighbours of slice samples in a half volume.

    Attributes
    ----------
    base: torch.Tensor
        ``(b, m, 3)`` int64 lower corner ``(z, y, x)``, not yet wrapped.
    fraction: torch.Tensor
        ``(b, m, 3)`` distance from the lower corner, ``(z, y, x)``.
    flipped: torch.Tensor
        ``(b, m)`` bool, True where the sample was replaced by its conjugate.
    inside: torch.Tensor or None
        ``(b, m)`` bool, False where magnification moves a sample out of the volume; None when none can leave.
    """

    base: Tensor
    fraction: Tensor
    flipped: Tensor
    inside: Tensor | None = None

    def corner(self, i: int, size: int) -> tuple[Tensor, Tensor]:
        """Flat indices and weights, ``(b, m)``, of corner ``i`` (0 ... 7) in a half volume of ``size``."""
        step = (i >> 2 & 1, i >> 1 & 1, i & 1)
        weight, position = None, []
        for axis in range(3):
            fraction = self.fraction[..., axis]
            part = fraction if step[axis] else 1 - fraction
            weight = part if weight is None else weight * part
            position.append(self.base[..., axis] + step[axis])
        z, y, x = position
        assert weight is not None
        if self.inside is not None:
            weight = weight * self.inside
        # One conditional addition wraps: indices lie within (-size, size).
        z = torch.where(z < 0, z + size, z)
        y = torch.where(y < 0, y + size, y)
        return (z * size + y) * (size // 2 + 1) + x, weight


def locate_slices(plane: SlicePlane, rotations: Tensor, padding: float = 1.0) -> Corners:
    """Find the neighbours in the volume of every sample of rotated central slices.

    Parameters
    ----------
    plane: SlicePlane
        Samples of the image plane.
    rotations: torch.Tensor
        ``(b, 3, 3)`` RELION matrices: row ``i`` is axis ``i`` of the image expressed in the reference. Or
        ``(b, 2, 3)`` from :func:`jobs.maths.rotations.projection_matrices`.
    padding: float
        Side of the volume divided by side of the image.

    Returns
    -------
    Corners
        Lower corners, fractions and which samples were conjugated.
    """
    position = (plane.xy * padding) @ rotations[:, :2]  # (b, m, xyz): k = A^T (kx, ky, 0)
    flipped = position[..., 0] < 0
    position = torch.where(flipped[..., None], -position, position).flip(-1)  # (b, m, zyx)
    inside = None
    if rotations.shape[-2] == 2:
        limit = plane.box * padding / 2 - 1
        inside = (position.abs() <= limit).all(-1)
        position = position.clamp(-limit, limit)
    base = torch.floor(position)
    return Corners(base.long(), position - base, flipped, inside)


def fold_hermitian(half: Tensor) -> Tensor:
    """Add to plane ``x = 0`` of accumulated half volumes the conjugates of its mirror points.

    Parameters
    ----------
    half: torch.Tensor
        ``(..., d, d, d // 2 + 1)`` sums, real or complex, to which each conjugate pair of samples was added
        once.

    Returns
    -------
    torch.Tensor
        The sums that insertion of both members of each pair into a full volume would give.
    """
    plane = half[..., 0]
    mirror = torch.roll(plane.flip(-2, -1), (1, 1), dims=(-2, -1))
    return torch.cat(((plane + mirror.conj())[..., None], half[..., 1:]), dim=-1)


def sinc_squared(box: int, size: int, device: torch.device | str | None = None) -> Tensor:
    """Real-space footprint, cut to ``box``, of trilinear interpolation in a Fourier volume of ``size``."""
    axis = (torch.arange(box, device=device, dtype=torch.float32) - box // 2) / size
    line = torch.sinc(axis) ** 2
    return line[:, None, None] * line[None, :, None] * line
