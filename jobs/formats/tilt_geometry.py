"""Geometry of tilt series in RELION's convention, with numpy: rotations, projections, depth and defocus."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.formats.star_table import FloatArray

_GIMBAL = 1e-6  # below this sine of the tilt only the sum (or difference) of rot and psi is defined
_OUT_OF_PLANE = 0.05  # largest component along the beam of a tilt axis in the plane of the images


def euler_matrices(angles_deg: npt.ArrayLike) -> FloatArray:
    """Turn RELION Euler angles (rot, tilt, psi; ZYZ) into matrices reference to image.

    Parameters
    ----------
    angles_deg
        `(..., 3)` rot, tilt, psi in degrees.

    Returns
    -------
    numpy.ndarray
        `(..., 3, 3)` float64.
    """
    a, b, g = np.moveaxis(np.radians(np.asarray(angles_deg, float)), -1, 0)
    ca, cb, cg = np.cos(a), np.cos(b), np.cos(g)
    sa, sb, sg = np.sin(a), np.sin(b), np.sin(g)
    rows = (
        (cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb),
        (-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb),
        (sb * ca, sb * sa, cb),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def euler_angles(matrices: npt.ArrayLike) -> FloatArray:
    """Turn `(..., 3, 3)` matrices into RELION angles `(..., 3)` in degrees; rot is 0 where tilt is 0 or 180.

    The inverse of :func:`euler_matrices`; rot and psi lie in (-180, 180], tilt in [0, 180].
    """
    m = np.asarray(matrices, float)
    sine = np.hypot(m[..., 2, 0], m[..., 2, 1])
    pole = sine < _GIMBAL
    sign = np.where(m[..., 2, 2] < 0, -1.0, 1.0)
    rot = np.where(pole, 0.0, np.arctan2(m[..., 2, 1], m[..., 2, 0]))
    psi = np.where(
        pole,
        np.arctan2(-sign * m[..., 1, 0], sign * m[..., 0, 0]),
        np.arctan2(m[..., 1, 2], -m[..., 0, 2]),
    )
    return np.degrees(np.stack((rot, np.arctan2(sine, m[..., 2, 2]), psi), axis=-1))


def tilt_rotations(x_deg: npt.ArrayLike, y_deg: npt.ArrayLike, z_deg: npt.ArrayLike) -> FloatArray:
    """Rotations tomogram to tilt image of RELION 5: about x, then y, then z, each right-handed.

    Parameters
    ----------
    x_deg, y_deg, z_deg
        `(t,)` ``rlnTomoXTilt``, ``rlnTomoYTilt``, ``rlnTomoZRot``.

    Returns
    -------
    numpy.ndarray
        `(t, 3, 3)` ``Z @ Y @ X``.
    """
    return _about(2, z_deg) @ _about(1, y_deg) @ _about(0, x_deg)


def tilt_angles(rotations: npt.ArrayLike) -> FloatArray:
    """Angles `(t, 3)` (x, y, z in degrees) whose :func:`tilt_rotations` are these matrices `(t, 3, 3)`.

    The angle about y lies in [-90, 90], as stage tilts do; at its ends the angle about x is 0.
    """
    m = np.asarray(rotations, float)
    y = np.arcsin(np.clip(-m[:, 2, 0], -1.0, 1.0))
    pole = np.hypot(m[:, 2, 1], m[:, 2, 2]) < _GIMBAL
    x = np.where(pole, 0.0, np.arctan2(m[:, 2, 1], m[:, 2, 2]))
    z = np.where(pole, np.arctan2(-m[:, 0, 1], m[:, 1, 1]), np.arctan2(m[:, 1, 0], m[:, 0, 0]))
    return np.degrees(np.stack((x, y, z), axis=1))


def tilt_projections(
    rotations: npt.ArrayLike,
    shift_a: npt.ArrayLike,
    pixel_size_a: float,
    size_px: npt.ArrayLike,
    image_px: npt.ArrayLike,
) -> FloatArray:
    """Projection matrices `(t, 4, 4)` of RELION 5, from tomogram to image pixels at binning 1.

    Shift to the centre of the tomogram, rotate, shift in the image, move to the centre of the image; centres
    are whole numbers of pixels, as in RELION.

    Parameters
    ----------
    rotations
        `(t, 3, 3)` from :func:`tilt_rotations`.
    shift_a
        `(t, 2)` ``rlnTomoXShiftAngst``, ``rlnTomoYShiftAngst``.
    pixel_size_a
        Pixel size of the tilt series in Å.
    size_px
        Tomogram size x, y, z in pixels.
    image_px
        Image size x, y in pixels.
    """
    turn = np.asarray(rotations, float)
    out = np.zeros((len(turn), 4, 4))
    out[:, :3, :3], out[:, 3, 3] = turn, 1.0
    out[:, :3, 3] = -turn @ (np.asarray(size_px, np.int64) // 2).astype(float)
    out[:, :2, 3] += np.asarray(shift_a, float) / pixel_size_a + np.asarray(image_px, np.int64) // 2
    return out


def common_axis_tilts(relative: FloatArray, stated_deg: FloatArray) -> FloatArray | None:
    """Tilts `(t, 3, 3)` about one axis in the image plane that differ by given rotations.

    Parameters
    ----------
    relative
        `(t, 3, 3)` rotation of each image against the first.
    stated_deg
        `(t,)` absolute stage tilt, NaN where it is not known; it tells which tilt is zero.

    Returns
    -------
    numpy.ndarray or None
        Rotations tomogram to image, the tomogram lying so that tilts turn about its y axis, as in RELION and
        Warp; None when the axis does not lie in the plane of the images.
    """
    if len(relative) == 1:
        return tilt_rotations([0.0], [0.0], [0.0])
    # Twice the sine of the angle times the axis, of every image.
    axes = np.stack(
        (
            relative[:, 2, 1] - relative[:, 1, 2],
            relative[:, 0, 2] - relative[:, 2, 0],
            relative[:, 1, 0] - relative[:, 0, 1],
        ),
        axis=1,
    )
    axis = np.linalg.svd(axes)[2][0]
    if abs(axis[2]) > _OUT_OF_PLANE:
        return None
    axis[2] = 0.0
    axis /= np.linalg.norm(axis)
    turn = np.degrees(np.arctan2(axes @ axis / 2, (np.trace(relative, axis1=1, axis2=2) - 1) / 2))
    stated = np.where(np.isfinite(stated_deg), stated_deg, np.abs(turn))
    starts = np.concatenate((stated[0] * np.array([1.0, -1.0]), [0.0]))
    misfit = [np.abs(np.abs(s + sign * turn) - stated).max() for s in starts for sign in (1, -1)]
    best = int(np.argmin(misfit))
    start, sign = float(starts[best // 2]), (1, -1)[best % 2]
    z = np.degrees(np.arctan2(-sign * axis[0], sign * axis[1]))
    return relative @ tilt_rotations([0.0], [start], [z])[0]


def _about(axis: int, angle_deg: npt.ArrayLike) -> FloatArray:
    """Right-handed rotations `(t, 3, 3)` about x (0), y (1) or z (2)."""
    angle = np.radians(np.atleast_1d(np.asarray(angle_deg, float)))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((len(angle), 3, 3))
    out[:, axis, axis] = 1.0
    out[:, i, i] = out[:, j, j] = np.cos(angle)
    out[:, i, j], out[:, j, i] = -np.sin(angle), np.sin(angle)
    return out
