"""Stability of classes: which members are placed alike by independent alignments.

The classes of one call are padded to the same number of members and treated all at once. Shapes:
``(g, runs, n)`` for parameters of runs, ``(g, n)`` for members; all in double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths.transforms2d import Planar

_STEPS = 40
_TOO_FAR = 3.0
_FEWEST = 5


@dataclass(frozen=True)
class StableMembers:
    """What independent alignments of classes agree about.

    Attributes
    ----------
    stable
        ``(n,)`` bool per image: its pixel error is below the limit.
    pixel_error
        ``(n,)`` float64 in px; infinite where the runs disagree about the mirror or by far.
    planar
        ``n`` averaged transformations; the identity where the image is not stable.
    mirror_stable
        ``(n,)`` bool: all runs agree about the mirror.
    class_error
        ``(classes,)`` root of the mean squared pixel error of the stable members, px (0 of an empty class).
    """

    stable: Tensor
    pixel_error: Tensor
    planar: Planar
    mirror_stable: Tensor
    class_error: Tensor


def squared_errors(angle: Tensor, shift: Tensor, radius: float) -> Tensor:
    """Return the mean squared distance of a disc's pixels from their mean place over several placements.

    ``e^2 = R^2 (1 - |mean_j exp(i angle_j)|) + var_j(sx_j) + var_j(sy_j)`` with population variances.

    Parameters
    ----------
    angle
        ``(..., runs, n)`` angles in radians.
    shift
        ``(..., runs, n, 2)`` shifts in px.
    radius
        Radius of the disc in px.

    Returns
    -------
    torch.Tensor
        ``(..., n)`` squared errors in px².
    """
    length = torch.hypot(torch.cos(angle).mean(-2), torch.sin(angle).mean(-2))
    spread = shift.var(dim=-3, correction=0).sum(-1)
    return radius**2 * (1 - length).clamp(min=0) + spread


def mirror_stable_members(mirror: Tensor, valid: Tensor) -> Tensor:
    """Return which members all runs mirror alike, after swapping the labels of whole runs.

    Each run may have its two labels swapped against the last one's; the swaps are chosen so that most members
    agree in all runs.

    Parameters
    ----------
    mirror
        ``(g, runs, n)`` bool.
    valid
        ``(g, n)`` bool, which entries are members.

    Returns
    -------
    torch.Tensor
        ``(g, n)`` bool.
    """
    differs = (mirror ^ mirror[:, -1:]).to(torch.int64)
    powers = 2 ** torch.arange(mirror.shape[1], device=mirror.device)
    # One number per member for the pattern of its disagreements with the last run: all that share a pattern
    # agree after one choice of swaps, so the most frequent pattern is the best choice.
    code = torch.where(valid, (differs * powers[:, None]).sum(1), -1)
    ordered = code.sort(-1).values
    count = torch.searchsorted(ordered, code, right=True) - torch.searchsorted(ordered, code)
    count = torch.where(valid, count, -1)
    most = count.amax(-1, keepdim=True)
    # Of equally frequent patterns the one with fewest swaps in early runs, for a defined result.
    chosen = torch.where(count == most, code, torch.iinfo(torch.int64).max).amin(-1, keepdim=True)
    return valid & (code == chosen)


def _place(alpha: Tensor, shift: Tensor, sign: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """Apply the transformation ``(a, tx, ty)`` of every run to the members' parameters.

    A mirrored member turns and moves the other way in x, because its mirror comes before.
    """
    turn = sign[:, None] * group[..., 0:1]
    cos, sin = torch.cos(turn), torch.sin(turn)
    sx, sy = shift.unbind(-1)
    x = cos * sx + sin * sy + sign[:, None] * group[..., 1:2]
    y = -sin * sx + cos * sy + group[..., 2:3]
    return alpha + turn, torch.stack([x, y], -1)


def _first_registration(alpha: Tensor, shift: Tensor, sign: Tensor, weight: Tensor) -> Tensor:
    """Return ``(g, runs, 3)``: circular mean of the angle and mean shift that lead to the last run."""
    away = sign[:, None] * (alpha[:, -1:] - alpha)
    w = weight[:, None]
    turn = torch.atan2((w * torch.sin(away)).sum(-1), (w * torch.cos(away)).sum(-1))
    group = torch.stack([turn, torch.zeros_like(turn), torch.zeros_like(turn)], -1)
    _, moved = _place(alpha, shift, sign, group)
    missing = shift[:, -1:] - moved
    total = w.sum(-1).clamp(min=1)
    tx = (w * sign[:, None] * missing[..., 0]).sum(-1) / total
    ty = (w * missing[..., 1]).sum(-1) / total
    return torch.stack([turn, tx, ty], -1)


def _objective(
    alpha: Tensor, shift: Tensor, sign: Tensor, weight: Tensor, group: Tensor, radius: float
) -> Tensor:
    angle, moved = _place(alpha, shift, sign, group)
    return (weight * squared_errors(angle, moved, radius)).sum(-1) / weight.sum(-1).clamp(min=1)


def register_runs(
    alpha: Tensor, shift: Tensor, mirror: Tensor, weight: Tensor, radius: float, start: Tensor | None = None
) -> Tensor:
    """Return the rotation and shift of every run that minimise the mean squared pixel error of each class.

    Gauss-Newton steps with damping for all classes at once; the last run stays where it is. The squared error
    of a member is exactly a sum of squares of ``R / sqrt(2) (exp(i angle) - exp(i mean angle))`` and of the
    shifts minus their mean, whose derivatives these steps use.

    Parameters
    ----------
    alpha
        ``(g, runs, n)`` angles in radians.
    shift
        ``(g, runs, n, 2)`` in px.
    mirror
        ``(g, n)`` bool of the last run.
    weight
        ``(g, n)`` 1 for members that count, else 0.
    radius
        Radius of the particle in px.
    start
        ``(g, runs, 3)`` first parameters.

    Returns
    -------
    torch.Tensor
        ``(g, runs, 3)`` angle in radians and shift in px, zero for the last run.
    """
    sign = torch.where(mirror, -1.0, 1.0).to(alpha.dtype)
    group = _first_registration(alpha, shift, sign, weight) if start is None else start.clone()
    runs = alpha.shape[1]
    free = 3 * (runs - 1)
    if free == 0:
        return torch.zeros_like(group)
    total = weight.sum(-1).clamp(min=1)
    centring = torch.eye(runs, dtype=alpha.dtype, device=alpha.device) - 1 / runs
    unit = torch.eye(free, dtype=alpha.dtype, device=alpha.device)
    damping = alpha.new_full((len(alpha),), 1e-6)
    value = _objective(alpha, shift, sign, weight, group, radius)
    for _ in range(_STEPS):
        angle, moved = _place(alpha, shift, sign, group)
        turn = sign[:, None] * group[..., 0:1]
        rotated_x = torch.cos(turn) * shift[..., 0] + torch.sin(turn) * shift[..., 1]
        rotated_y = -torch.sin(turn) * shift[..., 0] + torch.cos(turn) * shift[..., 1]
        s = sign[:, None].expand_as(angle)
        none, one = torch.zeros_like(s), torch.ones_like(s)
        # Rows: scaled angle, x, y of a member; columns: angle, x, y of its run.
        columns = (
            torch.stack([s * (radius / math.sqrt(2)), none, none], -1),
            torch.stack([s * rotated_y, s, none], -1),
            torch.stack([-s * rotated_x, none, one], -1),
        )
        jacobian = torch.stack(columns, -2)  # (g, runs, n, 3, 3)
        mean_angle = torch.atan2(torch.sin(angle).mean(1), torch.cos(angle).mean(1))[:, None]
        residual = torch.cat(
            [
                (radius / math.sqrt(2)) * torch.sin(angle - mean_angle)[..., None],
                moved - moved.mean(1, keepdim=True),
            ],
            -1,
        )
        weighted = jacobian * (weight / total[:, None])[:, None, :, None, None]
        gradient = torch.einsum("grnij,grni->grj", weighted, residual)
        curvature = torch.einsum("grnij,gsnik->grjsk", weighted, jacobian) * centring[:, None, :, None]
        matrix = curvature[:, :-1, :, :-1].reshape(-1, free, free)
        scale = torch.diagonal(matrix, dim1=-2, dim2=-1).mean(-1).clamp(min=1e-12)
        matrix = matrix + (damping * scale)[:, None, None] * unit
        step = torch.linalg.solve(matrix, gradient[:, :-1].reshape(-1, free, 1))
        trial = group.clone()
        trial[:, :-1] -= step.reshape(-1, runs - 1, 3)
        new_value = _objective(alpha, shift, sign, weight, trial, radius)
        better = new_value <= value
        group = torch.where(better[:, None, None], trial, group)
        value = torch.where(better, new_value, value)
        damping = torch.where(better, damping * 0.1, damping * 10).clamp(1e-12, 1e6)
    # The last run's frame is the frame of the class: rotate nothing but the others.
    group[:, -1] = 0
    return group


def _padded(labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return ``(classes, n)`` positions of the members of each class, and which entries are members."""
    kept = torch.nonzero(labels >= 0)[:, 0]
    order = kept[torch.argsort(labels[kept], stable=True)]
    counts = torch.bincount(labels[kept], minlength=classes)
    starts = counts.cumsum(0) - counts
    rank = torch.arange(len(order), device=labels.device) - starts[labels[order]]
    width = max(1, int(counts.max())) if classes else 1
    table = torch.zeros(classes, width, dtype=torch.int64, device=labels.device)
    valid = torch.zeros(classes, width, dtype=torch.bool, device=labels.device)
    table[labels[order], rank] = order
    valid[labels[order], rank] = True
    return table, valid


