"""A training of a second or so, also run by tests in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from jobs.core.team import Team
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.rounds import Quiet, train
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.training import Training
from tests.support.noisy_tilts import noisy_set

COUNTS = (3, 5, 4, 2, 6, 3, 4)


def small_training(folder: Path, zdim: int = 2, team: Team | None = None, **settings: object) -> Training:
    bank = ImageBank(noisy_set(folder, COUNTS, box=8, seed=1, signal=3.0))
    shapes = ModelSettings(
        box=8,
        pixel_size_a=5.0,
        zdim=zdim,
        n_tilts=6,
        enc_layers_a=1,
        enc_dim_a=16,
        out_dim_a=8,
        enc_layers_b=1,
        enc_dim_b=8,
        dec_layers=1,
        dec_dim=16,
    )
    chosen = TrainingSettings(**{"epochs": 3, "batch_size": 2, "seed": 3, **settings})  # type: ignore[arg-type]
    return Training(TomoModel(shapes), zdim, bank, chosen, team)


class Killed(Quiet):
    """Ends the process without warning in the third epoch."""

    def step(self, epoch: int, done: int, of: int) -> None:
        """After each step."""
        if epoch == 2 and done > 3:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(folder: Path) -> None:
    """Train until killed."""
    train(small_training(folder), lambda epoch: folder / f"killed.{epoch}", Killed())


def shared(folder: Path, rank: int) -> None:
    """One epoch as one of two processes; leaves the weights in a file."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    training = small_training(folder / f"data{rank}", team=Team(rank, 2))
    losses = training.run_epoch(lambda done, of: None)
    torch.save({"weights": training.model.state_dict(), "misfit": losses.misfit}, folder / f"rank{rank}")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "killed":
        killed(Path(sys.argv[2]))
    else:
        shared(Path(sys.argv[2]), int(sys.argv[3]))
