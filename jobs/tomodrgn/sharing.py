"""A training on several devices: everybody has all images, and each takes its part of every batch.

Before each epoch the worker sends its whole state to the others, so that checkpoints do not know how many
processes wrote them, and small differences between devices cannot add up. Within an epoch only sums of
gradients are exchanged (:mod:`jobs.core.team`), and the order of their terms is all that differs from one
process. The worker alone does the rest: consensus, latent places, files.

Tolerance: after two epochs all weights agree within 1e-3 of their root mean square (of 0.1 where that is
smaller) with those of one process; see ``tests/jobs/tomodrgn/test_sharing.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from jobs.core.follower import Link, pack
from jobs.core.ranks import Ranks
from jobs.core.team import Team
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.image_input import CACHE, read_input, with_images
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.run_settings import forward_options, model_settings, sample_options, training_settings
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.training import EpochLosses, Training

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions


@dataclass(frozen=True)
class Shared:
    """What all processes of a training are told; plain values.

    Attributes
    ----------
    options
        Of the job.
    project_dir, job_dir
        Folders of the project and of the job.
    seed
        Of everything random.
    sign, norm
        Sign of the images and their noise scale, as the worker found them.
    """

    options: TomoDrgnOptions
    project_dir: Path
    job_dir: Path
    seed: int
    sign: int
    norm: float


def read_particles(
    options: TomoDrgnOptions,
    project_dir: Path,
    seed: int,
    say: Callable[[str], None] = lambda text: None,
    poll: Callable[[], None] | None = None,
) -> TiltParticles:
    """Particles of a training with the images that are looked at: the same in every process."""
    return with_images(read_input(options, project_dir, seed), say, poll)


def follow(link: Link, shared: Shared) -> None:
    """What a follower does: read the images, then epoch after epoch."""
    place, options = link.place, shared.options
    particles = read_particles(options, shared.project_dir, shared.seed)
    bank = ImageBank(
        particles,
        replace(sample_options(options, particles.box, shared.sign), scale=shared.norm),
        forward_options(options),
        device=place.device,
        cache=shared.job_dir / CACHE,
        lazy=options.lazy,
    )
    made = model_settings(options, particles, shared.seed)
    settings = training_settings(options, shared.seed)
    # The consensus comes with the first state.
    training = Training(
        TomoModel(made).to(place.device),
        made.zdim,
        bank,
        replace(settings, consensus=False),
        Team(place.rank, place.size),
    )
    training.settings = settings
    prepare_gradients(training)
    link.send({"ready": True})
    place.join()
    while True:
        training.load_state_dict(link.receive())
        training.run_epoch(lambda done, of: None)
        link.send({"epoch": training.epoch})


def prepare_gradients(training: Training) -> None:
    """Let every parameter have a gradient: who has no particle of a batch adds zeros."""
    for parameter in training.model.parameters():
        if parameter.requires_grad and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


class SharedTraining(Training):
    """The worker's side of a training that several processes share.

    Parameters
    ----------
    ranks
        The processes, running :func:`follow`.
    each
        Called now and then while they read their images; may raise.
    model, zdim, bank, settings, starting
        As of :class:`jobs.tomodrgn.training.Training`.
    """

    def __init__(
        self,
        ranks: Ranks,
        each: Callable[[], None],
        model: TomoModel,
        zdim: int,
        bank: ImageBank,
        settings: TrainingSettings,
        starting: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        size = len(ranks.places)
        super().__init__(model, zdim, bank, settings, Team(0, size), starting)
        self._ranks = ranks
        prepare_gradients(self)
        for rank in range(1, size):
            ranks.receive(rank, each)
        ranks.places[0].join()

    def run_epoch(self, each: Callable[[int, int], None]) -> EpochLosses:
        """Pass once over all particles, together."""

        def look(done: int, of: int) -> None:
            each(done, of)
            self._ranks.check()

        message = pack(self.state_dict())
        for rank in range(1, self.team.size):
            self._ranks.send(rank, message)
        losses = super().run_epoch(look)
        for rank in range(1, self.team.size):
            self._ranks.receive(rank)
        return losses
