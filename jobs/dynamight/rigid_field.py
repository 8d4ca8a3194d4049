"""The decoder of the rigid-body prior: every body turns and shifts as a whole.

Every place of the consensus belongs to one body or to none, and moves with it,

    u(x, z) = reach(x) [(R_b(z) - 1) (x - p_b) + t_b(z)],    b = body(x),

which is linear in the entries of ``R_b - 1`` and ``t_b``: they are the coefficients, and ``(x - p_b)_j``
along each axis the motion modes, so that everything that uses a :class:`DisplacementField` works with it.
Bodies have sharp borders. Between soft masks that are added up, rotations would be averaged entry by entry,
and the parts near a border would be squeezed: a body that shares its Gaussians is not rigid. ``reach`` is 1
in all bodies and around them, and falls to 0 in the solvent beyond, where nothing is.

The mean of the motion is taken off as a rotation and a shift of each body, not as a mean of coefficients,
which are entries of no rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from jobs.dynamight.field import DisplacementField, FieldShape
from jobs.maths.rotations import axis_angle_to_matrix

#: Coefficients of a body: nine of its rotation, three of its shift.
PER_BODY = 12
#: By how much in Å a body's surface moves for a unit of the network's output, by turning or by shifting.
_UNIT_A = 5.0
#: Value of full reach; eight bits keep checkpoints small.
FULL = 255


@dataclass(frozen=True)
class RigidBodies:
    """Which part of the box belongs to which body.

    Attributes
    ----------
    labels
        ``(D, D, D)`` uint8 ``[z, y, x]``: number of the body from 1, 0 for what stands still.
    reach
        ``(D, D, D)`` uint8: how much of the body's motion the voxel takes part in, 0 to 255.
    pivots_a
        ``(B, 3)`` points (x, y, z) about which bodies turn, Å relative to the box centre.
    radii_a
        ``(B,)`` root mean square distance in Å of the body's Gaussians from its pivot.
    voxel_a
        Voxel size in Å; voxel ``D // 2`` lies at the centre.
    names
        File names of the masks.
    """

    labels: Tensor
    reach: Tensor
    pivots_a: Tensor
    radii_a: Tensor
    voxel_a: float
    names: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of bodies."""
        return len(self.names)

    @classmethod
    def empty(cls, box: int, voxel_a: float, names: tuple[str, ...]) -> RigidBodies:
        """Bodies of the right sizes, to be filled from a checkpoint."""
        grid = torch.zeros(box, box, box, dtype=torch.uint8)
        n = len(names)
        return cls(grid, grid.clone(), torch.zeros(n, 3), torch.ones(n), voxel_a, names)


@dataclass(frozen=True)
class RigidMotion:
    """Motion of every body in some states: ``x`` of body ``b`` goes to ``R_b (x - p_b) + p_b + t_b``.

    Attributes
    ----------
    rotations
        ``(b, B, 3, 3)``.
    shifts_a
        ``(b, B, 3)`` in Å.
    pivots_a
        ``(B, 3)`` in Å relative to the box centre.
    """

    rotations: Tensor
    shifts_a: Tensor
    pivots_a: Tensor


