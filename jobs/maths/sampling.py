"""Bilinear interpolation of many images at the same places, or each at its own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingTable:
    """Bilinear interpolation of images on all rings about some points.

    Attributes
    ----------
    pixels
        ``(4, L * samples)`` int64 indices into a flat image.
    weights
        ``(4, L * samples)`` of those pixels.
    n_points
        ``L``.
    box
        ``(ny, nx)`` of the images.
    """

    pixels: Tensor
    weights: Tensor
    n_points: int
    box: tuple[int, int]

    @cached_property
    def matrix(self) -> Tensor:
        """The same as a sparse matrix ``(L * samples, pixels)`` in compressed rows."""
        n = self.pixels.shape[1]
        order = torch.argsort(self.pixels, dim=0)
        with warnings.catch_warnings():
            # torch announces that compressed rows are a beta feature
            warnings.filterwarnings("ignore", message=".*Sparse CSR.*")
            return torch.sparse_csr_tensor(
                torch.arange(0, 4 * n + 1, 4, device=self.pixels.device),
                self.pixels.gather(0, order).T.reshape(-1),
                self.weights.gather(0, order).T.reshape(-1),
                size=(n, self.box[0] * self.box[1]),
                check_invariants=True,
            )

    def sample(self, images: Tensor) -> Tensor:
        """Values ``(L, samples, n)`` of images ``(n, y, x)``."""
        flat = images.reshape(len(images), -1).T.contiguous()
        if flat.device.type == "cpu":
            values = self.matrix @ flat
        else:
            # Gathering adds in a fixed order, which sparse products on a GPU do not promise.
            values = torch.zeros(self.pixels.shape[1], flat.shape[1], device=flat.device, dtype=flat.dtype)
            for pixels, weights in zip(self.pixels, self.weights, strict=True):
                values.addcmul_(flat.index_select(0, pixels), weights[:, None])
        return values.view(self.n_points, -1, len(images))


def bilinear(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Values of images at places of their own.

    Parameters
    ----------
    images: torch.Tensor
        ``(n, ny, nx)``.
    x, y: torch.Tensor
        ``(n, s)`` column and row; places outside take the value at the edge.

    Returns
    -------
    torch.Tensor
        ``(n, s)``.
    """
    n, ny, nx = images.shape
    x, y = x.clamp(0, nx - 1), y.clamp(0, ny - 1)
    left, low = x.floor().clamp(max=nx - 2), y.floor().clamp(max=ny - 2)
    u, v = (x - left).to(images.dtype), (y - low).to(images.dtype)
    corner = (low * nx + left).long()
    flat = images.reshape(n, -1)
    lower = torch.lerp(flat.gather(1, corner), flat.gather(1, corner + 1), u)
    upper = torch.lerp(flat.gather(1, corner + nx), flat.gather(1, corner + nx + 1), u)
    return torch.lerp(lower, upper, v)
