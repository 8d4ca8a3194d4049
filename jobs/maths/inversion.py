"""The way back through a displacement field: points y with y + u(y) = x.

Fields of the form ``u(y) = sum_k c_k phi_k(y)`` are inverted fast: the modes are tabulated once, as
coefficients of cubic B-splines on a regular grid, so that a state costs one product of its coefficients with
the table, and a point some evaluations of the spline and its exact derivative.  Nothing is evaluated per
state but these.

The equation is solved by Newton's method with a step that is halved until the residual falls.  Where that
gets stuck, the point is followed from the undisplaced field to the full one in small steps.  Where both fail,
or where the field turns space inside out, the residual and the determinant say so: there the field folds,
and there is no unique way back.

References: M. Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing Magazine
16 (1999); J. Nocedal and S. Wright, Numerical Optimization (2006), chapter 11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.ndimage import spline_filter1d
from torch import Tensor

#: Residual in Å at which a point is taken as found, and iterations after which it is given up.
TOLERANCE_A = 1e-3
ITERATIONS = 12
HALVINGS = 6
#: Steps in which a point that Newton's method loses is followed, and iterations in each.
PATH_STEPS = 16
PATH_ITERATIONS = 3
#: Below this determinant the Newton step is replaced by the plain residual.
SINGULAR = 1e-3
#: Nodes beyond the covered region that are kept for the spline's reach, and further ones that are evaluated
#: because the prefilter has to guess what lies outside: its error falls to a quarter from node to node.
MARGIN, FADING = 2, 6
_TABULATED_AT_ONCE = 1 << 15
_TORCH_AT_ONCE = 1 << 17

Field = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class ModeTable:
    """Modes as cubic B-splines, and where they are allowed to act.

    Attributes
    ----------
    splines
        ``(K, G, G, G, 3)`` spline coefficients in Å ``[mode, z, y, x, component]``.
    lower_a
        Coordinate in Å of the first node, the same along x, y and z.
    spacing_a
        Distance of the nodes in Å.
    mask
        ``(D, D, D)`` factor of the modes, trilinear between voxels and 0 outside; None for 1 everywhere.
    mask_voxel_a
        Its voxel size in Å; voxel ``D // 2`` lies at the origin.
    """

    splines: Tensor
    lower_a: float
    spacing_a: float
    mask: Tensor | None = None
    mask_voxel_a: float = 1.0

    @property
    def n_nodes(self) -> int:
        """Nodes along an axis."""
        return self.splines.shape[1]

    def states(self, coefficients: Tensor) -> Tensor:
        """Spline coefficients ``(b, G, G, G, 3)`` of the fields with coefficients ``(b, K)``."""
        nodes = self.n_nodes
        flat = self.splines.reshape(len(self.splines), -1)
        return (coefficients @ flat).view(-1, nodes, nodes, nodes, 3)


@dataclass(frozen=True)
class Inverse:
    """Points found.

    Attributes
    ----------
    points_a
        ``(b, n, 3)`` in Å.
    residual_a
        ``(b, n)`` distance in Å between where they go and where they should.
    determinant
        ``(b, n)`` local change of volume; not positive where the field folds.
    """

    points_a: Tensor
    residual_a: Tensor
    determinant: Tensor

    def folded(self, tolerance_a: float = 10 * TOLERANCE_A) -> Tensor:
        """Where ``(b, n)`` there is no unique way back."""
        return (self.residual_a > tolerance_a) | (self.determinant <= 0)


def tabulate(
    basis: Callable[[Tensor], Tensor],
    half_side_a: float,
    spacing_a: float,
    *,
    mask: Tensor | None = None,
    mask_voxel_a: float = 1.0,
    device: torch.device | str = "cpu",
) -> ModeTable:
    """Tabulate modes over a cube about the origin.

    Parameters
    ----------
    basis: callable
        Modes ``(n, 3, K)`` in Å at points ``(n, 3)`` in Å, without the mask.
    half_side_a: float
        Half the side of the cube in Å; outside it (and a margin) the field is continued as a constant.
    spacing_a: float
        Distance of the nodes in Å; an eighth of the shortest wavelength gives errors of some 1e-4.
    mask, mask_voxel_a
        See :class:`ModeTable`.
    device: torch.device or str
        Where the basis is evaluated and the table lies.
    """
    reach = int(np.ceil(half_side_a / spacing_a)) + MARGIN + FADING
    nodes = 2 * reach + 1
    axis = (torch.arange(nodes, device=device) - reach) * spacing_a
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    places = torch.stack((x, y, z), -1).reshape(-1, 3).float()
    parts = [basis(part).permute(2, 0, 1).cpu() for part in places.split(_TABULATED_AT_ONCE)]
    values = torch.cat(parts, 1).reshape(-1, nodes, nodes, nodes, 3).numpy()
    for dimension in (1, 2, 3):
        values = spline_filter1d(values, order=3, axis=dimension, output=np.float32, mode="mirror")
    kept = slice(FADING, nodes - FADING)
    splines = torch.from_numpy(np.ascontiguousarray(values[:, kept, kept, kept])).to(device)
    own_mask = None if mask is None else mask.detach().float().contiguous().to(device)
    return ModeTable(splines, (FADING - reach) * spacing_a, spacing_a, own_mask, mask_voxel_a)


def invert(points_a: Tensor, coefficients: Tensor, table: ModeTable) -> Inverse:
    """Invert tabulated fields.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(n, 3)`` the same for all states, or ``(b, n, 3)`` points in Å of the moved structure.
    coefficients: torch.Tensor
        ``(b, K)`` coefficients of the states.
    table: ModeTable
        The modes, on the same device.

    Returns
    -------
    Inverse
        Points of the structure at rest.
    """
    targets = points_a.expand(len(coefficients), *points_a.shape[-2:]).float().contiguous()
    fields = table.states(coefficients)
    if targets.device.type == "cpu":
        from jobs.maths import inversion_numba

        return Inverse(*inversion_numba.solve(fields, table, targets))
    return solve_torch(fields, table, targets)


def solve_torch(fields: Tensor, table: ModeTable, targets: Tensor) -> Inverse:
    """Solve as :func:`invert`, in torch: for GPUs, and the slow reference of the kernel.

    Parameters
    ----------
    fields: torch.Tensor
        ``(b, G, G, G, 3)`` spline coefficients of the states.
    table: ModeTable
        Grid and mask.
    targets: torch.Tensor
        ``(b, n, 3)`` in Å.
    """
    count = targets.shape[1]
    found = []
    rows = torch.arange(len(targets), device=targets.device).repeat_interleave(count)
    for part, row in zip(
        targets.reshape(-1, 3).split(_TORCH_AT_ONCE), rows.split(_TORCH_AT_ONCE), strict=True
    ):
        found.append(solve(_of_states(fields, table, row), part))
    return Inverse(
        torch.cat([f.points_a for f in found]).view_as(targets),
        torch.cat([f.residual_a for f in found]).view(-1, count),
        torch.cat([f.determinant for f in found]).view(-1, count),
    )


def _of_states(fields: Tensor, table: ModeTable, rows: Tensor) -> Field:
    return lambda points, chosen: evaluate(fields, table, points, rows[chosen])


def evaluate(fields: Tensor, table: ModeTable, points_a: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Displacement ``(m, 3)`` in Å and Jacobian ``(m, 3, 3)`` of states ``rows`` (m,) at points (m, 3)."""
    nodes, spacing = table.n_nodes, table.spacing_a
    free = (points_a - table.lower_a) / spacing
    place = free.clamp(1.0, nodes - 2.001)
    inside = ((free >= 1.0) & (free <= nodes - 2.001)).float()
    first = place.floor().long()
    weight, slope = _spline_weights(place - first)
    slope = slope * (inside / spacing)[:, None, :]
    flat = fields.reshape(-1, 3)
    value = points_a.new_zeros(len(points_a), 3)
    jacobian = points_a.new_zeros(len(points_a), 3, 3)
    base = (((rows * nodes + first[:, 2] - 1) * nodes + first[:, 1] - 1) * nodes) + first[:, 0] - 1
    for k, j, i in product(range(4), range(4), range(4)):
        node = flat[base + (k * nodes + j) * nodes + i]
        wx, wy, wz = weight[:, i, 0], weight[:, j, 1], weight[:, k, 2]
        value += (wx * wy * wz)[:, None] * node
        gradient = torch.stack(
            (slope[:, i, 0] * wy * wz, wx * slope[:, j, 1] * wz, wx * wy * slope[:, k, 2]), 1
        )
        jacobian += node[:, :, None] * gradient[:, None, :]
    if table.mask is None:
        return value, jacobian
    factor, change = _mask_and_gradient(table.mask, table.mask_voxel_a, points_a)
    jacobian = factor[:, None, None] * jacobian + value[:, :, None] * change[:, None, :]
    return factor[:, None] * value, jacobian


