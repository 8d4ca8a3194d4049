"""The way back through a displacement field: points y with y + u(y) = x.

Fields of the form ``u(y) = sum_k c_k phi_k(y)`` are inverted fast: the modes are tabulated once, as
coefficients of cubic B-splines on a regular grid, so that a state costs one product of its coefficients with
the table, and a point some evaluations of the spline and its exact derivative.  Nothing is evaluated per
state but these.

The equation is solved by Newton's method with a step that is halved until the residual falls.  Where that
gets stuck, the point is followed from the undisplaced field to the full one in small steps.  Where both fail,
or where the field turns space inside out, the residual and the determinant say so: there the field folds,
and there is no unique way back.

Reference: J. Nocedal and S. Wright, Numerical Optimization (2006), chapter 11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths.mode_table import ModeTable, evaluate

#: Residual in Å at which a point is taken as found, and iterations after which it is given up.
TOLERANCE_A = 1e-3
ITERATIONS = 12
HALVINGS = 6
#: Steps in which a point that Newton's method loses is followed, and iterations in each.
PATH_STEPS = 16
PATH_ITERATIONS = 3
#: Below this determinant the Newton step is replaced by the plain residual.
SINGULAR = 1e-3
_TORCH_AT_ONCE = 1 << 17

Field = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


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
