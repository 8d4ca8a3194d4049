"""Motions of parts of a molecule: who takes part, and where every point goes for a parameter value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.core.errors import UserError
from jobs.simulate.specification import MotionKind, MotionSpec, RegionSpec
from jobs.simulate.structures import Structure

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """A motion with everything decided.

    Attributes
    ----------
    name, kind
        As in the specification.
    axis
        ``(3,)`` unit vector.
    centre_a
        ``(3,)`` centred Å.
    reach_a
        Distance from the centre at which breathing by 1 Å moves a point by 1 Å.
    """

    name: str
    kind: MotionKind
    axis: tuple[float, float, float]
    centre_a: tuple[float, float, float]
    reach_a: float

    @property
    def unit(self) -> str:
        """Unit of the parameter."""
        return "degrees" if self.kind in ("hinge", "twist") else "Å"

    def displace(self, points_a: Tensor, membership: Tensor, values: Tensor) -> Tensor:
        """Displacement of points.

        Parameters
        ----------
        points_a
            ``(n, 3)`` points at rest.
        membership
            ``(n,)`` share of the motion that each point takes part in, 0 ... 1.
        values
            ``(b,)`` parameter, degrees or Å.

        Returns
        -------
        Tensor
            ``(b, n, 3)`` displacement in Å.
        """
        axis = points_a.new_tensor(self.axis)
        amount = values[:, None] * membership  # (b, n)
        if self.kind == "slide":
            return amount[..., None] * axis
        arm = points_a - points_a.new_tensor(self.centre_a)
        if self.kind == "breathing":
            return amount[..., None] * (arm / self.reach_a)
        # Rodrigues' formula minus the point itself: k x p sin t + k x (k x p) (1 - cos t)
        across = torch.linalg.cross(axis.expand_as(arm), arm)
        inwards = torch.linalg.cross(axis.expand_as(arm), across)
        angle = torch.deg2rad(amount)[..., None]
        return across * torch.sin(angle) + inwards * (1 - torch.cos(angle))


def resolve_motions(specs: Sequence[MotionSpec], structure: Structure) -> tuple[list[Motion], Floats]:
    """Decide everything that specifications leave open.

    Parameters
    ----------
    specs
        Motions.
    structure
        The molecule.

    Returns
    -------
    list of Motion, ndarray
        The motions, and ``(m, k)`` membership of every point of the structure.
    """
    motions, columns = [], []
    for number, spec in enumerate(specs, start=1):
        member = membership(spec.region, structure)
        if not member.any():
            raise UserError(
                f"motion {number} ({spec.kind}) moves nothing: its region holds no part of the molecule"
            )
        motions.append(_resolve(spec, number, member, structure))
        columns.append(member)
    table = np.stack(columns, axis=1) if columns else np.zeros((len(structure.points_a), 0))
    return motions, table


def membership(region: RegionSpec, structure: Structure) -> Floats:
    """Share ``(m,)``, 0 ... 1, of every point in a region; soft at planes and spheres when asked."""
    points = structure.points_a
    if region.kind == "all":
        return np.ones(len(points))
    if region.kind == "chain":
        names = [name.strip() for name in region.name.split(",") if name.strip()]
        unknown = [name for name in names if name not in structure.chain_names]
        if unknown or not names:
            raise UserError(
                f"there is no chain '{', '.join(unknown)}'",
                hint=f"Chains: {', '.join(structure.chain_names)}.",
            )
        wanted = [i for i, name in enumerate(structure.chain_names) if name in names]
        return np.isin(structure.chain, wanted).astype(np.float64)
    if region.kind == "plane":
        normal = _unit(region.normal)
        depth = points @ normal - _plane_level(region, structure)
    else:
        point = np.zeros(3) if region.point_a is None else np.array(region.point_a)
        depth = region.radius_a - np.linalg.norm(points - point, axis=1)
    if region.softness_a <= 0:
        return (depth >= 0).astype(np.float64)
    phase = np.clip(depth / region.softness_a + 0.5, 0, 1)
    return phase * phase * (3 - 2 * phase)


def displacements(motions: Sequence[Motion], points_a: Tensor, member: Tensor, values: Tensor) -> Tensor:
    """Sum the displacements ``(b, n, 3)`` of all motions; ``member`` is ``(n, k)``, ``values`` ``(b, k)``."""
    total = points_a.new_zeros(len(values), len(points_a), 3)
    for k, motion in enumerate(motions):
        total = total + motion.displace(points_a, member[:, k], values[:, k])
    return total


def draw_values(specs: Sequence[MotionSpec], n: int, rng: np.random.Generator) -> Floats:
    """Draw the parameters ``(n, k)`` of all motions, independently of each other."""
    columns = [
        rng.choice(np.array(spec.states), n) if spec.states else rng.uniform(spec.low, spec.high, n)
        for spec in specs
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((n, 0))


def _resolve(spec: MotionSpec, number: int, member: Floats, structure: Structure) -> Motion:
    mass = structure.weights * member
    inside = np.average(structure.points_a, axis=0, weights=mass)
    rest = structure.weights * (1 - member)
    outwards = _unit(spec.region.normal)
    if spec.region.kind != "plane" and rest.sum() > 0:
        away = inside - np.average(structure.points_a, axis=0, weights=rest)
        outwards = _unit(away) if np.linalg.norm(away) > 1e-6 else outwards
    if spec.axis is not None:
        axis = _unit(spec.axis)
    else:
        axis = outwards if spec.kind == "twist" else _across(outwards)
    if spec.centre_a is not None:
        centre = np.array(spec.centre_a)
    elif spec.kind == "breathing":
        centre = inside
    else:
        centre = _interface(member, outwards, structure)
    arm = structure.points_a - centre
    reach = float(np.sqrt(np.average((arm**2).sum(1), weights=mass)))
    return Motion(
        spec.name or f"{spec.kind} {number}",
        spec.kind,
        (float(axis[0]), float(axis[1]), float(axis[2])),
        (float(centre[0]), float(centre[1]), float(centre[2])),
        max(reach, 1e-6),
    )


def _interface(member: Floats, outwards: Floats, structure: Structure) -> Floats:
    """Centre of the moving points nearest to the rest: the tenth that lies lowest along ``outwards``."""
    moving = structure.points_a[member > 0.5] if (member > 0.5).any() else structure.points_a[member > 0]
    level = moving @ outwards
    return moving[level <= np.quantile(level, 0.1)].mean(axis=0)


def _plane_level(region: RegionSpec, structure: Structure) -> float:
    normal = _unit(region.normal)
    if region.point_a is not None:
        return float(np.array(region.point_a) @ normal)
    level = structure.points_a @ normal
    order = np.argsort(level)
    above = 1 - np.cumsum(structure.weights[order]) / structure.weights.sum()
    return float(level[order][np.searchsorted(-above, -region.fraction)])


def _unit(vector: Sequence[float] | Floats) -> Floats:
    array = np.asarray(vector, dtype=np.float64)
    length = np.linalg.norm(array)
    if array.shape != (3,) or length == 0:
        raise UserError(f"a direction needs three numbers that are not all zero, not {list(vector)}")
    return array / length


def _across(direction: Floats) -> Floats:
    """Unit vector perpendicular to a direction: across it and the coordinate axis it is least along."""
    helper = np.eye(3)[np.argmin(np.abs(direction))]
    return _unit(np.cross(direction, helper))