def solve(field: Field, targets: Tensor) -> Inverse:
    """Find points that any field takes to the targets.

    Parameters
    ----------
    field: callable
        Displacement ``(m, 3)`` and Jacobian ``(m, 3, 3)`` at points ``(m, 3)``; its second argument
        ``(m,)`` tells which of the targets they belong to.
    targets: torch.Tensor
        ``(n, 3)`` in Å.

    Returns
    -------
    Inverse
        With shapes ``(n, 3)``, ``(n,)`` and ``(n,)``.
    """
    everyone = torch.arange(len(targets), device=targets.device)
    points, residual, determinant = _newton(field, targets, everyone, targets)
    lost = (residual > TOLERANCE_A).nonzero()[:, 0]
    if len(lost):
        ends = targets[lost]
        follow = ends.clone()
        for step in range(1, PATH_STEPS + 1):
            share = step / PATH_STEPS
            for _ in range(PATH_ITERATIONS):
                value, jacobian = field(follow, lost)
                follow = follow - _step(share * jacobian, follow + share * value - ends)[0]
        again = _newton(field, ends, lost, follow)
        better = again[1] < residual[lost]
        chosen = lost[better]
        points, residual, determinant = points.clone(), residual.clone(), determinant.clone()
        points[chosen], residual[chosen] = again[0][better], again[1][better]
        determinant[chosen] = again[2][better]
    return Inverse(points, residual, determinant)


