"""Rotations in RELION's convention, and the few other forms that are turned into it.

A matrix ``A`` maps reference coordinates (columns ``(x, y, z)``) to the projection frame; a point ``p`` is
seen at ``(A p)[0:2] = (x, y)``. Angles are rot, tilt, psi in degrees (ZYZ).
"""

from __future__ import annotations

import torch
from torch import Tensor

_GIMBAL = 1e-6  # below this sine of the tilt only the sum (or difference) of rot and psi is defined


def euler_to_matrix(angles_deg: Tensor) -> Tensor:
    """Turn RELION Euler angles into matrices.

    Parameters
    ----------
    angles_deg: torch.Tensor
        ``(..., 3)`` rot, tilt, psi in degrees.

    Returns
    -------
    torch.Tensor
        ``(..., 3, 3)`` matrices that map reference to projection coordinates, in the dtype of the angles.

    Raises
    ------
    ValueError
        If the last axis does not hold three angles.
    """
    _require(angles_deg, (3,), "angles")
    radians = torch.deg2rad(angles_deg)
    ca, cb, cg = torch.cos(radians).unbind(-1)
    sa, sb, sg = torch.sin(radians).unbind(-1)
    rows = (
        (cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb),
        (-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb),
        (sb * ca, sb * sa, cb),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def matrix_to_euler(matrices: Tensor) -> Tensor:
    """Turn rotation matrices into RELION Euler angles.

    Parameters
    ----------
    matrices: torch.Tensor
        ``(..., 3, 3)`` rotation matrices.

    Returns
    -------
    torch.Tensor
        ``(..., 3)`` rot, tilt, psi in degrees, rot and psi in (-180, 180], tilt in [0, 180]. Where tilt is 0
        or 180 only a combination of rot and psi is defined; rot is then 0.
    """
    _require(matrices, (3, 3), "matrices")
    m = matrices
    sine = torch.hypot(m[..., 2, 0], m[..., 2, 1])
    tilt = torch.atan2(sine, m[..., 2, 2])
    pole = sine < _GIMBAL
    sign = torch.where(m[..., 2, 2] < 0, -1.0, 1.0).to(m.dtype)
    rot = torch.where(pole, torch.zeros_like(sine), torch.atan2(m[..., 2, 1], m[..., 2, 0]))
    psi = torch.where(
        pole,
        torch.atan2(-sign * m[..., 1, 0], sign * m[..., 0, 0]),
        torch.atan2(m[..., 1, 2], -m[..., 0, 2]),
    )
    return torch.rad2deg(torch.stack((rot, tilt, psi), dim=-1))


def quaternion_to_matrix(quaternions: Tensor) -> Tensor:
    """Turn quaternions ``(w, x, y, z)``, of any length but zero, into matrices ``(..., 3, 3)``."""
    _require(quaternions, (4,), "quaternions")
    w, x, y, z = (quaternions / quaternions.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def axis_angle_to_matrix(vectors: Tensor) -> Tensor:
    """Turn rotation vectors into matrices, differentiable also at the zero vector.

    Parameters
    ----------
    vectors: torch.Tensor
        ``(..., 3)`` axis times angle in radians; the rotation is right-handed about the axis.

    Returns
    -------
    torch.Tensor
        ``(..., 3, 3)`` matrices that multiply column vectors from the left.
    """
    _require(vectors, (3,), "rotation vectors")
    square = (vectors * vectors).sum(dim=-1)[..., None, None]
    small = square < 1e-6
    angle = torch.sqrt(torch.where(small, torch.ones_like(square), square))
    # Taylor series near zero: sin(t)/t and (1-cos t)/t^2 are even in t, hence smooth in its square.
    first = torch.where(small, 1 - square / 6, torch.sin(angle) / angle)
    second = torch.where(small, 0.5 - square / 24, (1 - torch.cos(angle)) / (angle * angle))
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack(
        [torch.stack(row, dim=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], dim=-2
    )
    identity = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    return identity + first * cross + second * (cross @ cross)


def random_rotations(
    n: int, generator: torch.Generator | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw ``(n, 3, 3)`` matrices uniformly from SO(3), by normalising Gaussian quaternions."""
    return quaternion_to_matrix(torch.randn(n, 4, generator=generator, dtype=torch.float64)).to(dtype)


def projection_matrices(rotations: Tensor, mag_matrix: Tensor | None = None) -> Tensor:
    """Matrices that take reference points straight to image coordinates, magnification included.

    Parameters
    ----------
    rotations: torch.Tensor
        ``(..., 3, 3)`` RELION matrices.
    mag_matrix: torch.Tensor or None
        ``(..., 2, 2)`` RELION's anisotropic magnification: the image's frequency ``k`` shows the object's ``M
        k``, hence a point seen at ``q`` without it is seen at ``M^T q``.

    Returns
    -------
    torch.Tensor
        ``(..., 2, 3)``; projection and reconstruction accept them in place of rotations.
    """
    rows = rotations[..., :2, :]
    return rows if mag_matrix is None else mag_matrix.transpose(-1, -2) @ rows


def rotation_angle(first: Tensor, second: Tensor) -> Tensor:
    """Angle ``(...)`` in degrees between rotations ``first`` and ``second``, both ``(..., 3, 3)``."""
    relative = second @ first.transpose(-1, -2)
    # The chord |R - 1| = 2 sqrt(2) sin(angle / 2) keeps its precision at small angles, which the trace does
    # not.
    identity = torch.eye(3, dtype=relative.dtype, device=relative.device)
    chord = torch.linalg.matrix_norm(relative - identity) / 8**0.5
    return torch.rad2deg(2 * torch.asin(chord.clamp(max=1.0)))


def _require(values: Tensor, shape: tuple[int, ...], what: str) -> None:
    """Refuse ``values`` whose last axes are not ``shape``."""
    if tuple(values.shape[-len(shape) :]) != shape:
        raise ValueError(
            f"{what} must have shape (..., {', '.join(map(str, shape))}), not {tuple(values.shape)}"
        )
