"""Trainings whose answer is known, and the figures that say how well they found it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.formats.mrc import read_map
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.samples import SampleOptions
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.training import Training
from jobs.tomodrgn.volumes import decode_volumes
from tests.support.class_scores import ClassScores, class_scores

#: Shapes of networks: those of the original's own test of these particles, and the default.
SHAPES: dict[str, dict[str, Any]] = {
    "small": {"enc_dim_a": 64, "enc_layers_a": 2, "out_dim_a": 64, "enc_dim_b": 32, "enc_layers_b": 4},
    "default": {},
}
#: Classes D and E of the 144 particles of the simulated set, in its order.
LABELS = np.repeat([0, 1], 72)


def simulated_set(shared: Path, name: str) -> TiltParticles:
    """``10076_NAME_32_sim.star``."""
    folder = shared / "data" / "tomodrgn"
    return read_tilt_particles(folder / f"10076_{name}_32_sim.star", datadir=folder)


def class_maps(shared: Path) -> npt.NDArray[np.float32]:
    """Maps ``(2, 32, 32, 32)`` of classes D and E."""
    folder = shared / "data" / "tomodrgn"
    paths = [folder / f"10076_class{name}_32.mrc" for name in "DE"]
    return np.stack([read_map(path, permissive=True).data for path in paths])


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes
    ----------
    zdim, seed, epochs
        As in the settings.
    shape
        Key of :data:`SHAPES`.
    weights
        Whether the model knows of dose and tilt.
    linear
        Whether it begins with the linear start.
    sign
        -1 where protein is dark in the images.
    """

    zdim: int
    seed: int
    epochs: int = 10
    shape: str = "small"
    weights: bool = True
    linear: bool = True
    sign: int = -1

    def training(self, particles: TiltParticles) -> Training:
        """The training, linear start made."""
        options = ForwardOptions(dose=self.weights, tilt=self.weights)
        bank = ImageBank(particles, SampleOptions(sign=self.sign), options)
        settings = ModelSettings(
            box=particles.box,
            pixel_size_a=particles.pixel_size_a,
            zdim=self.zdim,
            n_tilts=int(particles.counts.max()),
            seed=self.seed,
            **SHAPES[self.shape],
        )
        wanted = TrainingSettings(epochs=self.epochs, seed=self.seed, linear=self.linear)
        return Training(TomoModel(settings), self.zdim, bank, wanted)


def epochs_of(training: Training, wanted: tuple[int, ...]) -> Iterator[int]:
    """Train, and stop after each of these numbers of epochs (0 = before the first)."""
    if 0 in wanted:
        yield 0
    while training.epoch < max(wanted):
        training.run_epoch(lambda done, of: None)
        if training.epoch in wanted:
            yield training.epoch


def decoded(training: Training, places: Tensor | None) -> npt.NDArray[np.float32]:
    """Volumes ``(k, D, D, D)`` at places ``(k, zdim)``; None = the one of a model without latent space."""
    with training.evaluating() as model:
        return decode_volumes(model, places).numpy()  # type: ignore[arg-type]


def mean_places(latent: Tensor, labels: npt.NDArray[np.integer]) -> Tensor:
    """Mean place of each class, ``(k, zdim)``."""
    return torch.stack([latent[labels == k].mean(0) for k in np.unique(labels)])


def scores_of(
    training: Training, labels: npt.NDArray[np.integer], maps: npt.NDArray[np.float32]
) -> ClassScores:
    """Figures of two classes, as the model stands."""
    latent = training.encode_all()[0]
    volumes = decoded(training, mean_places(latent, labels))
    return class_scores(latent.numpy(), labels, volumes, maps)