def _newton(field: Field, targets: Tensor, which: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Newton's method with halved steps; points, residuals and determinants."""
    points = start.clone()
    value, jacobian = field(points, which)
    off = points + value - targets
    residual = off.norm(dim=1)
    active = torch.arange(len(points), device=points.device)
    for _ in range(ITERATIONS):
        active = active[residual[active] > TOLERANCE_A]
        if not len(active):
            break
        move, _ = _step(jacobian[active], off[active])
        trying, damping, moved = active, 1.0, torch.zeros_like(residual, dtype=torch.bool)
        for _ in range(HALVINGS):
            trial = points[trying] - damping * move
            value, slopes = field(trial, which[trying])
            rest = trial + value - targets[trying]
            size = rest.norm(dim=1)
            good = size < residual[trying]
            won = trying[good]
            points[won], off[won], jacobian[won] = trial[good], rest[good], slopes[good]
            residual[won], moved[won] = size[good], True
            trying, move = trying[~good], move[~good]
            damping *= 0.5
            if not len(trying):
                break
        active = active[moved[active]]
    return points, residual, _step(jacobian, off)[1]


def _step(jacobian: Tensor, off: Tensor) -> tuple[Tensor, Tensor]:
    """Newton step ``(m, 3)`` for an offset, and the determinant ``(m,)`` of the deformation."""
    matrix = jacobian + torch.eye(3, dtype=jacobian.dtype, device=jacobian.device)
    a, b, c = matrix.unbind(2)
    cross = torch.linalg.cross(b, c)
    determinant = (a * cross).sum(1)
    regular = determinant.abs() > SINGULAR
    safe = torch.where(regular, determinant, torch.ones_like(determinant))
    step = (
        torch.stack(
            (
                (off * cross).sum(1),
                (a * torch.linalg.cross(off, c)).sum(1),
                (a * torch.linalg.cross(b, off)).sum(1),
            ),
            1,
        )
        / safe[:, None]
    )
    return torch.where(regular[:, None], step, off), determinant


def _spline_weights(offset: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and slopes ``(m, 4, 3)`` of the four cubic B-splines about offsets ``(m, 3)`` from a node."""
    t, s = offset, 1 - offset
    weight = (s**3 / 6, t**3 / 2 - t**2 + 2 / 3, s**3 / 2 - s**2 + 2 / 3, t**3 / 6)
    slope = (-(s**2) / 2, 1.5 * t**2 - 2 * t, 2 * s - 1.5 * s**2, t**2 / 2)
    return torch.stack(weight, 1), torch.stack(slope, 1)


def _mask_and_gradient(mask: Tensor, voxel_a: float, points_a: Tensor) -> tuple[Tensor, Tensor]:
    """Trilinear value ``(m,)`` of a mask and its gradient ``(m, 3)`` per Å; 0 outside."""
    box = mask.shape[0]
    place = points_a / voxel_a + box // 2
    first = place.floor()
    offset = place - first
    value = points_a.new_zeros(len(points_a))
    gradient = torch.zeros_like(points_a)
    for k, j, i in product((0, 1), repeat=3):
        corner = first.long() + torch.tensor((i, j, k), device=first.device)
        inside = ((corner >= 0) & (corner < box)).all(1)
        x, y, z = corner.clamp(0, box - 1).unbind(1)
        node = mask[z, y, x] * inside
        w = [offset[:, d] if one else 1 - offset[:, d] for d, one in enumerate((i, j, k))]
        sign = [1.0 if one else -1.0 for one in (i, j, k)]
        value += node * w[0] * w[1] * w[2]
        gradient += node[:, None] * torch.stack(
            (sign[0] * w[1] * w[2], sign[1] * w[0] * w[2], sign[2] * w[0] * w[1]), 1
        )
    return value, gradient / voxel_a
