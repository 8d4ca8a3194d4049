"""Training of one half-set: the loop over its particles, and everything needed to go on with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.core.team import Team
from jobs.dynamight.atomic_graph import ModelGraph
from jobs.dynamight.half_losses import HalfLosses
from jobs.dynamight.images import Batch, ParticleImages
from jobs.dynamight.latents import LatentTable
from jobs.dynamight.model import GaussianModel
from jobs.dynamight.noise import NoiseModel
from jobs.dynamight.poses import PoseCorrections
from jobs.dynamight.steps import Pass as Pass
from jobs.dynamight.steps import StepLosses
from jobs.dynamight.steps import StepSizes as StepSizes

_CALIBRATE_EVERY = 8
_STRUCTURE_BETAS = (0.9, 0.98)


class HalfTraining(HalfLosses):
    """Model, particle states and optimisers of one half-set.

    Parameters
    ----------
    model: GaussianModel
        The model, on the device.
    images: ParticleImages
        Images of the whole data set.
    rows, validation: torch.Tensor
        ``(p,)`` particles of this half-set in the data set (CPU), and which of them are held out.
    sizes: StepSizes
        Step sizes.
    batch_size, seed, refine_poses
        Images per step; seed of this half-set; whether poses can be refined.
    """

    def __init__(
        self,
        model: GaussianModel,
        images: ParticleImages,
        rows: Tensor,
        validation: Tensor,
        *,
        sizes: StepSizes,
        batch_size: int,
        seed: int,
        refine_poses: bool = False,
    ) -> None:
        self.model, self.images, self.sizes = model, images, sizes
        self.rows, self.device, self.batch_size = rows, images.device, batch_size
        self.training = torch.nonzero(~validation)[:, 0]
        self.held_out = torch.nonzero(validation)[:, 0]
        self.shuffler = torch.Generator().manual_seed(seed)
        self.sampler = torch.Generator(device=self.device).manual_seed(seed + 1)
        n_latent = model.field.shape.n_latent
        self.latents = LatentTable(len(rows), n_latent, self.shuffler, self.device)
        self.poses = PoseCorrections(len(rows), self.device) if refine_poses else None
        self.field_optimiser = torch.optim.Adam(
            model.field.parameters(), lr=sizes.field, betas=_STRUCTURE_BETAS, weight_decay=sizes.weight_decay
        )
        positions, *others = model.structure_parameters()
        self.structure_optimiser = torch.optim.Adam(
            [{"params": [positions]}, {"params": others}], lr=sizes.positions_a, betas=_STRUCTURE_BETAS
        )
        self.restraint = torch.zeros((), device=self.device)
        self.steps = 0
        #: With whom the half-set is trained, and the particles that we have visited in the last pass.
        self.team = Team()
        self.visited: list[Tensor] = []
        #: Restrains motions in place of neighbours in space.
        self.graph: ModelGraph | None = None
        self.edges = torch.zeros(2, 0, dtype=torch.int64, device=self.device)
        self.connect()

    def run_pass(self, plan: Pass, noise: NoiseModel, each: Callable[[], None]) -> dict[str, float]:
        """Pass once over the particles of the half-set, in random order.

        Particles that are held out come last: their states are estimated, but the model does not learn from
        them.

        Parameters
        ----------
        plan: Pass
            How.
        noise: NoiseModel
            Weights of the frequencies.
        each: callable
            Called after every batch; may raise to stop.

        Returns
        -------
        dict
            Means over the particles: ``data`` (nats per image), ``prior`` (nats), ``geometry`` (Å²), and
            ``held_out``, the sum of data and prior over the particles that are held out.
        """
        precision = noise.precision(plan.box)
        sums = torch.zeros(5, device=self.device)
        n_taught = max(1, len(self.training))
        order = torch.randperm(len(self.training), generator=self.shuffler)
        self.visited.clear()
        self._visit(self.training[order], plan, precision, sums, each, learn=True)
        if plan.move and len(self.held_out):
            self._visit(self.held_out, plan, precision, sums, each, learn=False)
        self.team.add([sums])
        # The only synchronisation with the device in a pass.
        data, prior, geometry, held_out, _ = sums.tolist()
        return {
            "data": data / n_taught,
            "prior": prior / n_taught,
            "geometry": geometry / n_taught,
            "held_out": held_out / max(1, len(self.held_out)),
        }

    def _visit(
        self,
        local: Tensor,
        plan: Pass,
        precision: Tensor,
        sums: Tensor,
        each: Callable[[], None],
        *,
        learn: bool,
    ) -> None:
        own, wholes = self.team.order(local, self.batch_size)
        size = max(1, self.team.count(self.batch_size))
        batches = self.images.batches(self.rows[own], size, plan.box) if len(own) else iter(())
        for whole in wholes:
            mine = self.team.part(whole)
            if self.team.size == 1:
                self._step_within_memory(mine, next(batches), plan, precision, sums, learn)
            else:
                self._step_of_team(mine, batches, len(whole), plan, precision, sums, learn)
            each()
        # Lets the threads that read images end.
        next(batches, None)
        if plan.move:
            self.visited.append(own)

    def _step_within_memory(
        self, local: Tensor, batch: Batch, plan: Pass, precision: Tensor, sums: Tensor, learn: bool
    ) -> None:
        """Take a step; if the GPU runs out of memory, and only then, halve the batch and try again."""
        start = 0
        while start < len(local):
            part = slice(start, start + self.batch_size)
            piece = Batch(batch.rows[part], batch.transforms[part], batch.ctf[part])
            try:
                n = len(piece.rows)
                self._step(local[part].to(self.device), piece, n, plan, precision, sums, learn)
                start += n
                continue
            except torch.cuda.OutOfMemoryError as error:
                if self.batch_size == 1:
                    raise UserError(
                        "the GPU has too little memory even for one image at a time",
                        hint="Use fewer Gaussians, or a GPU with more memory, or the CPU.",
                    ) from error
            # Out here the error, and with it all that the failed step has allocated, is gone.
            torch.cuda.empty_cache()
            self.batch_size = max(1, min(self.batch_size, len(piece.rows)) // 2)

    def _step_of_team(
        self,
        mine: Tensor,
        batches: Iterator[Batch],
        n: int,
        plan: Pass,
        precision: Tensor,
        sums: Tensor,
        learn: bool,
    ) -> None:
        """Take our part of a step; a small last batch may have nothing for us."""
        batch = next(batches) if len(mine) else None
        try:
            self._step(mine.to(self.device), batch, n, plan, precision, sums, learn)
        except torch.cuda.OutOfMemoryError as error:
            # The others wait for our sum: a smaller batch would have to be agreed upon in every step.
            raise UserError(
                f"a GPU has too little memory for {len(mine):,} images at a time",
                hint=f"Resume with a batch size below {self.batch_size}, or with one GPU, which adapts.",
            ) from error

    def _step(
        self,
        local: Tensor,
        batch: Batch | None,
        n: int,
        plan: Pass,
        precision: Tensor,
        sums: Tensor,
        learn: bool,
    ) -> None:
        """One step on one batch: likelihood, priors, restraint, and the update of everything they touch.

        ``local`` and ``batch`` are our part of the ``n`` particles of the batch.
        """
        drawn, pairs = None, None
        if plan.move:
            # For the whole batch, whatever our part of it.
            shape = (n, self.latents.n_latent)
            drawn = self.team.part(torch.randn(shape, generator=self.sampler, device=self.device))
            pairs = self.pairs() if learn else None
        found = None
        if batch is not None:
            found = self.losses(local, batch, n, plan, precision, learn, drawn, pairs)
            sums += found.sums(n, learn)
        latent_rate = self.sizes.latents * math.sqrt(plan.rate)
        if not learn:
            if found is not None:
                loss = found.data + self.sizes.prior * found.prior
                found.mean.grad, found.log_sd.grad = torch.autograd.grad(loss, [found.mean, found.log_sd])
                self.latents.step(local, found.mean, found.log_sd, n, latent_rate)
            return
        if plan.move:
            if self.steps % _CALIBRATE_EVERY == 0:
                self._calibrate(found)
            self.steps += 1
        self.field_optimiser.zero_grad(set_to_none=True)
        self.structure_optimiser.zero_grad(set_to_none=True)
        if found is not None:
            found.whole(self.sizes.prior, self.restraint).backward()
        self._share_gradients(plan)
        if plan.move:
            self._set_rate(self.field_optimiser, self.sizes.field * plan.rate)
            self.field_optimiser.step()
            if found is not None:
                self.latents.step(local, found.mean, found.log_sd, n, latent_rate)
        if found is not None and found.corrections is not None:
            assert self.poses is not None
            self.poses.step(local, found.corrections, n, plan.rate)
        if plan.structure:
            # Without motion there is no restraint that would hold the beads of a model together.
            held = self.graph is not None and not plan.move
            rates = (0.0 if held else self.sizes.positions_a, self.sizes.amplitudes)
            for group, rate in zip(self.structure_optimiser.param_groups, rates, strict=True):
                group["lr"] = rate
            self.structure_optimiser.step()

    def _share_gradients(self, plan: Pass) -> None:
        """Give every member of the team the gradient of the whole batch."""
        if self.team.size == 1:
            return
        shared = list(self.model.field.parameters()) if plan.move else []
        if plan.structure:
            shared += self.model.structure_parameters()
        for parameter in shared:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.team.add([parameter.grad for parameter in shared if parameter.grad is not None])

    def _calibrate(self, found: StepLosses | None) -> None:
        """Let the weight of the restraint follow what the gradients are, along with the training."""
        wanted = self.restraint_for(found, self.sizes.restraint)
        first = self.steps == 0
        self.restraint = wanted if first else 0.9 * self.restraint + 0.1 * wanted

    @staticmethod
    def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on as if nothing had happened."""
        return {
            "model": self.model.state_dict(),
            "latents": self.latents.rows.state_dict(),
            "poses": self.poses.rows.state_dict() if self.poses is not None else None,
            "field_optimiser": self.field_optimiser.state_dict(),
            "structure_optimiser": self.structure_optimiser.state_dict(),
            "restraint": self.restraint,
            "edges": self.edges,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "shuffler": self.shuffler.get_state(),
            "sampler": self.sampler.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.model.load_state_dict(state["model"])
        self.latents.rows.load_state_dict(state["latents"])
        if self.poses is not None and state["poses"] is not None:
            self.poses.rows.load_state_dict(state["poses"])
        self.field_optimiser.load_state_dict(state["field_optimiser"])
        self.structure_optimiser.load_state_dict(state["structure_optimiser"])
        self.restraint = state["restraint"].to(self.device)
        self.edges = state["edges"].to(self.device)
        self.steps, self.batch_size = state["steps"], state["batch_size"]
        self.shuffler.set_state(state["shuffler"].cpu())
        self.sampler.set_state(state["sampler"].cpu())
