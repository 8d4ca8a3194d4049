"""Orientations of particles in the conventions of Dynamo, IMOD, EMAN2, PEET and RELION, by one matrix.

M takes tomogram axes into reference axes: ``x_reference = M (x_tomogram - centre)``, columns (x, y, z). Every
convention is turned into M and made from M, never into each other. Angles are in degrees, arrays float64;
all functions take any number of leading axes, one row included, and keep them.

Sources: the table convention of Dynamo's wiki, IMOD's page of ``rotatevol``, EMAN2's ``Transform``, PEET's
motive list, RELION's Euler angles; checked against figures measured with those programs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# With |m33| within this of 1 only tdrot + narot (or their difference) is defined; tdrot is then 0. The sine
# of such a tilt is below 5e-7.
_POLE = 1e-13


def about(axis: Literal["x", "y", "z"], angle_deg: npt.ArrayLike) -> FloatArray:
    """Rotation matrices `(..., 3, 3)` about an axis, counter-clockwise seen from its tip.

    Parameters
    ----------
    axis
        Axis.
    angle_deg
        `(...)` angles.
    """
    angle = np.radians(np.asarray(angle_deg, float))
    c, s = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[...] = np.eye(3)
    matrix[..., first, first] = c
    matrix[..., second, second] = c
    matrix[..., first, second] = -s
    matrix[..., second, first] = s
    return matrix


def dynamo_to_matrix(angles_deg: npt.ArrayLike) -> FloatArray:
    """M `(..., 3, 3)` of Dynamo's tdrot, tilt, narot `(..., 3)`: ``Rz(narot) Rx(tilt) Rz(tdrot)``."""
    tdrot, tilt, narot = _three(angles_deg)
    return about("z", narot) @ about("x", tilt) @ about("z", tdrot)


def matrix_to_dynamo(matrices: npt.ArrayLike) -> FloatArray:
    """Return tdrot, tilt, narot `(..., 3)` of M: tilt in [0, 180], the others in (-180, 180].

    Where tilt is 0 or 180 tdrot is 0.
    """
    m = _matrices(matrices)
    # acos(m33) loses half the digits near the poles, which the sine from two elements does not
    sine = np.hypot(m[..., 2, 0], m[..., 2, 1])
    pole = 1 - np.abs(m[..., 2, 2]) < _POLE
    pole |= sine < np.sqrt(2 * _POLE)
    tilt = np.where(pole, np.where(m[..., 2, 2] < 0, np.pi, 0.0), np.arctan2(sine, m[..., 2, 2]))
    tdrot = np.where(pole, 0.0, np.arctan2(m[..., 2, 0], m[..., 2, 1]))
    at_pole, elsewhere = np.arctan2(m[..., 1, 0], m[..., 0, 0]), np.arctan2(m[..., 0, 2], -m[..., 1, 2])
    return np.degrees(np.stack((tdrot, tilt, np.where(pole, at_pole, elsewhere)), axis=-1))


def relion_to_matrix(angles_deg: npt.ArrayLike) -> FloatArray:
    """M `(..., 3, 3)` of rot, tilt, psi `(..., 3)` of RELION, Warp and M: ``Rz(rot) Ry(tilt) Rz(psi)``.

    RELION's own matrix, which takes the reference into the tomogram, is the transpose.
    """
    rot, tilt, psi = _three(angles_deg)
    return about("z", rot) @ about("y", tilt) @ about("z", psi)


def matrix_to_relion(matrices: npt.ArrayLike) -> FloatArray:
    """Return rot, tilt, psi `(..., 3)` of M: rot and psi in [-180, 180), tilt in [0, 180]."""
    tdrot, tilt, narot = np.moveaxis(matrix_to_dynamo(matrices), -1, 0)
    # Ry(t) = Rz(90) Rx(t) Rz(-90)
    return np.stack((_wrapped(narot - 90), tilt, _wrapped(tdrot + 90)), axis=-1)


def slicer_to_matrix(angles_deg: npt.ArrayLike, symmetry_axis: Literal["x", "y", "z"] = "y") -> FloatArray:
    """M `(..., 3, 3)` of the x, y, z angles `(..., 3)` of IMOD's Slicer window.

    Parameters
    ----------
    angles_deg
        Angles in the order in which models store them; the window turns about z first, then y, then x.
    symmetry_axis
        Axis of the window along which the particle's axis was set; it becomes z of the reference. Particles
        in side view stand upright: y.
    """
    x, y, z = _three(angles_deg)
    return _upright(symmetry_axis) @ about("x", x) @ about("y", y) @ about("z", z)


