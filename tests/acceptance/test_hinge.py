"""A hinge is found and a rigid molecule is called rigid: trainings against the ground truth.

Smaller relatives of the recipes R1 and R2 (600 images of 40 pixels, 300 Gaussians, capped epochs), so that
both take seconds; ``make bench`` trains the full ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import Prepared, prepare_training
from jobs.dynamight.train import _verdict
from jobs.dynamight.training import Silent
from jobs.simulate.recipes import recipe
from jobs.simulate.score import Score, score
from jobs.simulate.simulation import Simulation, simulate

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The same numbers on machines with one and with many cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _train(name: str, folder: Path, n_epochs: int) -> tuple[Prepared, Simulation]:
    spec = recipe(name).with_changes(n_images=600, box=40, pixel_size_a=5.0, snr=0.2)
    data = simulate(spec, folder)
    settings = TrainingSettings(n_gaussians=300, n_epochs=n_epochs, n_warmup_epochs=2, batch_size=50, seed=1)
    source = TrainingInput(star=data.particles, project_dir=folder, map=data.consensus)
    prepared = prepare_training(source, settings, torch.device("cpu"))
    prepared.training.initialise()
    prepared.training.run(Silent())
    return prepared, data


@torch.no_grad()
def _score(prepared: Prepared, data: Simulation) -> Score:
    """Score of both half-sets together, at the beads of the molecule."""
    beads = torch.from_numpy(data.truth.beads_a).float()
    moved = np.zeros((data.truth.n_images, len(beads), 3), np.float32)
    for half in prepared.training.halves:
        moved[half.rows.numpy()] = half.model.displacement(half.latents.means, beads).numpy()
    return score(moved, data.truth)


def test_that_the_angle_of_a_hinge_is_found_at_its_full_size(tmp_path: Path) -> None:
    prepared, data = _train("R1", tmp_path / "hinge", n_epochs=16)
    found = _score(prepared, data)
    assert found.spearman > 0.95
    assert 0.7 < found.gain < 1.2
    # 5.9 Å when no motion is predicted.
    assert found.rmsd_moving_a < 2.5
    assert found.rmsd_static_a < 0.5
    assert prepared.training.held_out_gain > 5
    assert "better" in _verdict(prepared)
    assert "no evidence" not in _verdict(prepared)


def test_that_a_rigid_molecule_is_called_rigid(tmp_path: Path) -> None:
    prepared, data = _train("R2", tmp_path / "rigid", n_epochs=12)
    found = _score(prepared, data)
    assert found.rms_predicted_a < 0.7
    assert prepared.training.held_out_gain < 1
    assert "there is no evidence of motion" in _verdict(prepared)
