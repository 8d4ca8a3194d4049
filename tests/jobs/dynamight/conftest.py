"""A tiny simulated hinge that all tests of motion estimation share, and a training of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import Prepared, prepare_training
from jobs.dynamight.training import Silent
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import Simulation, simulate

Prepare = Callable[..., Prepared]

N_IMAGES, BOX, PIXEL_A = 200, 32, 6.0

#: Small enough for a second per training of a few epochs.
TINY: dict[str, Any] = {
    "n_gaussians": 60,
    "n_latent": 3,
    "n_modes": 8,
    "n_neurons": 32,
    "n_warmup_epochs": 1,
    "n_epochs": 3,
    "batch_size": 50,
    "seed": 3,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are quicker with one thread, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Two hundred images of the hinge, 32 px of 6 Å, shifted by up to a pixel, half-sets given."""
    spec = recipe("R1").with_changes(
        n_images=N_IMAGES, box=BOX, pixel_size_a=PIXEL_A, snr=0.3, shift_px=1.0, astigmatism_a=500.0
    )
    return simulate(spec, tmp_path_factory.mktemp("tiny") / "project")


@pytest.fixture
def own(tiny: Simulation, tmp_path: Path) -> Path:
    """A copy of the tiny data in a folder that a test may spoil."""
    return Path(shutil.copytree(tiny.folder, tmp_path / "own"))


def settings_of(**changes: Any) -> TrainingSettings:
    return TrainingSettings(**{**TINY, **changes})


def prepare_in(folder: Path, *, files: dict[str, Any] | None = None, **changes: Any) -> Prepared:
    names: dict[str, Any] = {"star": "particles.star", "map": "consensus.mrc", **(files or {})}
    paths = {key: None if name is None else folder / name for key, name in names.items()}
    source = TrainingInput(project_dir=folder, **paths)
    return prepare_training(source, settings_of(**changes), torch.device("cpu"))


@pytest.fixture(scope="session")
def prepare(tiny: Simulation) -> Prepare:
    """Prepare a training of the tiny data; ``files`` replaces inputs, other names are settings."""

    def make(folder: Path | None = None, **changes: Any) -> Prepared:
        return prepare_in(folder or tiny.folder, **changes)

    return make


@pytest.fixture(scope="session")
def trained(tiny: Simulation) -> Prepared:
    """A finished training of the tiny data, to be looked at but not changed."""
    prepared = prepare_in(tiny.folder, n_epochs=9, batch_size=25, consensus_update_decay=1.0)
    prepared.training.initialise()
    prepared.training.run(Silent())
    return prepared
