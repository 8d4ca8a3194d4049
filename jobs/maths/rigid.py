"""Rigid motions of groups of points: the best rotation and shift, and what they leave unexplained.

A displacement field that is a sum of modes, ``u(x) = sum_k c_k phi_k(x)``, has moments of a group of points
that are polynomials of the coefficients.  The best rigid motion of the group (Kabsch 1976,
doi:10.1107/S0567739476001873) then costs the same whether the group has ten points or a million, and the
moments of two groups add up to those of both together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RigidFit:
    """Rigid motions ``x -> R x + s``.

    Attributes
    ----------
    rotations
        ``(..., 3, 3)``.
    shifts
        ``(..., 3)``, about the origin of the points.
    residual
        ``(...)`` weighted sum of squared distances that the motion leaves.
    """

    rotations: Tensor
    shifts: Tensor
    residual: Tensor

    def shift_of(self, centre: Tensor) -> Tensor:
        """How far ``(..., 3)`` the motion moves a point ``(..., 3)``."""
        return torch.einsum("...ij,...j->...i", self.rotations, centre) + self.shifts - centre


def nearest_rotation(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Rotations ``R`` that maximise the trace of ``R^T M``, and that trace.

    Parameters
    ----------
    matrices: torch.Tensor
        ``(..., 3, 3)`` any matrices ``M``; ``sum x' x^T`` gives the best rotation from ``x`` to ``x'``.

    Returns
    -------
    tuple of torch.Tensor
        ``(..., 3, 3)`` proper rotations, never reflections; ``(...)`` traces.
    """
    left, values, right = torch.linalg.svd(matrices)
    # The best orthogonal matrix may be a reflection; the best rotation turns the weakest axis around.
    sign = torch.where(_determinant(left) * _determinant(right) < 0, -1.0, 1.0).to(matrices.dtype)
    signs = torch.stack((torch.ones_like(sign), torch.ones_like(sign), sign), -1)
    return (left * signs[..., None, :]) @ right, (values * signs).sum(-1)


def best_trace(matrices: Tensor) -> Tensor:
    """Largest trace of ``R^T M`` over rotations, ``(...)``, in closed form, without the rotation.

    These are the roots of the characteristic polynomial of ``M^T M`` by the cosine of a third of an angle.
    """
    gram = matrices.transpose(-1, -2) @ matrices
    mean = _trace(gram) / 3
    tiny = torch.finfo(matrices.dtype).tiny
    shifted = gram - mean[..., None, None] * torch.eye(3, dtype=matrices.dtype, device=matrices.device)
    radius = (shifted.square().sum((-1, -2)) / 6).sqrt()
    cosine = 0.5 * _determinant(shifted) / (radius**3).clamp(min=tiny)
    angle = torch.acos(cosine.clamp(-1, 1)) / 3
    largest = mean + 2 * radius * torch.cos(angle)
    smallest = mean + 2 * radius * torch.cos(angle + 2 * math.pi / 3)
    middle = 3 * mean - largest - smallest
    sign = torch.where(_determinant(matrices) < 0, -1.0, 1.0).to(matrices.dtype)
    return largest.clamp(min=0).sqrt() + middle.clamp(min=0).sqrt() + sign * smallest.clamp(min=0).sqrt()


def fit_rigid(points: Tensor, moved: Tensor, weights: Tensor | None = None) -> RigidFit:
    """Best rigid motions of points, from their places before and after.

    Parameters
    ----------
    points: torch.Tensor
        ``(n, 3)`` or ``(b, n, 3)`` before.
    moved: torch.Tensor
        ``(b, n, 3)`` after.
    weights: torch.Tensor or None
        ``(n,)`` weights, at least zero and not all zero; 1 when None.

    Returns
    -------
    RigidFit
        Of ``b`` motions.
    """
    w = points.new_ones(points.shape[-2]) if weights is None else weights
    points = points.expand(len(moved), -1, -1)
    before = torch.einsum("n,bnc->bc", w, points) / w.sum()
    after = torch.einsum("n,bnc->bc", w, moved) / w.sum()
    arms, ends = points - before[:, None], moved - after[:, None]
    rotations, traces = nearest_rotation(torch.einsum("n,bni,bnj->bij", w, ends, arms))
    size = torch.einsum("n,bnc->b", w, arms * arms + ends * ends)
    shifts = after - torch.einsum("bij,bj->bi", rotations, before)
    return RigidFit(rotations, shifts, (size - 2 * traces).clamp(min=0))


