"""The estimation of motions as a library: both half-sets, from the first pass to the last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from jobs.core.errors import UserError
from jobs.dynamight.alignment import align_halves
from jobs.dynamight.half_training import HalfTraining, Pass
from jobs.dynamight.noise import NoiseModel
from jobs.dynamight.schedule import Schedule
from jobs.dynamight.settings import TrainingSettings

#: Epochs between updates of the noise and of the neighbourhoods.
NOISE_EVERY = 5
GRAPH_EVERY = 10
#: Particles of each half-set from which the noise is estimated.
NOISE_PARTICLES = 256
#: Held-out particles of each half-set needed to judge the progress on them.
ENOUGH_HELD_OUT = 30


class Observer(Protocol):
    """Whoever follows a training. Each method may raise to stop it."""

    def each_batch(self) -> None:
        """Called after every batch; cheap."""
        ...

    def each_epoch(self, training: Training, report: EpochReport) -> None:
        """Called after every epoch, when the state of the training is whole and may be saved."""
        ...

    def each_stage(self, training: Training, stage: str) -> None:
        """Called when a new stage begins."""
        ...


@dataclass(frozen=True)
class EpochReport:
    """What one epoch brought.

    Attributes
    ----------
    epoch, stage, box, seconds
        Number from 0, stage, working box, duration.
    halves
        Means over the particles of each half-set, see :meth:`HalfTraining.run_pass`.
    rms_displacement_a
        Root mean square displacement of each half-set in Å.
    particles_per_s
        Images used per second.
    held_out_gain
        How many nats per image the motion explains images better that it was not learnt from, compared with
        the rigid consensus and after paying for the particle's state; NaN while unknown.
    """

    epoch: int
    stage: str
    box: int
    seconds: float
    halves: tuple[dict[str, float], dict[str, float]]
    rms_displacement_a: tuple[float, float]
    particles_per_s: float
    held_out_gain: float


PassRunner = Callable[["Training", Pass, Callable[[], None]], tuple[dict[str, float], ...]]


def run_passes_alone(
    training: Training, plan: Pass, each: Callable[[], None]
) -> tuple[dict[str, float], ...]:
    """Pass over both half-sets, one after the other."""
    return tuple(half.run_pass(plan, training.noise, each) for half in training.halves)


@dataclass
class Training:
    """A training in progress: call :meth:`run`, or :meth:`epoch` until ``schedule.stage`` is ``done``.

    Attributes
    ----------
    halves
        Half-sets 1 and 2.
    boxes
        Working boxes of the coarse stage and of full resolution.
    seconds
        Time used, including that of earlier runs that were resumed.
    run_passes
        How a pass over both half-sets is made; gives the means of each, see :meth:`HalfTraining.run_pass`.
    """

    settings: TrainingSettings
    halves: tuple[HalfTraining, HalfTraining]
    noise: NoiseModel
    schedule: Schedule
    boxes: tuple[int, int]
    seconds: float = 0.0
    held_out_gain: float = math.nan
    history: list[dict[str, float]] = field(default_factory=list)
    run_passes: PassRunner = run_passes_alone

    def initialise(self) -> None:
        """Bring both clouds to the grey scale of the images and estimate the noise."""
        for half in self.halves:
            half.fit_scale(self.noise.precision(self.boxes[1]), half.training[:NOISE_PARTICLES])
        self.estimate_noise(memory=0.0, move=False)

    def run(self, observer: Observer) -> None:
        """Train to the end of the schedule."""
        while self.schedule.stage != "done":
            self.epoch(observer)

    def epoch(self, observer: Observer) -> EpochReport:
        """One pass over all particles, and what the schedule wants done after it."""
        began = time.monotonic()
        stage, number = self.schedule.stage, self.schedule.epoch
        moving = stage != "warm-up"
        coarse = stage in ("warm-up", "coarse")
        plan = Pass(
            box=self.boxes[0] if coarse else self.boxes[1],
            rate=self.schedule.rate,
            move=moving,
            structure=not moving or self.schedule.moving_epochs >= 3,
            poses=self.settings.pose_refinement and moving,
        )
        normaliser = self.noise.normaliser(plan.box)
        sums = self.run_passes(self, plan, observer.each_batch)
        self._check_finite(sums)
        if moving:
            self._update_consensus()
        objective = self._objective(sums, normaliser)
        seconds = time.monotonic() - began
        self.seconds += seconds
        limit = None if self.settings.max_minutes is None else 60 * self.settings.max_minutes
        new_stage = self.schedule.advance(objective, self.seconds, limit)
        self._after(number, moving, new_stage)
        n_images = sum(len(half.rows) for half in self.halves)
        rms = [half.rms_displacement_a() if moving else 0.0 for half in self.halves]
        report = EpochReport(
            epoch=number,
            stage=stage,
            box=plan.box,
            seconds=seconds,
            halves=(sums[0], sums[1]),
            rms_displacement_a=(rms[0], rms[1]),
            particles_per_s=n_images / max(seconds, 1e-9),
            held_out_gain=self.held_out_gain,
        )
        self.history.append({"epoch": number, "objective": objective, "seconds": self.seconds})
        observer.each_epoch(self, report)
        if new_stage is not None:
            observer.each_stage(self, new_stage)
        return report

    def _after(self, number: int, moving: bool, new_stage: str | None) -> None:
        """Refresh what follows at its own pace: noise, neighbourhoods, latent axes, held-out gain."""
        if moving and number % NOISE_EVERY == NOISE_EVERY - 1:
            self.estimate_noise(memory=0.5, move=True)
            self.held_out_gain = self._measure_held_out_gain()
        if new_stage in ("coarse", "fine") or number % GRAPH_EVERY == GRAPH_EVERY - 1:
            for half in self.halves:
                half.connect()
        if new_stage == "coarse":
            self.estimate_noise(memory=0.0, move=False)
        if new_stage == "fine":
            # The objective of another working box is another quantity.
            self.schedule.best, self.schedule.strikes = math.inf, 0
        if new_stage in ("finalise", "done"):
            align_halves(self.halves)
        if new_stage == "done":
            self.held_out_gain = self._measure_held_out_gain()

    def _objective(self, sums: tuple[dict[str, float], ...], normaliser: float) -> float:
        """What tells whether the model still improves: evidence bound in nats per image, lower is better.

        On particles that are held out, if there are enough: on the others it falls on while noise is learnt.
        """
        counts = [len(half.held_out) for half in self.halves]
        if min(counts) >= ENOUGH_HELD_OUT:
            return normaliser + sum(s["held_out"] for s in sums) / 2
        return normaliser + sum(s["data"] + s["prior"] for s in sums) / 2

    def _update_consensus(self) -> None:
        """Let both consensus structures follow the mean of their moved structures."""
        settings = self.settings
        rate = settings.consensus_update_rate * settings.consensus_update_decay**self.schedule.strikes
        for half in self.halves:
            pooled = half.training
            if settings.consensus_update_pooled_particles > 0:
                pooled = pooled[: settings.consensus_update_pooled_particles]
            half.model.recentre(half.latents.means[pooled.to(half.device)], rate)

    def estimate_noise(self, memory: float, move: bool) -> None:
        """Estimate the noise from the residuals of particles of both half-sets."""
        parts = [
            half.residual_power(torch.cat((half.held_out, half.training))[:NOISE_PARTICLES], move)
            for half in self.halves
        ]
        total = parts[0][0] + parts[1][0]
        self.noise.update(total / (parts[0][1] + parts[1][1]), memory)

    @torch.no_grad()
    def _measure_held_out_gain(self) -> float:
        """Nats per held-out image by which the motion beats the rigid consensus, see :class:`EpochReport`."""
        precision = self.noise.precision(self.boxes[1])
        gain, n = 0.0, 0
        for half in self.halves:
            local = half.held_out[:NOISE_PARTICLES]
            if not len(local):
                continue
            rigid, _ = half.residual_power(local, move=False)
            moved, _ = half.residual_power(local, move=True)
            latents = half.latents
            rows = local.to(half.device)
            mean, log_sd = latents.means[rows], latents.log_sds[rows]
            paid = 0.5 * (mean**2 + (2 * log_sd).exp() - 1 - 2 * log_sd).sum()
            gain += float(0.5 * ((rigid - moved) * precision).sum() - paid)
            n += len(local)
        return gain / n if n else math.nan

    def _check_finite(self, sums: tuple[dict[str, float], ...]) -> None:
        for number, values in enumerate(sums, 1):
            bad = [name for name, value in values.items() if not math.isfinite(value)]
            if bad:
                raise UserError(
                    f"the training of half-set {number} left the range of numbers in epoch "
                    f"{self.schedule.epoch} ({', '.join(bad)})",
                    hint="Look for images with extreme values, or continue from the last checkpoint with a "
                    "larger regularization factor.",
                )

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on, and to use the model; tensors and plain values only."""
        return {
            "settings": self.settings.as_dict(),
            "halves": [half.state_dict() for half in self.halves],
            "noise_power": self.noise.power,
            "schedule": self.schedule.state_dict(),
            "boxes": list(self.boxes),
            "seconds": self.seconds,
            "held_out_gain": self.held_out_gain,
            "history": list(self.history),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        for half, saved in zip(self.halves, state["halves"], strict=True):
            half.load_state_dict(saved)
        self.noise.power = state["noise_power"].to(self.noise.device)
        self.schedule = Schedule.from_state(state["schedule"])
        self.seconds, self.held_out_gain = state["seconds"], state["held_out_gain"]
        self.history = list(state["history"])


class Silent:
    """An observer that looks away."""

    def __init__(self, each: Callable[[EpochReport], None] | None = None) -> None:
        self._each = each

    def each_batch(self) -> None:
        """Do nothing."""

    def each_epoch(self, training: Training, report: EpochReport) -> None:
        """Hand the report on."""
        if self._each is not None:
            self._each(report)

    def each_stage(self, training: Training, stage: str) -> None:
        """Do nothing."""
