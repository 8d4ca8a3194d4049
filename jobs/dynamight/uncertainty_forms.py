"""Squared displacements as quadratic forms of the coefficients of motion modes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Some particles: where they stand in the answer, and what their squared errors are made of.

    ``spread`` ``(b, m, K)`` and ``difference`` ``(b, 1, K)`` are rows of coefficients of the modes of both
    models; ``motion`` ``(b, K)`` gives the displacement.  Sums over rows of squares are squared errors.
    """

    place: slice
    spread: Tensor
    difference: Tensor
    motion: Tensor

    def factors(self, share: float, scale: float) -> Tensor:
        """Rows ``(b, m + 1, K)`` whose squared displacements add up to the squared error, less the floor."""
        return scale * torch.cat((self.spread, share**0.5 * self.difference), 1)


def forms(basis: Tensor) -> Tensor:
    """Quadratic forms ``(n, K (K + 1) / 2)`` of modes ``(n, 3, K)``."""
    return upper(basis.transpose(1, 2) @ basis)


def upper(matrices: Tensor, off_diagonal: float = 1.0) -> Tensor:
    """Upper triangles ``(b, K (K + 1) / 2)`` of symmetric matrices ``(b, K, K)``."""
    size = matrices.shape[-1]
    row, column = torch.triu_indices(size, size, device=matrices.device)
    return matrices[:, row, column] * torch.where(row == column, 1.0, off_diagonal).to(matrices.dtype)


def square_norm(rows: Tensor, gram: Tensor) -> Tensor:
    """Mean squared displacement ``(b,)`` of Gaussians, summed over rows ``(b, m, K)`` of coefficients."""
    return ((rows @ gram) * rows).sum((1, 2))
