"""The way back by trained networks, as a part of the job: progress, abort, and going on where it stopped."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight.inverse_field import InverseField
from jobs.dynamight.inverse_network import NetworkInverse
from jobs.dynamight.inverse_state import forward_fingerprint, networks_path
from jobs.dynamight.inverse_training import PLACES_PER_PARTICLE, InverseSettings, InverseTraining

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.inverse import Probe
    from jobs.dynamight.params import DynaMightOptions
    from jobs.dynamight.state import TrainedModel

_SAVE_S = 3.0
#: Part of the free memory that displaced places may take.
_PART_OF_MEMORY = 0.5


def learn(
    context: WorkerContext, options: DynaMightOptions, model: TrainedModel, probes: Sequence[Probe]
) -> list[InverseField]:
    """Train the networks of both half-sets, or go on with it; returns the way back of each."""
    wanted = InverseSettings(
        options.nr_epochs,
        options.batch_size,
        options.inverse_noise,
        options.do_store_deform,
        context.seed,
    )
    trainings = [
        InverseTraining(probe.half, probe.voxels_a, wanted, number) for number, probe in enumerate(probes, 1)
    ]
    _say_what_is_done(context, wanted, trainings)
    path = networks_path(context.folder.path)
    key = _key(model, wanted)
    if _go_on(path, key, trainings):
        context.say(f"Resuming after epoch {trainings[0].epoch} of {wanted.n_epochs}")
    clock = _Clock(context, path, key, trainings)
    while any(training.epoch < wanted.n_epochs for training in trainings):
        for training in trainings:
            clock.train(training)
        clock.report(wanted.n_epochs)
    _save(path, key, trainings)
    return [
        NetworkInverse(training.network, probe.field)
        for training, probe in zip(trainings, probes, strict=True)
    ]


def _say_what_is_done(
    context: WorkerContext, settings: InverseSettings, trainings: Sequence[InverseTraining]
) -> None:
    context.say(
        f"Training networks for the way back: {settings.n_epochs} epochs, {settings.batch_size} particles "
        f"per step, {PLACES_PER_PARTICLE} places per particle and epoch"
    )
    if not settings.store:
        return
    size = sum(training.bytes_stored for training in trainings) / 2**30
    if settings.noise:
        context.say("Jittered places change in every epoch, so no displaced places are stored")
        return
    free = _free_bytes(trainings[0].device) / 2**30
    if size > _PART_OF_MEMORY * free:
        raise UserError(
            f"the displaced places of all particles take {size:.1f} GB, and {free:.1f} GB are free",
            hint="Set 'Store deformations in RAM?' to No; they are then computed in every epoch.",
        )
    context.say(f"Displaced places of all particles are stored: {size:.2f} GB")


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


@dataclass
class _Clock:
    """Trains with an eye on the clock: speed, partial results, abort."""

    context: WorkerContext
    path: Path
    key: str
    trainings: Sequence[InverseTraining]
    spent_s: float = 0.0
    shown: int = 0
    saved: float = 0.0

    def train(self, training: InverseTraining) -> None:
        """One epoch of one half-set."""
        began = time.monotonic()
        training.train_epoch(self.context.check_abort)
        self.spent_s += time.monotonic() - began
        self.shown += len(training.half.means)

    def report(self, of: int) -> None:
        """Report an epoch of both half-sets, and keep it every few seconds."""
        values: dict[str, float] = {}
        for training in self.trainings:
            at_gaussians, off = training.look()
            values[f"round_trip_A_half{training.number}"] = at_gaussians
            values[f"round_trip_voxels_A_half{training.number}"] = off
            values[f"loss_half{training.number}"] = training.loss_a
        values["particles_per_s"] = self.shown / max(1e-9, self.spent_s)
        epoch = self.trainings[0].epoch
        self.context.progress("train inverse", epoch, of, **values)
        now = time.monotonic()
        if now - self.saved > _SAVE_S and epoch < of:
            _save(self.path, self.key, self.trainings)
            self.saved = time.monotonic()


def _key(model: TrainedModel, settings: InverseSettings) -> str:
    parts = [forward_fingerprint(model), json.dumps(settings.key(), sort_keys=True), str(torch.__version__)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _save(path: Path, key: str, trainings: Sequence[InverseTraining]) -> None:
    save_checkpoint(path, {"key": key, "halves": [training.state() for training in trainings]})


def _go_on(path: Path, key: str, trainings: Sequence[InverseTraining]) -> bool:
    """Take up what an interrupted run of the same settings left; False when there is nothing."""
    if not path.is_file():
        return False
    try:
        state = load_checkpoint(path, device=trainings[0].device)
    except UserError:
        # What can be computed again is not worth an error.
        return False
    if state.get("key") != key:
        return False
    for training, kept in zip(trainings, state["halves"], strict=True):
        training.restore(kept)
    return True
