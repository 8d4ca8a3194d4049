"""Volumes that are added to the consensus in proportion to the latent state, and what images say of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jobs.maths.fourier import crop_rfft, pad_rfft, radius_rfft, rfft_to_volume, volume_to_rfft
from jobs.maths.slice_tables import read_slices
from jobs.maths.slices import sinc_squared

#: Oversampling of the transforms that slices are interpolated in.
PADDING = 2


def side_for(radius: int, box: int) -> int:
    """Side of the smallest even box that holds frequencies up to a radius, with room for interpolation."""
    return min(box, 2 * (radius + 2))


def low_part(volume: Tensor, side: int) -> Tensor:
    """A volume ``(D, D, D)`` seen at fewer points ``(side, side, side)``, values unchanged."""
    box = volume.shape[-1]
    return rfft_to_volume(crop_rfft(volume_to_rfft(volume), side, ndim=3), side) * (side / box) ** 1.5


class LinearModes:
    """A few volumes of low resolution.

    Parameters
    ----------
    volumes
        ``(k, d, d, d)``; projections of these (sums along z, orthonormal transforms) are the slices, whatever
        the box of the images.
    """

    def __init__(self, volumes: Tensor) -> None:
        self.volumes = volumes
        self.n, self.side = len(volumes), volumes.shape[-1]
        self.size = PADDING * self.side
        before = self.size // 2 - self.side // 2
        around = (before, self.size - self.side - before) * 3
        padded = torch.nn.functional.pad(volumes / sinc_squared(self.side, self.size, volumes.device), around)
        transform = volume_to_rfft(padded) * (self.size**1.5 / self.side)
        pairs = torch.view_as_real(transform.flatten(1))  # (k, v, 2)
        self._table = pairs.permute(1, 2, 0).flatten(1).contiguous()

    @property
    def radius(self) -> int:
        """Largest frequency in Fourier pixels that slices and transforms have."""
        return self.side // 2 - 2 if self.side > 4 else 1

    def slices(self, xy: Tensor, rotations: Tensor) -> Tensor:
        """Slices ``(n, m, 2, k)`` of all volumes at samples ``(m, 2)`` in Fourier pixels."""
        values = read_slices(self._table, self.size, xy, rotations, PADDING)
        return values.unflatten(-1, (2, self.n))

    def transforms(self, box: int) -> Tensor:
        """Orthonormal half transforms ``(k, box, box, box // 2 + 1)`` of the volumes in the images' box."""
        spectra = volume_to_rfft(self.volumes)
        spectra = spectra * (radius_rfft(self.side, spectra.device, 3) <= self.radius + 1e-3)
        return pad_rfft(spectra, box, ndim=3) * math.sqrt(self.side / box)


def posterior(
    values: Tensor,
    factor: Tensor,
    slices: Tensor,
    owner: Tensor,
    count: int,
    doubt: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Posterior of latent states with prior ``N(0, I)``, for ``values = factor * slices z + noise``.

    Parameters
    ----------
    values, factor
        ``(n, m, 2)`` and ``(n, m)``; noise has variance 1 in each part.
    slices
        ``(n, m, 2, k)`` of the modes.
    owner, count
        ``(n,)`` row of each image's particle, and the number of particles ``p``.
    doubt
        ``(m, k)`` expected squares of the errors of the slices; None = they are exact.

    Returns
    -------
    mean, covariance, gain
        ``(p, k)``, ``(p, k, k)``, and ``(p,)`` logarithm of how much likelier the images are with modes.
    """
    k = slices.shape[-1]
    seen = slices * factor[..., None, None]
    flat = seen.flatten(1, 2)
    squares = torch.bmm(flat.transpose(1, 2), flat)
    products = torch.bmm(flat.transpose(1, 2), values.flatten(1)[..., None])[..., 0]
    if doubt is not None:
        squares.diagonal(dim1=1, dim2=2).add_(factor.square() @ doubt)
    identity = torch.eye(k, device=values.device, dtype=squares.dtype)
    precision = identity.repeat(count, 1, 1).index_add_(0, owner, squares)
    data = products.new_zeros(count, k).index_add_(0, owner, products)
    factorised = torch.linalg.cholesky(precision)
    covariance = torch.cholesky_inverse(factorised)
    mean = (covariance @ data[..., None])[..., 0]
    half_log = factorised.diagonal(dim1=1, dim2=2).log().sum(1)
    return mean, covariance, 0.5 * (mean * data).sum(1) - half_log
