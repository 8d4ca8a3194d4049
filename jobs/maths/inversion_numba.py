"""CPU kernel of :mod:`jobs.maths.inversion`: every point on its own, so results do not depend on threads."""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from jobs.maths.inversion import (
    HALVINGS,
    ITERATIONS,
    PATH_ITERATIONS,
    PATH_STEPS,
    SINGULAR,
    TOLERANCE_A,
)
from jobs.maths.mode_table import ModeTable

_NO_MASK = np.zeros((0, 0, 0), np.float32)
_F = np.float32
#: Points that a thread takes at once.
_BLOCK = 256
_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11 = (np.uint64(k) for k in range(1, 12))


def solve(fields: Tensor, table: ModeTable, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Solve for fields ``(b, G, G, G, 3)`` and targets ``(b, n, 3)``: points, residuals, determinants."""
    numba.set_num_threads(max(1, min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)))
    points = torch.empty_like(targets)
    residual, determinant = (targets.new_empty(targets.shape[:2]) for _ in range(2))
    mask = _NO_MASK if table.mask is None else table.mask.numpy()
    _solve(
        fields.contiguous().numpy(),
        _F(table.lower_a),
        _F(1 / table.spacing_a),
        mask,
        _F(1 / table.mask_voxel_a),
        targets.numpy(),
        points.numpy(),
        residual.numpy(),
        determinant.numpy(),
    )
    return points, residual, determinant


@njit(inline="always")
def _weights(t: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    s = _F(1) - t
    sixth, half, most = _F(1 / 6), _F(0.5), _F(2 / 3)
    return (
        s * s * s * sixth,
        t * t * (half * t - _F(1)) + most,
        s * s * (half * s - _F(1)) + most,
        t * t * t * sixth,
    )


@njit(inline="always")
def _slopes(t: np.float32, scale: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    s = _F(1) - t
    half = _F(0.5)
    return (
        -half * s * s * scale,
        t * (_F(1.5) * t - _F(2)) * scale,
        -s * (_F(1.5) * s - _F(2)) * scale,
        half * t * t * scale,
    )


@njit(inline="always")
def _clamped(place: np.float32, high: np.float32, inverse: np.float32) -> tuple[np.float32, np.float32]:
    """Place within the table, and the scale of slopes there: 0 where the field is continued."""
    if place < _F(1):
        return _F(1), _F(0)
    if place > high:
        return high, _F(0)
    return place, inverse


@njit(fastmath=True, cache=True)
def _mask_at(
    mask: np.ndarray, inverse: np.float32, x: np.float32, y: np.float32, z: np.float32, out: np.ndarray
) -> None:
    """Value and gradient of the mask at a point, into ``out`` (4)."""
    box = mask.shape[0]
    half = _F(box // 2)
    px, py, pz = x * inverse + half, y * inverse + half, z * inverse + half
    ix, iy, iz = math.floor(px), math.floor(py), math.floor(pz)
    tx, ty, tz = _F(px - ix), _F(py - iy), _F(pz - iz)
    out[:] = _F(0)
    for k in range(2):
        for j in range(2):
            for i in range(2):
                a, b, c = ix + i, iy + j, iz + k
                if a < 0 or b < 0 or c < 0 or a >= box or b >= box or c >= box:
                    continue
                node = mask[c, b, a]
                wx = tx if i else _F(1) - tx
                wy = ty if j else _F(1) - ty
                wz = tz if k else _F(1) - tz
                out[0] += node * wx * wy * wz
                out[1] += (node if i else -node) * wy * wz * inverse
                out[2] += (node if j else -node) * wx * wz * inverse
                out[3] += (node if k else -node) * wx * wy * inverse


@njit(fastmath=True, cache=True)
def _evaluate(
    field: np.ndarray,
    lower: np.float32,
    inverse: np.float32,
    mask: np.ndarray,
    mask_inverse: np.float32,
    point: np.ndarray,
    out: np.ndarray,
    m: np.ndarray,
) -> None:
    """Displacement and Jacobian (row by row) at a point, into ``out`` (12)."""
    out[:] = _F(0)
    if mask.shape[0]:
        _mask_at(mask, mask_inverse, point[0], point[1], point[2], m)
        if m[0] == 0 and m[1] == 0 and m[2] == 0 and m[3] == 0:
            return
    high = _F(field.shape[0]) - _F(2.001)
    px, hx = _clamped((point[0] - lower) * inverse, high, inverse)
    py, hy = _clamped((point[1] - lower) * inverse, high, inverse)
    pz, hz = _clamped((point[2] - lower) * inverse, high, inverse)
    ix, iy, iz = int(px), int(py), int(pz)
    wx0, wx1, wx2, wx3 = _weights(_F(px - ix))
    dx0, dx1, dx2, dx3 = _slopes(_F(px - ix), hx)
    wy, dy = _weights(_F(py - iy)), _slopes(_F(py - iy), hy)
    wz, dz = _weights(_F(pz - iz)), _slopes(_F(pz - iz), hz)
    side = field.shape[0]
    flat = field.reshape(-1)
    u0 = u1 = u2 = x0 = x1 = x2 = y0 = y1 = y2 = z0 = z1 = z2 = _F(0)
    for k in range(4):
        for j in range(4):
            # Unsigned, so that no index is looked at for counting from the end.
            at = np.uint64(3 * (((iz - 1 + k) * side + iy - 1 + j) * side + ix - 1))
            both, along_y, along_z = wz[k] * wy[j], wz[k] * dy[j], dz[k] * wy[j]
            a, b, c, d = flat[at], flat[at + _1], flat[at + _2], flat[at + _3]
            e, f, g, h = flat[at + _4], flat[at + _5], flat[at + _6], flat[at + _7]
            m0, m1, m2, m3 = flat[at + _8], flat[at + _9], flat[at + _10], flat[at + _11]
            s0 = wx0 * a + wx1 * d + wx2 * g + wx3 * m1
            s1 = wx0 * b + wx1 * e + wx2 * h + wx3 * m2
            s2 = wx0 * c + wx1 * f + wx2 * m0 + wx3 * m3
            u0, u1, u2 = u0 + both * s0, u1 + both * s1, u2 + both * s2
            y0, y1, y2 = y0 + along_y * s0, y1 + along_y * s1, y2 + along_y * s2
            z0, z1, z2 = z0 + along_z * s0, z1 + along_z * s1, z2 + along_z * s2
            x0 += both * (dx0 * a + dx1 * d + dx2 * g + dx3 * m1)
            x1 += both * (dx0 * b + dx1 * e + dx2 * h + dx3 * m2)
            x2 += both * (dx0 * c + dx1 * f + dx2 * m0 + dx3 * m3)
    out[0], out[1], out[2] = u0, u1, u2
    out[3], out[4], out[5] = x0, y0, z0
    out[6], out[7], out[8] = x1, y1, z1
    out[9], out[10], out[11] = x2, y2, z2
    if mask.shape[0]:
        for c in range(3):
            for d in range(3):
                out[3 + 3 * c + d] = m[0] * out[3 + 3 * c + d] + out[c] * m[1 + d]
            out[c] *= m[0]


@njit(fastmath=True, cache=True)
def _step(out: np.ndarray, share: np.float32, off: np.ndarray, step: np.ndarray) -> np.float32:
    """Newton step for an offset, and the determinant of the deformation."""
    one = _F(1)
    a, b, c = one + share * out[3], share * out[4], share * out[5]
    d, e, f = share * out[6], one + share * out[7], share * out[8]
    g, h, i = share * out[9], share * out[10], one + share * out[11]
    ca, cb, cc = e * i - f * h, f * g - d * i, d * h - e * g
    determinant = a * ca + b * cb + c * cc
    if abs(determinant) <= _F(SINGULAR):
        step[0], step[1], step[2] = off[0], off[1], off[2]
        return determinant
    scale = one / determinant
    p, q, r = off[0] * scale, off[1] * scale, off[2] * scale
    step[0] = ca * p + (c * h - b * i) * q + (b * f - c * e) * r
    step[1] = cb * p + (a * i - c * g) * q + (c * d - a * f) * r
    step[2] = cc * p + (b * g - a * h) * q + (a * e - b * d) * r
    return determinant


@njit(fastmath=True, cache=True)
def _newton(
    field: np.ndarray,
    lower: np.float32,
    inverse: np.float32,
    mask: np.ndarray,
    mask_inverse: np.float32,
    target: np.ndarray,
    point: np.ndarray,
    work: np.ndarray,
) -> tuple[np.float32, np.float32]:
    """Newton's method with halved steps from ``point``, in place; residual and determinant."""
    now, then, m = work[0], work[1], work[2]
    off, step, trial = work[3], work[4], work[5]
    _evaluate(field, lower, inverse, mask, mask_inverse, point, now, m)
    square = _F(0)
    for c in range(3):
        off[c] = point[c] + now[c] - target[c]
        square += off[c] * off[c]
    for _ in range(ITERATIONS):
        if square <= _F(TOLERANCE_A) * _F(TOLERANCE_A):
            break
        _step(now, _F(1), off, step)
        damping, moved = _F(1), False
        for _ in range(HALVINGS):
            for c in range(3):
                trial[c] = point[c] - damping * step[c]
            _evaluate(field, lower, inverse, mask, mask_inverse, trial, then, m)
            size = _F(0)
            for c in range(3):
                rest = trial[c] + then[c] - target[c]
                size += rest * rest
            if size < square:
                square, moved = size, True
                for c in range(3):
                    point[c] = trial[c]
                    off[c] = trial[c] + then[c] - target[c]
                now[:12] = then[:12]
                break
            damping *= _F(0.5)
        if not moved:
            break
    return _F(math.sqrt(square)), _step(now, _F(1), off, step)


@njit(parallel=True, nogil=True, fastmath=True, cache=True)
def _solve(
    fields: np.ndarray,
    lower: np.float32,
    inverse: np.float32,
    mask: np.ndarray,
    mask_inverse: np.float32,
    targets: np.ndarray,
    points: np.ndarray,
    residual: np.ndarray,
    determinant: np.ndarray,
) -> None:
    count = targets.shape[1]
    per_state = (count + _BLOCK - 1) // _BLOCK
    for block in prange(targets.shape[0] * per_state):
        b, first = block // per_state, block % per_state * _BLOCK
        field = fields[b]
        work = np.zeros((6, 12), np.float32)
        point, target = np.zeros(3, np.float32), np.zeros(3, np.float32)
        for n in range(first, min(first + _BLOCK, count)):
            for c in range(3):
                target[c] = targets[b, n, c]
                point[c] = target[c]
            size, volume = _newton(field, lower, inverse, mask, mask_inverse, target, point, work)
            for c in range(3):
                points[b, n, c] = point[c]
            if size > _F(TOLERANCE_A):
                for c in range(3):
                    point[c] = target[c]
                _follow(field, lower, inverse, mask, mask_inverse, target, point, work)
                again, other = _newton(field, lower, inverse, mask, mask_inverse, target, point, work)
                if again < size:
                    size, volume = again, other
                    for c in range(3):
                        points[b, n, c] = point[c]
            residual[b, n], determinant[b, n] = size, volume


@njit(fastmath=True, cache=True)
def _follow(
    field: np.ndarray,
    lower: np.float32,
    inverse: np.float32,
    mask: np.ndarray,
    mask_inverse: np.float32,
    target: np.ndarray,
    point: np.ndarray,
    work: np.ndarray,
) -> None:
    """Follow the solution from the undisplaced field to the full one, in place."""
    now, m, off, step = work[0], work[2], work[3], work[4]
    for k in range(PATH_STEPS):
        share = _F((k + 1) / PATH_STEPS)
        for _ in range(PATH_ITERATIONS):
            _evaluate(field, lower, inverse, mask, mask_inverse, point, now, m)
            for c in range(3):
                off[c] = point[c] + share * now[c] - target[c]
            _step(now, share, off, step)
            for c in range(3):
                point[c] -= step[c]
