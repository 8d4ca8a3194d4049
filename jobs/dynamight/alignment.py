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
from jobs.dynamight.model import GaussianModel


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
    _rotate(first, _principal_axes(_response(first, points)))
    _rotate(second, matching_rotation(_response(second, points), _response(first, points)))


def matching_rotation(response: Tensor, target: Tensor) -> Tensor:
    """Rotation ``(L, L)`` after which a response ``(L, 3 n)`` is as close to the target as it can be.

    With it ``z @ rotation`` are the states in the axes of the target.  The orthogonal Procrustes problem
    (Schönemann, Psychometrika 31, 1966).
    """
    u, _, v = torch.linalg.svd(response @ target.T)
    rotation: Tensor = u @ v
    return rotation


def linear_response(model: GaussianModel, means: Tensor, points: Tensor) -> Tensor:
    """Least-squares displacement of points per standard deviation of each latent.

    Parameters
    ----------
    model: GaussianModel
        Model of a half-set.
    means: torch.Tensor
        ``(p, L)`` states of its particles.
    points: torch.Tensor
        ``(n, 3)`` in Å.

    Returns
    -------
    torch.Tensor
        ``(L, 3 n)`` in Å.
    """
    coefficients = model.field.coefficients(means)
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
    basis = model.basis(points)
    response = slope @ basis.reshape(-1, basis.shape[-1]).T
    return spread @ response


def _response(half: HalfTraining, points: Tensor) -> Tensor:
    """Linear response of a half-set in training."""
    return linear_response(half.model, half.latents.means[half.training.to(half.device)], points)


def _rotate(half: HalfTraining, rotation: Tensor) -> None:
    """Let ``z @ rotation`` be the new latents of a half-set."""
    half.latents.rotate(rotation)
    half.model.field.rotate_latents(rotation)


def _principal_axes(response: Tensor) -> Tensor:
    """Rotation ``(L, L)`` to the principal axes of a response, largest first, with repeatable signs."""
    u, _, v = torch.linalg.svd(response, full_matrices=False)
    largest = v.gather(1, v.abs().argmax(1, keepdim=True))[:, 0]
    axes: Tensor = u * torch.where(largest < 0, -1.0, 1.0)
    return axes
