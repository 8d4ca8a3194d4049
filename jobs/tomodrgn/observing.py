"""What a training tells while it runs: metrics, the log, files of checkpoints, pictures for the monitor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from torch import Tensor

from jobs.formats.mrc import write_map
from jobs.tomodrgn.figures import save_pictures
from jobs.tomodrgn.outputs import RunLog, latent_path, volume_path, write_latent
from jobs.tomodrgn.training import EpochLosses, Training
from jobs.tomodrgn.volumes import decode_volumes

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext


#: Seconds between two words on how far an epoch is.
_TELL_S: Final = 2.0


class JobObserver:
    """Follows a training on behalf of a job (:class:`jobs.tomodrgn.rounds.Observer`).

    Parameters
    ----------
    context
        The job.
    log
        Its ``run.log``.
    log_interval
        Particles between lines of the log.
    """

    def __init__(self, context: WorkerContext, log: RunLog, log_interval: int) -> None:
        self._context, self._log, self._interval = context, log, log_interval
        self._began = time.monotonic()
        self._logged = 0
        self._of = 0
        self._told = 0.0

    def step(self, epoch: int, done: int, of: int) -> None:
        """Stop if the user wants to; a line of the log now and then."""
        self._context.check_abort()
        self._of = of
        if (now := time.monotonic()) - self._told >= _TELL_S:
            self._told = now
            total = max(epoch + 1, getattr(self._context.options, "n_epochs", epoch + 1))
            doing = f"epoch {epoch + 1}: {done:,} of {of:,} particles"
            self._context.progress("train", epoch, total, doing=doing)
        if done < self._logged:
            self._logged = 0
        if done - self._logged >= self._interval:
            self._logged = done
            self._log.say(f"# [Train Epoch: {epoch + 1}] [{done}/{of} particles]")

    def epoch(self, losses: EpochLosses) -> None:
        """Report the losses."""
        spent = time.monotonic() - self._began
        self._began = time.monotonic()
        self._logged = 0
        total = getattr(self._context.options, "n_epochs", losses.epoch + 1)
        latent = {"divergence_nats": losses.divergence, "beta": losses.beta} if losses.beta else {}
        self._context.progress(
            "train",
            losses.epoch + 1,
            max(losses.epoch + 1, total),
            loss_data=losses.misfit,
            **latent,
            loss_total=losses.total,
            particles_per_s=self._of / spent if spent else None,
        )
        divergence = losses.divergence if self._has_latent else None
        self._log.epoch(losses.epoch, losses.misfit, divergence, losses.total, spent)

    @property
    def _has_latent(self) -> bool:
        return getattr(self._context.options, "model_kind", "train_vae") == "train_vae"

    def checkpoint(self, training: Training, epoch: int, latent: tuple[Tensor, Tensor] | None) -> None:
        """Write what belongs to a checkpoint besides the weights."""
        save_results(self._context, training, latent, epoch)
        save_pictures(self._context, training, latent)
        self._began = time.monotonic()


def save_results(
    context: WorkerContext,
    training: Training,
    latent: tuple[Tensor, Tensor] | None,
    epoch: int | None,
) -> None:
    """Write latent places, or the volume of a model without them, of an epoch or (None) of the end."""
    job = context.folder.path
    if latent is None:
        with training.evaluating() as model:
            volume = decode_volumes(model, None, norm=training.bank.norm)[0]  # type: ignore[arg-type]
        write_map(volume_path(job, epoch), volume.cpu().numpy(), training.bank.pixel_size_a)
        return
    write_latent(latent_path(job, epoch), *(part.numpy() for part in latent))
    if training.teach is not None:
        write_latent(latent_path(job, epoch, "train"), *(part.numpy() for part in latent))
        held_back = training.encode_all(~training.teach)
        write_latent(latent_path(job, epoch, "test"), *(part.numpy() for part in held_back))
