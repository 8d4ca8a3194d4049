"""What a batch of particles adds to the losses of a half-set: likelihood, priors and restraint."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.core.team import Team
from jobs.dynamight.atomic_graph import ModelGraph, length_error, sampled
from jobs.dynamight.field import displace
from jobs.dynamight.geometry import EDGES_PER_STEP, PARTICLES_PER_STEP, length_change, sample_edges
from jobs.dynamight.half_measures import HalfMeasures
from jobs.dynamight.images import Batch
from jobs.dynamight.latents import divergence
from jobs.dynamight.likelihood import projection_nll
from jobs.dynamight.poses import apply_corrections
from jobs.dynamight.rigid_field import RigidField
from jobs.dynamight.steps import Pass as Pass
from jobs.dynamight.steps import StepLosses
from jobs.dynamight.steps import StepSizes as StepSizes
from jobs.maths.gaussians import radius_graph

#: Weight of the restraint at a regularisation factor of 1, relative to equal gradient norms.
RESTRAINT_AT_ONE = 0.3


class HalfLosses(HalfMeasures):
    """A half-set with what holds its motions together, and the team it is trained with."""

    team: Team
    sampler: torch.Generator
    edges: Tensor
    graph: ModelGraph | None

    def connect(self) -> float:
        """Find the neighbours of every Gaussian anew; returns their mean distance in Å."""
        self.edges, distance = radius_graph(self.model.positions)
        if isinstance(self.model.field, RigidField):
            # Within bodies no distance changes, and what bodies do to each other is for the images to say.
            self.edges = self.edges[:, :0]
        return distance

    def pairs(self) -> ModelGraph | Tensor:
        """The pairs of Gaussians whose distances are looked at in a step, drawn at random."""
        # Where no neighbours are held (rigid bodies), bonds are not either.
        if self.graph is not None and self.edges.shape[1]:
            return sampled(self.graph, self.sampler, EDGES_PER_STEP)
        return sample_edges(self.edges, self.sampler)

    def _geometry(self, coefficients: Tensor, basis: Tensor, pairs: ModelGraph | Tensor) -> Tensor:
        """The restraint on the motions of the first particles of a batch, ``(p,)`` in Å²."""
        few = coefficients[: self.team.count(PARTICLES_PER_STEP)]
        if isinstance(pairs, Tensor):
            return length_change(few, basis, self.model.positions, pairs)
        return length_error(few, basis, self.model.positions, pairs)

    def losses(
        self,
        local: Tensor,
        batch: Batch,
        n: int,
        plan: Pass,
        precision: Tensor,
        learn: bool,
        drawn: Tensor | None,
        pairs: ModelGraph | Tensor | None,
    ) -> StepLosses:
        """What our part of a batch of ``n`` adds to the losses of a step."""
        model = self.model
        rotations = self.images.rotations[batch.rows]
        corrections = self.poses.leaf(local) if self.poses is not None and plan.poses and learn else None
        if corrections is None and self.poses is not None:
            rotations, shifts = apply_corrections(self.poses.rows.table[local], rotations)
        elif corrections is not None:
            rotations, shifts = apply_corrections(corrections, rotations)
        else:
            shifts = None
        zero = precision.new_zeros(())
        geometry = prior = penalty = zero
        mean = log_sd = zero
        points: Tensor = model.positions
        if plan.move:
            assert drawn is not None
            mean, log_sd = self.latents.leaves(local)
            coefficients = model.field.coefficients(mean + log_sd.exp() * drawn)
            basis = model.basis(points.detach())
            points = points + displace(coefficients, basis)
            prior = divergence(mean, log_sd).sum() / n
            if pairs is not None:
                restrained = min(n, PARTICLES_PER_STEP)
                geometry = self._geometry(coefficients, basis, pairs).sum() / restrained
        pixels = model.project(points, rotations, plan.box)
        if shifts is not None:
            pixels = pixels + shifts[:, None] * (plan.box / model.frame.side_a)
        data = projection_nll(
            pixels, model.weights(), model.transfer(plan.box), batch.transforms, batch.ctf, precision
        )
        if corrections is not None:
            assert self.poses is not None
            penalty = self.poses.penalty(corrections).sum() / n
        return StepLosses(data.sum() / n, prior, geometry, penalty, mean, log_sd, corrections)

    def restraint_for(self, found: StepLosses | None, factor: float) -> Tensor:
        """Return the weight of the restraint at which its gradient and that of the data have a fixed ratio.

        Norms are over the parameters of the field; the ratio is the regularisation factor (DynaMight's rule,
        here running along with the training instead of once per epoch).
        """
        parameters = list(self.model.field.parameters())
        gradients: list[list[Tensor]] = [[torch.zeros_like(p) for p in parameters] for _ in range(2)]
        if found is not None:
            gradients = [
                list(torch.autograd.grad(loss, parameters, retain_graph=True))
                for loss in (found.data, found.geometry)
            ]
        self.team.add([*gradients[0], *gradients[1]])
        norms = [torch.stack([g.square().sum() for g in part]).sum().sqrt() for part in gradients]
        ratio = norms[0] / torch.maximum(norms[1], 5e-4 * norms[0]).clamp(min=1e-30)
        return RESTRAINT_AT_ONE * factor * ratio
