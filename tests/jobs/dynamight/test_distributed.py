"""A training shared by several processes: the same results, one set of files, and no process left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.ranks import Ranks
from jobs.dynamight.settings import TrainingInput
from jobs.dynamight.setup import Prepared, prepare_training
from jobs.dynamight.sharing import Sharing, follow
from jobs.dynamight.training import Silent
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import settings_of

#: Stated tolerance: parameters after an epoch relative to their root mean square, and displacements after a
#: short training in Å, with more than two processes; with two nothing may differ.
RELATIVE, DISPLACEMENT_A = 1e-4, 0.02
#: Batches of 44 leave a last one of two particles: of three processes one has nothing to do in it.
CHANGES: dict[str, Any] = {
    "n_warmup_epochs": 1,
    "n_epochs": 4,
    "batch_size": 44,
    "pose_refinement": True,
    "validation_fraction": 0.1,
}


def train_shared(
    folder: Path,
    n: int,
    *,
    epochs: int | None = None,
    watch: Callable[[Ranks, Prepared], None] | None = None,
    each: Callable[[], None] = lambda: None,
    state: dict[str, Any] | None = None,
) -> Prepared:
    """Train with ``n`` processes for some epochs, or to the end."""
    source = TrainingInput(
        star=folder / "particles.star", project_dir=folder, map=folder / "consensus.mrc", mask=None
    )
    settings = settings_of(**CHANGES)
    with Ranks(("cpu",) * n, n, follow, (source, settings)) as ranks:
        prepared = prepare_training(source, settings, torch.device("cpu"))
        training = prepared.training
        if n > 1:
            Sharing(ranks, each).attach(training)
        if state is None:
            training.initialise()
        else:
            training.load_state_dict(state)
        if watch is not None:
            watch(ranks, prepared)
        observer = _Each(each)
        done = 0
        while training.schedule.stage != "done" and done != epochs:
            training.epoch(observer)
            done += 1
    return prepared


class _Each(Silent):
    def __init__(self, each: Callable[[], None]) -> None:
        super().__init__()
        self._look = each

    def each_batch(self) -> None:
        self._look()


def tensors(prepared: Prepared) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def visit(value: Any, name: str) -> None:
        if isinstance(value, Tensor):
            found[name] = value.detach().clone()
        elif isinstance(value, dict):
            for key, item in value.items():
                visit(item, f"{name}.{key}")
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                visit(item, f"{name}[{number}]")

    visit(prepared.training.state_dict(), "")
    return found


def displacements(prepared: Prepared) -> np.ndarray:
    """Of all particles of both half-sets, ``(p, n, 3)`` in Å."""
    found = []
    with torch.no_grad():
        for half in prepared.training.halves:
            found.append(half.model.displacement(half.latents.means, half.model.positions).numpy())
    return np.concatenate(found)


@pytest.fixture(scope="module")
def alone(tiny: Simulation) -> Prepared:
    return train_shared(tiny.folder, 1)


# --------------------------------------------------------------------------------------- the same results


def test_that_two_processes_give_the_same_bits_as_one(tiny: Simulation, alone: Prepared) -> None:
    one, two = tensors(alone), tensors(train_shared(tiny.folder, 2))
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_that_three_processes_agree_with_one_within_the_stated_tolerance(
    tiny: Simulation, alone: Prepared
) -> None:
    after: dict[int, dict[str, Tensor]] = {}
    for n in (1, 3):
        # The second epoch is the first in which anything moves.
        after[n] = tensors(train_shared(tiny.folder, n, epochs=2))
    assert after[1].keys() == after[3].keys()
    for name, value in after[1].items():
        if ".model." in name or ".latents.table" in name or name == ".noise_power":
            scale = value.float().square().mean().sqrt().clamp(min=1e-6)
            worst = float((after[3][name].float() - value.float()).abs().max() / scale)
            assert worst < RELATIVE, (name, worst)
    shared = train_shared(tiny.folder, 3)
    worst_a = float(np.abs(displacements(shared) - displacements(alone)).max())
    assert worst_a < DISPLACEMENT_A
    assert np.abs(displacements(alone)).max() > 10 * DISPLACEMENT_A