def matrix_to_slicer(matrices: npt.ArrayLike, symmetry_axis: Literal["x", "y", "z"] = "y") -> FloatArray:
    """Return Slicer angles x, y, z `(..., 3)` of M, y in [-90, 90]; z is 0 where y is ±90."""
    s = _upright(symmetry_axis).T @ _matrices(matrices)
    cosine = np.hypot(s[..., 0, 0], s[..., 0, 1])
    pole = cosine < np.sqrt(2 * _POLE)
    y = np.arctan2(s[..., 0, 2], cosine)
    z = np.where(pole, 0.0, np.arctan2(-s[..., 0, 1], s[..., 0, 0]))
    x = np.where(pole, np.arctan2(s[..., 2, 1], s[..., 1, 1]), np.arctan2(-s[..., 1, 2], s[..., 2, 2]))
    return np.degrees(np.stack((x, y, z), axis=-1))


def eman2_to_matrix(transforms: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """M and shift of EMAN2's ``xform.align3d``, which takes the particle into the reference.

    Parameters
    ----------
    transforms
        `(..., 3, 4)` rows of rotation and translation, or the same as `(..., 12)` numbers.

    Returns
    -------
    tuple
        M `(..., 3, 3)` and ``d = -R^T t`` `(..., 3)` in px of the particle.
    """
    t = np.asarray(transforms, float)
    if t.shape[-1:] == (12,):
        t = t.reshape(*t.shape[:-1], 3, 4)
    if t.shape[-2:] != (3, 4):
        raise ValueError(f"transforms must have shape (..., 3, 4) or (..., 12), not {t.shape}")
    rotation = np.ascontiguousarray(t[..., :3])
    return rotation, -np.einsum("...ji,...j->...i", rotation, t[..., 3])


def matrix_to_eman2(matrices: npt.ArrayLike, shift: npt.ArrayLike) -> FloatArray:
    """Return the transform `(..., 3, 4)` of M `(..., 3, 3)` and shift `(..., 3)`."""
    m = _matrices(matrices)
    translation = -np.einsum("...ij,...j->...i", m, np.asarray(shift, float))
    return np.concatenate((m, translation[..., None]), axis=-1)


def peet_to_matrix(angles_deg: npt.ArrayLike) -> FloatArray:
    """M `(..., 3, 3)` of phi, theta, psi `(..., 3)` of a PEET motive list, which turn the reference."""
    return np.swapaxes(zxz_to_rotation(angles_deg), -1, -2)


def matrix_to_peet(matrices: npt.ArrayLike) -> FloatArray:
    """Return phi, theta, psi `(..., 3)` of M, theta in [-180, 0]."""
    tdrot, tilt, narot = np.moveaxis(matrix_to_dynamo(matrices), -1, 0)
    return np.stack((-narot, -tilt, -tdrot), axis=-1)


def zxz_to_rotation(angles_deg: npt.ArrayLike) -> FloatArray:
    """Rotation ``Rz(c) Rx(b) Rz(a)`` `(..., 3, 3)` of extrinsic angles a, b, c `(..., 3)`."""
    a, b, c = _three(angles_deg)
    return about("z", c) @ about("x", b) @ about("z", a)


def angle_between(first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
    """Angle `(...)` in degrees between two rotations `(..., 3, 3)`."""
    relative = _matrices(first) @ np.swapaxes(_matrices(second), -1, -2)
    # |R - 1| = 2 sqrt(2) sin(angle / 2) keeps its precision at small angles, which the trace does not
    chord = np.linalg.norm(relative - np.eye(3), axis=(-2, -1)) / np.sqrt(8)
    return np.asarray(np.degrees(2 * np.arcsin(np.minimum(chord, 1.0))))


def _upright(axis: Literal["x", "y", "z"]) -> FloatArray:
    """Rotation that takes an axis of the Slicer window into z of the reference."""
    if axis == "y":
        return about("x", 90.0)
    return about("y", -90.0) if axis == "x" else np.eye(3)


def _three(angles_deg: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    angles = np.asarray(angles_deg, float)
    if angles.shape[-1:] != (3,):
        raise ValueError(f"angles must have shape (..., 3), not {angles.shape}")
    return angles[..., 0], angles[..., 1], angles[..., 2]


def _matrices(matrices: npt.ArrayLike) -> FloatArray:
    m = np.asarray(matrices, float)
    if m.shape[-2:] != (3, 3):
        raise ValueError(f"matrices must have shape (..., 3, 3), not {m.shape}")
    return m


def _wrapped(angle_deg: FloatArray) -> FloatArray:
    return (angle_deg + 180.0) % 360.0 - 180.0
