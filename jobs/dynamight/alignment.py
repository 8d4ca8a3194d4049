"""Latent axes that mean something, and the same in both half-sets.

The likelihood does not change when the latent space is rotated.  Half-set 1 is turned so that its axes are
the principal motions, largest first; half-set 2 is turned so that its motions match those of half-set 1 as
well as a rotation can make them.  The consensus structures need no alignment: each is the mean of its moved
structures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.dynamight.half_training import HalfTraining


@torch.no_grad()
def align_halves(halves: tuple[HalfTraining, HalfTraining]) -> None:
    """Rotate the latent spaces of both half-sets, see the module.

    Parameters
    ----------
    halves: tuple of HalfTraining
        Changed in place; displacements of particles stay what they are.
    """
    first, second = halves
    points = first.model.positions.detach()
    _rotate(first, _principal_axes(_linear_response(first, points)))
    response, target = _linear_response(second, points), _linear_response(first, points)
    # Orthogonal Procrustes problem (Schönemann, Psychometrika 31, 1966): the rotation that brings one
    # closest.
    u, _, v = torch.linalg.svd(response @ target.T)
    _rotate(second, u @ v)


def _rotate(half: HalfTraining, rotation: Tensor) -> None:
    """Let ``z @ rotation`` be the new latents of a half-set."""
    half.latents.rotate(rotation)
    half.model.field.rotate_latents(rotation)


def _linear_response(half: HalfTraining, points: Tensor) -> Tensor:
    """Least-squares displacement ``(L, 3 n)`` of points per standard deviation of each latent."""
    means = half.latents.means[half.training.to(half.device)]
    coefficients = half.model.field.coefficients(means)
    centred = means - means.mean(0)
    gram = centred.T @ centred
    ridge = 1e-6 * gram.diagonal().mean() + 1e-12
    slope = torch.linalg.solve(
        gram + ridge * torch.eye(len(gram), device=gram.device), centred.T @ coefficients
    )
    # The symmetric root of the covariance turns along with the axes (standard deviations of single axes would
    # not), so that alignment does not depend on the axes it starts from. A collapsed latent has no response.
    values, vectors = torch.linalg.eigh(gram / max(1, len(means)))
    spread = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    basis = half.model.basis(points)
    response = slope @ basis.reshape(-1, basis.shape[-1]).T
    return spread @ response


def _principal_axes(response: Tensor) -> Tensor:
    """Rotation ``(L, L)`` to the principal axes of a response, largest first, with repeatable signs."""
    u, _, v = torch.linalg.svd(response, full_matrices=False)
    largest = v.gather(1, v.abs().argmax(1, keepdim=True))[:, 0]
    axes: Tensor = u * torch.where(largest < 0, -1.0, 1.0)
    return axes