def stable_members(
    runs: Planar, labels: Tensor, classes: int, radius: float, limit_px: float
) -> StableMembers:
    """Return the members of classes that independent alignments place alike.

    Parameters
    ----------
    runs
        ``(runs, n)`` transformations of every image by every alignment.
    labels
        ``(n,)`` class of every image, negative for none.
    classes
        Number of classes.
    radius
        Radius of the particle in working pixels.
    limit_px
        Pixel error that a stable member stays below (thld_err).

    Returns
    -------
    StableMembers
        A class with fewer than five stable members is returned without any.
    """
    device = labels.device
    count = len(labels)
    table, valid = _padded(labels, classes)
    alpha = torch.deg2rad(runs.alpha_deg.to(device, torch.float64))[:, table].movedim(0, 1)
    shift = runs.shift.to(device, torch.float64)[:, table].movedim(0, 1)
    mirrors = runs.mirror.to(device)[:, table].movedim(0, 1)
    same = mirror_stable_members(mirrors, valid)
    mirror = mirrors[:, -1]
    sign = torch.where(mirror, -1.0, 1.0).to(alpha.dtype)
    first = _first_registration(alpha, shift, sign, same.to(alpha.dtype))
    close = same & (squared_errors(*_place(alpha, shift, sign, first), radius).sqrt() <= _TOO_FAR * limit_px)
    group = register_runs(alpha, shift, mirror, close.to(alpha.dtype), radius, first)
    angle, moved = _place(alpha, shift, sign, group)
    error = torch.where(close, squared_errors(angle, moved, radius).sqrt(), torch.inf)
    stable = error < limit_px
    stable &= stable.sum(-1, keepdim=True) >= _FEWEST
    members = stable.sum(-1)
    squares = torch.where(stable, error**2, 0.0).sum(-1)
    class_error = (squares / members.clamp(min=1)).sqrt()

    mean_angle = torch.rad2deg(torch.atan2(torch.sin(angle).mean(1), torch.cos(angle).mean(1))) % 360
    mean_shift = moved.mean(1)
    place = table[valid]

    def spread(values: Tensor, empty: float | bool) -> Tensor:
        out = torch.full((count, *values.shape[2:]), empty, dtype=values.dtype, device=device)
        out[place] = values[valid]
        return out

    keep = spread(stable, False)
    planar = Planar(
        torch.where(keep, spread(mean_angle, 0.0), 0.0),
        torch.where(keep[:, None], spread(mean_shift, 0.0), 0.0),
        spread(mirror, False) & keep,
    )
    return StableMembers(keep, spread(error, torch.inf), planar, spread(same, False), class_error)