class RigidField(DisplacementField):
    """Rotations and shifts of bodies for latent states; see the module for the formula.

    Parameters
    ----------
    shape: FieldShape
        Sizes; ``n_modes`` must be twelve times the number of bodies. There is no coordinate network.
    generator: torch.Generator
        Source (CPU) of the initial weights.
    bodies: RigidBodies
        The bodies.
    """

    labels: Tensor
    reach: Tensor
    pivots_a: Tensor
    radii_a: Tensor
    mean_rotations: Tensor
    mean_shifts_a: Tensor

    def __init__(self, shape: FieldShape, generator: torch.Generator, bodies: RigidBodies) -> None:
        if shape.n_modes != PER_BODY * bodies.n:
            raise ValueError(f"{bodies.n} bodies have {PER_BODY * bodies.n} modes, not {shape.n_modes}")
        super().__init__(shape, generator)
        self.names, self.voxel_a = bodies.names, bodies.voxel_a
        self.register_buffer("labels", bodies.labels.clone())
        self.register_buffer("reach", bodies.reach.clone())
        self.register_buffer("pivots_a", bodies.pivots_a.clone().float())
        self.register_buffer("radii_a", bodies.radii_a.clone().float())
        # Mean motion over the particles: taken off, so that the consensus is the structure in the middle.
        self.register_buffer("mean_rotations", torch.eye(3).repeat(bodies.n, 1, 1))
        self.register_buffer("mean_shifts_a", torch.zeros(bodies.n, 3))

    def build_modes(self, generator: torch.Generator) -> None:
        """Modes are given by the bodies: there is no coordinate network."""

    @property
    def n_outputs(self) -> int:
        """A rotation vector and a shift of every body."""
        return self.shape.n_modes // 2

    @property
    def n_bodies(self) -> int:
        """Number of bodies."""
        return len(self.names)

    def body_of(self, points_a: Tensor) -> Tensor:
        """Number ``(n,)`` of the body from 1 that points ``(n, 3)`` in Å belong to, 0 for none."""
        box = self.labels.shape[0]
        index = (points_a / self.voxel_a + box // 2).round().long()
        inside = ((index >= 0) & (index < box)).all(1)
        x, y, z = index.clamp(0, box - 1).unbind(1)
        return torch.where(inside, self.labels[z, y, x].long(), 0)

    def reach_at(self, points_a: Tensor) -> Tensor:
        """Part ``(n,)`` of its body's motion that each point takes part in, trilinear; 0 outside the box."""
        box = self.labels.shape[0]
        place = points_a / self.voxel_a + box // 2
        first = place.floor()
        offset = place - first
        result = points_a.new_zeros(len(points_a))
        for corner in product((0, 1), repeat=3):
            step = points_a.new_tensor(corner)
            weight = (1 - step - offset).abs().prod(1)
            x, y, z = (first + step).long().clamp(0, box - 1).unbind(1)
            result = result + weight * self.reach[z, y, x]
        inside = ((place >= 0) & (place <= box - 1)).all(1)
        return torch.where(inside, result / FULL, 0.0)

    def basis(self, points_a: Tensor) -> Tensor:
        """Motion modes ``(n, 3, 12 B)`` at points ``(n, 3)`` in Å: nine and three of each body."""
        body = self.body_of(points_a)
        reach = torch.where(body > 0, self.reach_at(points_a), 0.0)
        own = torch.nn.functional.one_hot(body, self.n_bodies + 1)[:, 1:] * reach[:, None]  # (n, B)
        arms = points_a[:, None] - self.pivots_a  # (n, B, 3)
        axes = torch.eye(3, device=points_a.device)
        # Entry (i, j) of the rotation moves a point along i by its arm along j.
        turning = torch.einsum("nb,nbj,ci->ncbij", own, arms, axes).flatten(3)
        shifting = torch.einsum("nb,ci->ncbi", own, axes)
        return torch.cat((turning, shifting), 3).flatten(2)

    def raw_motion(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations ``(b, B, 3, 3)`` and shifts ``(b, B, 3)`` in Å before their means are taken off."""
        output = self.network(latents).view(-1, self.n_bodies, 6)
        vectors = output[..., :3] * (_UNIT_A / self.radii_a)[:, None]
        return axis_angle_to_matrix(vectors), output[..., 3:] * _UNIT_A

    def motion(self, latents: Tensor) -> RigidMotion:
        """Motion of every body, from the consensus, for states ``(b, L)``."""
        raw, shifts = self.raw_motion(latents)
        rotations = raw @ self.mean_rotations.transpose(1, 2)
        shifts = shifts - torch.einsum("nbij,bj->nbi", rotations, self.mean_shifts_a)
        return RigidMotion(rotations, shifts, self.pivots_a)

    def raw_coefficients(self, latents: Tensor) -> Tensor:
        """Coefficients ``(b, 12 B)``; the mean motion is off already, see the module."""
        motion = self.motion(latents)
        change = motion.rotations - torch.eye(3, device=latents.device)
        return torch.cat((change.flatten(2), motion.shifts_a), 2).flatten(1)

    @torch.no_grad()
    def recentre(self, positions_a: Tensor, latents: Tensor, rate: float) -> Tensor:
        """Move the mean rotation and shift of every body from the field into the consensus.

        The moved structures stay exactly what they were.

        Parameters
        ----------
        positions_a: torch.Tensor
            ``(n, 3)`` Gaussians of the consensus in Å.
        latents: torch.Tensor
            ``(p, L)`` states of the particles.
        rate: float
            Part of the mean that is moved, 0 to 1.

        Returns
        -------
        torch.Tensor
            ``(n, 3)`` Gaussians of the new consensus.
        """
        if not len(latents):
            return positions_a
        motion = self.motion(latents)
        # The mean in the sense of Frobenius: the rotation nearest to the mean of the matrices.
        turn = _nearest_rotation(
            (1 - rate) * torch.eye(3, device=latents.device) + rate * motion.rotations.mean(0)
        )
        shift = rate * motion.shifts_a.mean(0)
        # The mean of raw motions: first the mean so far, then what is new.
        self.mean_shifts_a.copy_(torch.einsum("bij,bj->bi", turn, self.mean_shifts_a) + shift)
        self.mean_rotations.copy_(_nearest_rotation(turn @ self.mean_rotations))
        body = self.body_of(positions_a)
        own = (body - 1).clamp(min=0)
        pivots = self.pivots_a[own]
        moved = torch.einsum("nij,nj->ni", turn[own], positions_a - pivots) + pivots + shift[own]
        return torch.where((body > 0)[:, None], moved, positions_a)


def _nearest_rotation(matrices: Tensor) -> Tensor:
    """Rotations ``(b, 3, 3)`` nearest to matrices, by their singular values."""
    u, _, v = torch.linalg.svd(matrices.double())
    sign = torch.ones_like(u[..., 0])
    sign[..., 2] = torch.linalg.det(u @ v)
    return ((u * sign[..., None, :]) @ v).to(matrices.dtype)
