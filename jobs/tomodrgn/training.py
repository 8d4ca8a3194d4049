"""The training loop, the same with a latent space (``train_vae``) and without (``train_nn``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jobs.core.errors import UserError
from jobs.core.team import Team
from jobs.tomodrgn.bank import ImageBank, split_images
from jobs.tomodrgn.batches import Portion
from jobs.tomodrgn.consensus import find_consensus
from jobs.tomodrgn.encoding_pass import Showing, encode_particles
from jobs.tomodrgn.linear_start import quieten, start_linearly
from jobs.tomodrgn.loss import divergence, latent_term
from jobs.tomodrgn.sampling import with_draw
from jobs.tomodrgn.schedule import beta_at, rate_at
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.tilt_drawing import TiltDrawing, first_images

#: Steps between two looks at whether the losses are finite; each look waits for the device.
_LOOK_EVERY = 50


class DivergedError(UserError):
    """The losses are not numbers any more."""


@dataclass(frozen=True)
class EpochLosses:
    """What an epoch came to.

    Attributes
    ----------
    epoch
        Number of the epoch, from 0.
    misfit
        Mean squared misfit per real number of the images, in units of the noise variance.
    divergence
        Mean divergence of the particles, nats.
    beta
        Its weight at the end of the epoch (or its target).
    total
        What was minimised.
    """

    epoch: int
    misfit: float
    divergence: float
    beta: float
    total: float


class Training:
    """A model, its images, its optimiser and everything random.

    Parameters
    ----------
    model
        An ``nn.Module`` on the device of the bank.
    zdim
        Dimensions of its latent space; 0 = none.
    bank
        Images.
    settings
        How to train.
    team
        Processes that share every batch.
    starting
        Called often during a linear start, with passes over the images done and in all; may raise to stop.
    """

    def __init__(
        self,
        model: nn.Module,
        zdim: int,
        bank: ImageBank,
        settings: TrainingSettings,
        team: Team | None = None,
        starting: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        self.model, self.zdim, self.bank, self.settings = model, zdim, bank, settings
        self.team = team or Team()
        self.optimiser = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad],
            lr=settings.lr,
            eps=settings.eps,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.shuffler = torch.Generator().manual_seed(settings.seed)
        self.sampler = torch.Generator().manual_seed(settings.seed + 1)
        self.epoch, self.steps, self.seen = 0, 0, 0
        split = split_images(bank.first, settings.fraction_train, settings.seed + 2)
        self.teach = None if bool(split.all()) else split
        counts = bank.first.diff()
        #: Real numbers in the images of the particle that has most.
        self.most = int(counts.max()) * len(bank.plane.index) * 2
        self.drawing = TiltDrawing(
            bank.first, self.teach, settings.sample_ntilts, settings.sequential, settings.seed + 3
        )
        self._counts = _taught(bank.first, split)
        self._dtype = precision_on(bank.device) if settings.amp else torch.float32
        self.averaged: list[Tensor] | None = None
        #: Standard deviation of the noise in each shell; None = 1.
        self.noise: Tensor | None = None
        if settings.consensus:
            found = find_consensus(bank, self.teach)
            self.noise = found.noise.cpu()
            model.set_consensus(found.volume)  # type: ignore[operator]
            quieten(model)
        self.showing = Showing(model, bank, self.noise)
        if settings.consensus and settings.linear and zdim:
            where = (self.showing, bank, self.teach, found.correlation)
            start_linearly(model, *where, each=starting)  # type: ignore[arg-type]

    def run_epoch(self, each: Callable[[int, int], None]) -> EpochLosses:
        """Pass once over all particles.

        Parameters
        ----------
        each
            Called after each step with particles done and in all; may raise to stop.

        Raises
        ------
        DivergedError
            When the losses are not numbers any more.
        """
        self.model.train()
        sums = torch.zeros(3, device=self.bank.device)
        done = 0
        images = self.drawing.images(self.epoch)
        if images is not self.teach and images is not None:
            self._counts = _taught(self.bank.first, images)
        for portion in self.bank.epoch(self.settings.batch_size, self.shuffler, images, self.team):
            sums += self._step(portion)
            done += len(portion.whole)
            if self.steps % _LOOK_EVERY == 0:
                self._check(sums)
            each(done, self.bank.n)
        self.team.add([sums])
        self._check(sums)
        self.epoch += 1
        misfit_sum, divergence_sum, total = (sums / self.bank.n).tolist()
        return EpochLosses(self.epoch - 1, misfit_sum, divergence_sum, self.beta(), total)

    def beta(self) -> float:
        """Weight of the divergence now."""
        in_all = self.settings.epochs * self.bank.n
        return beta_at(self.settings, self.zdim, self.seen, in_all)

    def _step(self, portion: Portion) -> Tensor:
        """One step; sums over our particles of misfit, divergence and loss, on the device."""
        batch, whole = self.showing.whitened(portion.batch), portion.whole
        refines = getattr(self.model, "modes" if self.zdim else "consensus", None) is not None
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.settings, self.steps, refines, 0 if self.zdim else self.epoch)
        # Who shares a training may have no particle of a batch, and sends zeros.
        self.optimiser.zero_grad(set_to_none=self.team.size == 1)
        numbers = int(self._counts[whole].sum()) * len(self.bank.plane.index) * 2
        noise = torch.randn(len(whole), self.zdim, generator=self.sampler) if self.zdim else None
        fraction = self.settings.pixel_fraction
        uniform = torch.rand(len(whole), generator=self.sampler) if fraction < 1 else None
        data, latent, mean_divergence = torch.zeros(3, device=self.bank.device).unbind()
        if batch.n_particles:
            z = None
            # Encoder and misfit need the same slices.
            base = self.model.base_slices(batch.rotations)  # type: ignore[operator]
            if noise is not None:
                with torch.autocast("cuda", self._dtype, enabled=self._dtype is not torch.float32):
                    mean, log_variance = self.showing.encode(batch, base)
                eps = self.team.part(noise).to(mean.device, non_blocking=True)
                z = mean + torch.exp(0.5 * log_variance) * eps
                mean_divergence = divergence(mean, log_variance).sum() / len(whole)
            if uniform is not None:
                batch = with_draw(batch, fraction, self.team.part(uniform))
            data = self.model.misfit(z, batch, self._dtype, base) / max(1, numbers)  # type: ignore[operator]
        if self.zdim:
            latent = self._latent(mean_divergence)
        loss = data + latent
        if loss.requires_grad:
            loss.backward()
        self.team.add([p.grad for p in self.model.parameters() if p.grad is not None])
        self.optimiser.step()
        self.steps += 1
        self.seen += len(whole)
        self._average()
        return torch.stack((data.detach(), mean_divergence.detach(), loss.detach())) * len(whole)

    def _latent(self, mean_divergence: Tensor) -> Tensor:
        # The likelihood is half the sum of squares, so that a weight of 1 is the evidence bound.
        beta, control = self.beta(), self.settings.beta_control
        if control is None or self.team.size == 1:
            return 2 * latent_term(mean_divergence, beta, control) / self.most
        # The square needs the divergence of the whole batch; its gradient is taken through our part.
        total = mean_divergence.detach().clone()
        self.team.add([total])
        return -4 * control * (beta - total) * mean_divergence / self.most

    def _average(self) -> None:
        """Follow the weights with a running mean."""
        if not self.settings.average:
            return
        current = [p.detach() for p in self.model.parameters()]
        if self.averaged is None:
            self.averaged = [p.clone() for p in current]
            return
        memory = self.settings.average * max(1.0, self.bank.n / self.settings.batch_size)
        share = 1 / min(memory, 1 + self.steps / 2)
        torch._foreach_lerp_(self.averaged, current, share)

    @contextmanager
    def evaluating(self) -> Iterator[nn.Module]:
        """The model with the weights that are to be judged, without gradients."""
        current = [p.detach().clone() for p in self.model.parameters()] if self.averaged else []
        self._put(self.averaged)
        self.model.eval()
        try:
            with torch.no_grad():
                yield self.model
        finally:
            self._put(current)
            self.model.train()

    @torch.no_grad()
    def _put(self, values: list[Tensor] | None) -> None:
        for parameter, value in zip(self.model.parameters(), values or [], strict=False):
            parameter.copy_(value)

    def encode_all(self, images: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of all particles ``(P, zdim)`` on the CPU: all their images, nothing random.

        Parameters
        ----------
        images
            ``(N,)`` bool, the images to look at; None = those that teach.
        """
        images = self.teach if images is None else images
        if self.settings.shown_ntilts is not None:
            images = first_images(self.bank.first, images, self.settings.shown_ntilts)
        with self.evaluating() as model:
            size = max(32, self.settings.batch_size)
            return encode_particles(model, self.bank, self.noise, images=images, batch_size=size)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly as if nothing had happened."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "shuffler": self.shuffler.get_state(),
            "sampler": self.sampler.get_state(),
            "averaged": self.averaged,
            "noise": self.noise,
            "epoch": self.epoch,
            "steps": self.steps,
            "seen": self.seen,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave."""
        self.model.take_state(state["model"])  # type: ignore[operator]
        self.noise = state["noise"]
        self.showing = Showing(self.model, self.bank, self.noise)
        self.optimiser.load_state_dict(state["optimiser"])
        self.shuffler.set_state(state["shuffler"].cpu())
        self.sampler.set_state(state["sampler"].cpu())
        averaged = state["averaged"]
        self.averaged = None if averaged is None else [v.to(self.bank.device) for v in averaged]
        self.epoch, self.steps, self.seen = int(state["epoch"]), int(state["steps"]), int(state["seen"])

    def _check(self, sums: Tensor) -> None:
        if not bool(torch.isfinite(sums).all()):
            raise DivergedError(
                f"the losses of epoch {self.epoch + 1} are not numbers any more (step {self.steps})",
                hint="Choose a smaller learning rate (--lr), or look at the images for extreme values",
            )


def precision_on(device: torch.device) -> torch.dtype:
    """Precision in which a device multiplies matrices fastest without harm to a training."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if able else torch.float32


def _taught(first: Tensor, teach: Tensor) -> Tensor:
    """Number of images of each particle that teach, ``(P,)``."""
    running = torch.cat((torch.zeros(1, dtype=torch.int64), teach.long().cumsum(0)))
    return running[first[1:]] - running[first[:-1]]
