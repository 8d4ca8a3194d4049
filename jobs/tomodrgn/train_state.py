"""Checkpoints of a training: everything needed to look at the model, and to go on exactly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import FormatError
from jobs.tomodrgn.training import Training

VERSION = 1


def save_training(path: Path, training: Training, extra: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path
        The file.
    training
        What to keep.
    extra
        Plain values and tensors to keep beside it, such as the settings of the model and the noise scale.
    """
    with training.evaluating() as model:
        judged = {name: value.clone() for name, value in model.state_dict().items()}
    state = training.state_dict()
    save_checkpoint(
        path,
        {
            "version": VERSION,
            "epoch": training.epoch - 1,
            "model_state_dict": judged,
            "training": state,
            "norm": training.bank.norm,
            "noise": training.noise,
            "settings": training.settings.as_dict(),
            **extra,
        },
    )


def load_training(path: Path, training: Training) -> dict[str, Any]:
    """Read a checkpoint into a training made with the same settings; returns all of its content.

    Raises
    ------
    UserError
        When it does not exist, or is damaged.
    FormatError
        When it belongs to another model.
    """
    state = load_checkpoint(path, device=torch.device("cpu"))
    if "training" not in state:
        raise FormatError("this checkpoint does not hold a training that can go on", path=path)
    try:
        training.load_state_dict(state["training"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise FormatError(
            "the checkpoint belongs to a model of another shape",
            path=path,
            hint="Repeat the model's options of the first run, or start a new training",
        ) from error
    return state
