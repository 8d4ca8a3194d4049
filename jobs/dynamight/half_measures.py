"""What is measured of a half-set as it stands: projections, residuals, grey scale and displacements."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.images import ParticleImages
from jobs.dynamight.latents import LatentTable
from jobs.dynamight.likelihood import projected_spectra
from jobs.dynamight.model import GaussianModel
from jobs.dynamight.poses import PoseCorrections, apply_corrections
from jobs.dynamight.steps import Pass as Pass
from jobs.dynamight.steps import StepSizes as StepSizes


class HalfMeasures:
    """A half-set: its model, its particles and their states."""

    model: GaussianModel
    images: ParticleImages
    rows: Tensor
    device: torch.device
    latents: LatentTable
    poses: PoseCorrections | None

    @torch.no_grad()
    def moved_pixels(self, local: Tensor, box: int, move: bool = True) -> Tensor:
        """Projected Gaussians ``(b, n, 2)`` of some particles at the means of their states."""
        model = self.model
        rotations = self.images.rotations[self.rows[local.cpu()].to(self.device)]
        points: Tensor = model.positions
        if move:
            means = self.latents.means[local.to(self.device)]
            points = points + model.displacement(means, points)
        shift: Tensor | float = 0.0
        if self.poses is not None:
            corrections = self.poses.rows.table[local.to(self.device)]
            rotations, shifts_a = apply_corrections(corrections, rotations)
            shift = shifts_a[:, None] * (box / model.frame.side_a)
        return model.project(points, rotations, box) + shift

    @torch.no_grad()
    def residual_power(self, local: Tensor, move: bool = True) -> tuple[Tensor, int]:
        """Sum ``(D, D // 2 + 1)`` over particles of the squared residual, and their number."""
        box = self.images.full_box
        total = torch.zeros(box, box // 2 + 1, device=self.device)
        for part in local.split(64):
            batch = self.images.batch(self.rows[part], box)
            pixels = self.moved_pixels(part, box, move)
            model = projected_spectra(pixels, self.model.weights(), self.model.transfer(box), box)
            total += (model * batch.ctf - batch.transforms).abs().square().sum(0)
        return total, len(local)

    @torch.no_grad()
    def fit_scale(self, precision: Tensor, local: Tensor) -> None:
        """Bring the cloud to the grey scale of the images by linear regression, without motion."""
        box = self.images.full_box
        above = below = torch.zeros((), device=self.device)
        for part in local.split(64):
            batch = self.images.batch(self.rows[part], box)
            pixels = self.moved_pixels(part, box, move=False)
            model = projected_spectra(pixels, self.model.weights(), self.model.transfer(box), box) * batch.ctf
            above = above + ((model.conj() * batch.transforms).real * precision).sum()
            below = below + (model.abs().square() * precision).sum()
        ratio = float(above / below.clamp(min=1e-30))
        if not math.isfinite(ratio) or ratio <= 0:
            raise UserError(
                "the images do not correlate with the consensus map: their contrast may be inverted, or "
                "the poses do not belong to this map",
                hint="Particles must be white on black, with angles and shifts of a refinement of this map.",
            )
        self.model.scale *= ratio

    @torch.no_grad()
    def rms_displacement_a(self) -> float:
        """Root mean square displacement in Å over particles and Gaussians, at the means of the states."""
        return float(self.particle_rms_a(self.latents.means).square().mean().sqrt())

    @torch.no_grad()
    def particle_rms_a(self, latents: Tensor) -> Tensor:
        """Root mean square displacement ``(p,)`` in Å of each state over the Gaussians."""
        basis = self.model.basis(self.model.positions)
        flat = basis.reshape(-1, basis.shape[-1])
        gram = flat.T @ flat / self.model.n_points
        coefficients = self.model.field.coefficients(latents)
        return ((coefficients @ gram) * coefficients).sum(1).clamp(min=0).sqrt()
