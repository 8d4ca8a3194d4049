"""A whole training: epoch after epoch with reports, checkpoints, and a way back when it goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from jobs.tomodrgn.train_state import load_training, save_training
from jobs.tomodrgn.training import DivergedError, EpochLosses, Training


class Observer(Protocol):
    """Who is told how a training goes; every method may raise to stop it."""

    def step(self, epoch: int, done: int, of: int) -> None:
        """After each step: epoch from 0, particles done and in all."""

    def epoch(self, losses: EpochLosses) -> None:
        """After each epoch."""

    def checkpoint(self, training: Training, epoch: int, latent: tuple[Tensor, Tensor] | None) -> None:
        """After each checkpoint has been written; ``latent`` is mean and log-variance of all particles."""


class Quiet:
    """An observer that does nothing; a base for others."""

    def step(self, epoch: int, done: int, of: int) -> None:
        """Nothing."""

    def epoch(self, losses: EpochLosses) -> None:
        """Nothing."""

    def checkpoint(self, training: Training, epoch: int, latent: tuple[Tensor, Tensor] | None) -> None:
        """Nothing."""


def train(
    training: Training,
    path_of: Callable[[int], Path],
    observer: Observer,
    extra: Mapping[str, Any] | None = None,
    resume: Path | None = None,
) -> None:
    """Train to the last epoch of the settings.

    Parameters
    ----------
    training
        What to train.
    path_of
        Checkpoint file of an epoch, counted from 0.
    observer
        Who is told.
    extra
        What to keep in checkpoints beside the training.
    resume
        Checkpoint to go on from.

    Raises
    ------
    DivergedError
        When the losses are not numbers any more; the training is back at its last good checkpoint then.
    """
    if resume is not None:
        load_training(resume, training)
    good = resume
    settings = training.settings
    while training.epoch < settings.epochs:
        epoch = training.epoch
        try:
            losses = training.run_epoch(partial(observer.step, epoch))
            observer.epoch(losses)
            # Users of the original know that train_nn counts from the first epoch.
            counted = epoch + 1 if training.zdim else epoch
            if counted % settings.checkpoint_every and epoch + 1 < settings.epochs:
                continue
            latent = training.encode_all() if training.zdim else None
            if latent is not None and not all(bool(part.isfinite().all()) for part in latent):
                raise DivergedError(f"the latent states after epoch {epoch + 1} are not numbers any more")
        except DivergedError as error:
            raise _rolled_back(training, good, error) from error
        save_training(path_of(epoch), training, extra or {})
        good = path_of(epoch)
        observer.checkpoint(training, epoch, latent)


def _rolled_back(training: Training, good: Path | None, error: DivergedError) -> DivergedError:
    """Go back to the last good checkpoint, and the sentence that says so."""
    if good is None:
        return DivergedError(error.message, hint=f"There is no earlier checkpoint. {error.hint}")
    load_training(good, training)
    return DivergedError(
        f"{error.message}; went back to the checkpoint of epoch {training.epoch}",
        path=good,
        hint=error.hint or "Choose a smaller learning rate (--lr)",
    )