@dataclass(frozen=True)
class ModeMoments:
    """Moments of groups of points and of the motion modes at them; those of disjoint groups add up.

    Attributes
    ----------
    weight
        ``(m,)`` sum of weights.
    point
        ``(m, 3)`` weighted sum of points.
    spread
        ``(m, 3, 3)`` of ``x x^T``.
    mode
        ``(m, 3, K)`` of modes.
    cross
        ``(m, 3, 3, K)`` of ``phi x^T``.
    power
        ``(m, K, K)`` of ``phi^T phi``.
    """

    weight: Tensor
    point: Tensor
    spread: Tensor
    mode: Tensor
    cross: Tensor
    power: Tensor

    @classmethod
    def of(cls, points: Tensor, basis: Tensor, weights: Tensor) -> ModeMoments:
        """Moments of groups.

        Parameters
        ----------
        points: torch.Tensor
            ``(n, 3)``.
        basis: torch.Tensor
            ``(n, 3, K)`` modes at the points.
        weights: torch.Tensor
            ``(m, n)`` weight of each point in each group.
        """
        weights, points, basis = weights.double(), points.double(), basis.double()
        n, _, k = basis.shape
        m = len(weights)
        flat = basis.reshape(n, 3 * k)
        crossed = (basis[:, :, None] * points[:, None, :, None]).reshape(n, 9 * k)
        power = torch.stack([torch.einsum("n,nck,ncl->kl", row, basis, basis) for row in weights])
        return cls(
            weights.sum(1),
            weights @ points,
            (weights @ (points[:, :, None] * points[:, None]).reshape(n, 9)).view(m, 3, 3),
            (weights @ flat).view(m, 3, k),
            (weights @ crossed).view(m, 3, 3, k),
            power,
        )

    @property
    def n(self) -> int:
        """Number of groups."""
        return len(self.weight)

    def parts(self) -> tuple[Tensor, ...]:
        """All tensors, groups first."""
        return self.weight, self.point, self.spread, self.mode, self.cross, self.power

    def select(self, groups: Tensor) -> ModeMoments:
        """Moments of some of the groups, in that order."""
        return ModeMoments(*(part[groups] for part in self.parts()))

    def __add__(self, other: ModeMoments) -> ModeMoments:
        """Moments of the unions, group by group."""
        return ModeMoments(*(a + b for a, b in zip(self.parts(), other.parts(), strict=True)))

    def fit(self, coefficients: Tensor) -> RigidFit:
        """Best rigid motion of every group in every state.

        Parameters
        ----------
        coefficients: torch.Tensor
            ``(b, K)`` of the modes.

        Returns
        -------
        RigidFit
            Of ``(b, m)`` motions, double precision.
        """
        before, after, cross, size = self._centred(coefficients)
        rotations, traces = nearest_rotation(cross)
        shifts = after - torch.einsum("bmij,mj->bmi", rotations, before)
        return RigidFit(rotations, shifts, (size - 2 * traces).clamp(min=0))

    def residual(self, coefficients: Tensor) -> Tensor:
        """What the best motions leave ``(b, m)``, as :meth:`fit` has it, ten times as fast."""
        _, _, cross, size = self._centred(coefficients)
        return (size - 2 * best_trace(cross)).clamp(min=0)

    def _centred(self, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Means before ``(m, 3)`` and after ``(b, m, 3)``; about them ``sum x' x^T``, sum of all squares."""
        c = coefficients.double()
        before = self.point / self.weight[:, None]
        mean = torch.einsum("mik,bk->bmi", self.mode, c)
        spread = self.spread - self.weight[:, None, None] * before[:, :, None] * before[:, None]
        change = self.cross - self.mode[:, :, None] * before[:, None, :, None]
        moved = torch.einsum("mijk,bk->bmij", change, c)
        # |x'|^2 = |x|^2 + 2 u x + |u|^2, all about the means.
        power = torch.einsum("mkl,bkl->bm", self.power, c[:, :, None] * c[:, None])
        power = power - mean.square().sum(2) / self.weight
        size = 2 * _trace(spread) + 2 * _trace(moved) + power
        return before, before + mean / self.weight[:, None], spread + moved, size


def unexplained(points: Tensor, basis: Tensor, fit: RigidFit, coefficients: Tensor) -> Tensor:
    """Mean square distance between where points move and where rigid bodies would take them.

    Exact for all states at a cost that does not grow with them beyond their moments.

    Parameters
    ----------
    points: torch.Tensor
        ``(n, 3)``.
    basis: torch.Tensor
        ``(n, 3, K)`` modes at the points.
    fit: RigidFit
        ``(b, m)`` motions.
    coefficients: torch.Tensor
        ``(b, K)`` of the same states.

    Returns
    -------
    torch.Tensor
        ``(n, m)``, double precision.
    """
    c = coefficients.double()
    b = len(c)
    identity = torch.eye(3, dtype=c.dtype, device=c.device)
    motion = torch.cat((fit.rotations - identity, fit.shifts[..., None]), -1)  # (b, m, 3, 4)
    place = torch.cat((points.double(), points.new_ones(len(points), 1).double()), 1)
    modes = basis.double()
    own = torch.einsum("nck,kl,ncl->n", modes, c.T @ c / b, modes)
    square = torch.einsum("bmci,bmcj->mij", motion, motion) / b
    mixed = torch.einsum("bk,bmci->mkci", c, motion) / b
    n, m = len(points), motion.shape[1]
    result = points.new_empty(n, m).double()
    for body in range(m):
        rigid = ((place @ square[body]) * place).sum(1)
        # One product per body instead of a tensor (n, K, 3, 4) of all of them.
        pairs = torch.einsum("nck,kci->ni", modes, mixed[body])
        result[:, body] = rigid - 2 * (pairs * place).sum(1) + own
    return result.clamp(min=0)


def rotation_vectors(rotations: Tensor) -> Tensor:
    """Axis times angle in radians ``(..., 3)`` of rotations ``(..., 3, 3)``; angles up to pi.

    Half-way around, the sign of the axis is arbitrary.
    """
    r = rotations
    twice = torch.stack(
        (r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]), -1
    )
    sine = 0.5 * twice.norm(dim=-1)
    cosine = 0.5 * (_trace(r) - 1)
    angle = torch.atan2(sine, cosine)
    # Near half a turn the antisymmetric part vanishes; the axis is the strongest column of R + 1.
    columns = (
        r + r.transpose(-1, -2) - 2 * cosine[..., None, None] * torch.eye(3, dtype=r.dtype, device=r.device)
    )
    strongest = columns.norm(dim=-2).argmax(-1)
    index = strongest[..., None, None].expand(*strongest.shape, 3, 1)
    flipped = columns.gather(-1, index).squeeze(-1)
    flipped = flipped * torch.where((flipped * twice).sum(-1, keepdim=True) < 0, -1.0, 1.0).to(r.dtype)
    tiny = torch.finfo(r.dtype).tiny
    axis = torch.where(
        (cosine < -0.9)[..., None],
        flipped / flipped.norm(dim=-1, keepdim=True).clamp(min=tiny),
        twice / twice.norm(dim=-1, keepdim=True).clamp(min=tiny),
    )
    return axis * angle[..., None]


def _trace(matrices: Tensor) -> Tensor:
    return torch.diagonal(matrices, dim1=-2, dim2=-1).sum(-1)


def _determinant(matrices: Tensor) -> Tensor:
    first, second, third = matrices.unbind(-2)
    return (torch.linalg.cross(first, second) * third).sum(-1)
