"""The way back of rigid bodies, exactly: each body's own motion is undone.

Sharp borders between bodies cannot be tabulated on a coarse grid, and need not be: where a point came from is
known in closed form for every body it may belong to.
"""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.dynamight.rigid_field import RigidField, RigidMotion
from jobs.maths.inversion import Inverse

#: Steps of the search in the soft outskirts, where motions fade and no closed form exists, and when it ends.
_STEPS, _CLOSE_A = 20, 0.01
_AGREES_A = 0.02


@torch.no_grad()
def invert_rigid(field: RigidField, latents: Tensor, points_a: Tensor) -> Inverse:
    """Find where points of a moved molecule come from.

    Parameters
    ----------
    field: RigidField
        The field.
    latents: torch.Tensor
        ``(b, L)`` states.
    points_a: torch.Tensor
        ``(b, n, 3)`` points in Å relative to the box centre.

    Returns
    -------
    Inverse
        Points of the consensus. Where two bodies have moved to the same place, both ways back are right and
        there is no unique one: the determinant is 0 there. Where a gap has opened nothing comes from, and the
        residual tells how far the nearest try ends off.
    """
    motion = field.motion(latents)
    best, residual = points_a.clone(), torch.full_like(points_a[..., 0], torch.inf)
    ways = torch.zeros_like(residual)
    starts = [points_a]
    for body in range(field.n_bodies):
        pivot = field.pivots_a[body]
        arms = points_a - pivot - motion.shifts_a[:, body, None]
        # The inverse of a rotation is its transpose: rows times R are columns times R transposed.
        starts.append(arms @ motion.rotations[:, body] + pivot)
    for number, start in enumerate(starts):
        error = _residual(field, motion, start, points_a)
        # A closed form holds only in its own body; at rest only where nothing moves.
        own = field.body_of(start.reshape(-1, 3)).view(error.shape) == number
        ways += own & (error < _AGREES_A)
        better = error < residual
        best, residual = torch.where(better[..., None], start, best), torch.where(better, error, residual)
    open_ = residual > _CLOSE_A
    for _ in range(_STEPS):
        if not bool(open_.any()):
            break
        moved = best + _displacement(field, motion, best)
        step = best + 0.7 * (points_a - moved)
        error = _residual(field, motion, step, points_a)
        better = open_ & (error < residual)
        best, residual = torch.where(better[..., None], step, best), torch.where(better, error, residual)
        open_ = better & (residual > _CLOSE_A)
    return Inverse(best, residual, torch.where(ways > 1, 0.0, 1.0))


def _displacement(field: RigidField, motion: RigidMotion, points_a: Tensor) -> Tensor:
    """Displacement ``(b, n, 3)`` of points ``(b, n, 3)``, each in its own state."""
    flat = points_a.reshape(-1, 3)
    body = field.body_of(flat)
    reach = torch.where(body > 0, field.reach_at(flat), 0.0)
    own = (body - 1).clamp(min=0)
    state = torch.arange(len(points_a), device=flat.device).repeat_interleave(points_a.shape[1])
    arms = flat - motion.pivots_a[own]
    moved = torch.einsum("nij,nj->ni", motion.rotations[state, own], arms) + motion.shifts_a[state, own]
    return (reach[:, None] * (moved - arms)).view_as(points_a)


def _residual(field: RigidField, motion: RigidMotion, points_a: Tensor, targets_a: Tensor) -> Tensor:
    """Distance ``(b, n)`` in Å between where points go and where they should."""
    return (points_a + _displacement(field, motion, points_a) - targets_a).norm(dim=2)
