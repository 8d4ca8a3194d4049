"""The model of one half-set: a consensus cloud of Gaussians, and how it moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jobs.dynamight.field import DisplacementField, FieldShape, displace
from jobs.dynamight.rigid_field import RigidBodies, RigidField
from jobs.maths.gaussians import render_volume, transfer

#: Initial standard deviation of the Gaussians over the mean distance of their neighbours.
WIDTH_PER_DISTANCE = 0.6


@dataclass(frozen=True)
class Frame:
    """The box a model lives in: side in voxels, voxel size in Å, origin of the map in Å (x, y, z)."""

    box: int
    voxel_size_a: float
    origin_a: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def side_a(self) -> float:
        """Side in Å."""
        return self.box * self.voxel_size_a


class GaussianModel(nn.Module):
    """Consensus Gaussians and their displacement field.

    Parameters
    ----------
    positions_a: torch.Tensor
        ``(n, 3)`` initial positions in Å relative to the box centre.
    widths_a: torch.Tensor
        ``(c,)`` initial standard deviations in Å.
    shape: FieldShape
        Sizes of the networks.
    frame: Frame
        The box.
    generator: torch.Generator
        Source (CPU) of the initial weights.
    mask: torch.Tensor or None
        ``(D, D, D)`` where the molecule may move (1) and where not (0).
    bodies: RigidBodies or None
        Bodies that move as a whole; None for a smooth field.
    """

    mask: Tensor | None
    scale: Tensor

    def __init__(
        self,
        positions_a: Tensor,
        widths_a: Tensor,
        shape: FieldShape,
        frame: Frame,
        generator: torch.Generator,
        mask: Tensor | None = None,
        bodies: RigidBodies | None = None,
    ) -> None:
        super().__init__()
        n_points, n_classes = len(positions_a), len(widths_a)
        self.frame = frame
        self.positions = nn.Parameter(positions_a.clone().float())
        self.log_amplitudes = nn.Parameter(torch.zeros(n_points))
        self.class_logits = nn.Parameter(0.1 * torch.randn(n_classes, n_points, generator=generator))
        self.log_widths = nn.Parameter(widths_a.clone().float().log())
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("mask", None if mask is None else mask.float())
        self.field = (
            DisplacementField(shape, generator) if bodies is None else RigidField(shape, generator, bodies)
        )

    @property
    def n_points(self) -> int:
        """Number of Gaussians."""
        return self.positions.shape[0]

    def structure_parameters(self) -> list[nn.Parameter]:
        """Everything that describes the consensus, positions first."""
        return [self.positions, self.log_amplitudes, self.class_logits, self.log_widths]

    def widths(self) -> Tensor:
        """Standard deviations ``(c,)`` in Å, at least half a voxel."""
        return self.log_widths.clamp(min=math.log(0.5 * self.frame.voxel_size_a)).exp()

    def weights(self) -> Tensor:
        """Weights ``(c, n)``: amplitudes, divided among the widths, in the grey scale of the images."""
        classes = torch.softmax(self.class_logits, 0)
        return self.scale * self.log_amplitudes.exp() * classes

    def transfer(self, working_box: int) -> Tensor:
        """Fourier filter ``(c, d, d // 2 + 1)`` of the widths for images of a working box, orthonormal."""
        pixel = self.frame.side_a / working_box
        return transfer(self.widths(), working_box, pixel) / self.frame.box

    def basis(self, points_a: Tensor) -> Tensor:
        """Motion modes ``(n, 3, K)`` at points in Å, zero where the mask forbids motion."""
        modes = self.field.basis(points_a)
        if self.mask is None:
            return modes
        return modes * self.mobility(points_a)[:, None, None]

    def mobility(self, points_a: Tensor) -> Tensor:
        """Value ``(n,)`` of the mask at points, trilinear; 1 without a mask, 0 outside the box."""
        return (
            points_a.new_ones(len(points_a))
            if self.mask is None
            else mask_at(self.mask, points_a, self.frame)
        )

    def displacement(self, latents: Tensor, points_a: Tensor) -> Tensor:
        """Displacement in Å of any points for any latent states.

        Parameters
        ----------
        latents: torch.Tensor
            ``(b, L)``.
        points_a: torch.Tensor
            ``(n, 3)`` points of the consensus structure in Å relative to the box centre.

        Returns
        -------
        torch.Tensor
            ``(b, n, 3)``.
        """
        return displace(self.field.coefficients(latents), self.basis(points_a))

    def project(self, points_a: Tensor, rotations: Tensor, working_box: int) -> Tensor:
        """Project points ``(n, 3)`` or ``(b, n, 3)`` in Å to pixels ``(b, n, 2)`` of the working box."""
        if points_a.ndim == 2:
            points_a = points_a.expand(len(rotations), -1, -1)
        return torch.matmul(points_a, rotations[:, :2].transpose(1, 2)) * (working_box / self.frame.side_a)

    @torch.no_grad()
    def volume(self, latent: Tensor | None = None, box: int | None = None) -> Tensor:
        """Map ``(D, D, D)`` of the consensus, or of the state ``(L,)``.

        Parameters
        ----------
        latent: torch.Tensor or None
            Latent state; None for the consensus.
        box: int or None
            Side of the map, covering the same volume; that of the frame by default.
        """
        box = box or self.frame.box
        points = self.positions.detach()
        if latent is not None:
            points = points + self.displacement(latent[None], points)[0]
        voxel = self.frame.side_a / box
        return render_volume(points, self.weights(), self.widths(), box, voxel)

    @torch.no_grad()
    def recentre(self, latents: Tensor, rate: float = 1.0) -> None:
        """Move the mean displacement over the particles from the field into the consensus positions.

        Afterwards the consensus is the mean structure, in both half-sets alike, and displacements are
        deviations from it.  The moved clouds stay what they were, up to the change of the modes over the
        (small) step.

        Parameters
        ----------
        latents: torch.Tensor
            ``(p, L)`` states of the particles.
        rate: float
            Part of the mean that is moved, 0 to 1.
        """
        field = self.field
        if isinstance(field, RigidField):
            self.positions.copy_(field.recentre(self.positions, latents, rate))
            return
        total = torch.zeros_like(field.mean_coefficients)
        for part in latents.split(65536):
            total += field.raw_coefficients(part).sum(0)
        change = rate * (total / max(1, len(latents)) - field.mean_coefficients)
        self.positions.add_(displace(change[None], self.basis(self.positions))[0])
        field.mean_coefficients += change


def mask_at(mask: Tensor, points_a: Tensor, frame: Frame) -> Tensor:
    """Value ``(n,)`` of a mask ``(D, D, D)`` at points ``(n, 3)`` in Å, trilinear; 0 outside the box."""
    box = mask.shape[0]
    # grid_sample counts from -1 to 1 between the centres of the first and last voxel.
    index = points_a / (frame.side_a / box) + box // 2
    grid = (2 * index / (box - 1) - 1)[None, None, None]
    sampled = nn.functional.grid_sample(mask[None, None], grid, align_corners=True, padding_mode="zeros")
    return sampled.reshape(-1)


def initial_widths(mean_distance_a: float, n_widths: int) -> Tensor:
    """Standard deviations ``(c,)`` in Å to start from, given the mean distance of neighbouring Gaussians."""
    return WIDTH_PER_DISTANCE * mean_distance_a * torch.linspace(1.0, 1.0 + 0.5 * (n_widths - 1), n_widths)


def radius_of_gyration(points_a: Tensor) -> float:
    """Root mean square distance in Å of points from their centre."""
    return float((points_a - points_a.mean(0)).square().sum(1).mean().sqrt())
