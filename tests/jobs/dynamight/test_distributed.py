"""A training shared by several processes: the same results, one set of files, and no process left behind."""

from __future__ import annotations

import operator
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor

from app import __main__ as door
from app.project.project import Project
from jobs.core.devices import PROCESSES
from jobs.core.errors import UserError
from jobs.core.ranks import FollowerError, Ranks
from jobs.core.team import Team
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.settings import TrainingInput
from jobs.dynamight.setup import Prepared, prepare_training
from jobs.dynamight.sharing import Sharing, follow
from jobs.dynamight.training import Silent
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import settings_of
from tests.support.jobs import end_leftovers, exit_markers, wait_for_worker, wait_until

#: Stated tolerance: parameters after an epoch relative to their root mean square, and displacements after a
#: short training in Å, with more than two processes; with two nothing may differ.
RELATIVE, DISPLACEMENT_A = 1e-4, 1e-3
#: Parameters that begin at zero are compared with this: Adam makes whole steps of the smallest gradient.
SMALL = 0.1
#: Batches of 44 leave a last one of two particles: of three processes one has nothing to do in it.
CHANGES: dict[str, Any] = {
    "n_warmup_epochs": 1,
    "n_epochs": 9,
    "batch_size": 44,
    "pose_refinement": True,
    "validation_fraction": 0.1,
}
#: Of the job that is aborted and continued.
OPTIONS: dict[str, object] = {
    "fn_star": "particles.star",
    "fn_map": "consensus.mrc",
    "gpu_id": "cpu",
    "nr_gaussians": 60,
    "n-latent-dimensions": 3,
    "n-motion-modes": 8,
    "n-neurons-per-layer": 32,
    "n-warmup-epochs": 1,
    "n-epochs": 8,
    "batch-size": 50,
    "seed": 5,
}


@dataclass(frozen=True)
class Recorded:
    """All tensors of a training after every epoch, and its displacements at the end."""

    states: list[dict[str, Tensor]]
    displacements_a: np.ndarray


def train_shared(
    folder: Path,
    n: int,
    *,
    epochs: int = 4,
    watch: Callable[[Ranks], None] | None = None,
) -> Recorded:
    """Train with ``n`` processes for some epochs."""
    source = TrainingInput(
        star=folder / "particles.star", project_dir=folder, map=folder / "consensus.mrc", mask=None
    )
    settings = settings_of(**CHANGES)
    with Ranks(("cpu",) * n, n, follow, (source, settings)) as ranks:
        prepared = prepare_training(source, settings, torch.device("cpu"))
        training = prepared.training
        if n > 1:
            Sharing(ranks, lambda: None).attach(training)
        training.initialise()
        if watch is not None:
            watch(ranks)
        states = []
        for _ in range(epochs):
            training.epoch(Silent())
            states.append(tensors(prepared))
    return Recorded(states, displacements(prepared))


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
def alone(tiny: Simulation) -> Recorded:
    return train_shared(tiny.folder, 1)


# --------------------------------------------------------------------------------------- the same results


def test_that_two_processes_give_the_same_bits_as_one(tiny: Simulation, alone: Recorded) -> None:
    two = train_shared(tiny.folder, 2)
    for one_epoch, same_epoch in zip(alone.states, two.states, strict=True):
        assert one_epoch.keys() == same_epoch.keys()
        assert [name for name in one_epoch if not torch.equal(one_epoch[name], same_epoch[name])] == []


def test_that_three_processes_agree_with_one_within_the_stated_tolerance(
    tiny: Simulation, alone: Recorded
) -> None:
    three = train_shared(tiny.folder, 3)
    # The second epoch is the first in which anything moves.
    one_epoch, same_epoch = alone.states[1], three.states[1]
    assert one_epoch.keys() == same_epoch.keys()
    for name, value in one_epoch.items():
        if ".model." in name or ".latents.table" in name or name == ".noise_power":
            scale = value.float().square().mean().sqrt().clamp(min=SMALL)
            worst = float((same_epoch[name].float() - value.float()).abs().max() / scale)
            assert worst < RELATIVE, (name, worst)
    assert torch.equal(one_epoch[".halves[1].sampler"], same_epoch[".halves[1].sampler"])
    assert np.abs(three.displacements_a - alone.displacements_a).max() < DISPLACEMENT_A
    assert np.abs(alone.displacements_a).max() > 10 * DISPLACEMENT_A


def test_that_every_particle_of_every_batch_has_one_member_of_a_team() -> None:
    particles = torch.randperm(95)
    for size in (1, 2, 3, 5):
        shares = [Team(rank, size).order(particles, 31) for rank in range(size)]
        assert sorted(torch.cat([own for own, _ in shares]).tolist()) == list(range(95))
        for rank, (own, batches) in enumerate(shares):
            assert [len(batch) for batch in batches] == [31, 31, 31, 2]
            assert len(Team(rank, size).part(batches[0])) == Team(rank, size).count(31)
            assert own.tolist() == torch.cat([batch[rank::size] for batch in batches]).tolist()


# ------------------------------------------------------------------------------------------- how it ends


def test_that_the_death_of_a_process_ends_the_training_with_a_reason(tiny: Simulation) -> None:
    found: list[int] = []

    def kill(ranks: Ranks) -> None:
        found.extend(ranks.pids)
        os.kill(ranks.pids[-1], signal.SIGKILL)

    with pytest.raises(UserError, match=r"process 2 of 2 of this job \(on cpu\) was ended by signal 9"):
        train_shared(tiny.folder, 2, watch=kill)
    assert found
    assert not any(psutil.pid_exists(pid) for pid in found)


def test_that_what_goes_wrong_in_a_follower_is_told_in_its_words(tmp_path: Path) -> None:
    absent = TrainingInput(star=tmp_path / "absent.star", project_dir=tmp_path, map=None, mask=None)
    kindly = pytest.raises(UserError, match=r"absent\.star")
    with kindly, Ranks(("cpu", "cpu"), 2, follow, (absent, settings_of())) as ranks:
        ranks.receive(1)
    badly = pytest.raises(FollowerError, match=r"process 2 of 2 .* failed: TypeError")
    with badly, Ranks(("cpu", "cpu"), 2, operator.truediv, (0,)) as ranks:
        ranks.receive(1)


def computes(process: psutil.Process) -> bool:
    """Whether a process still does anything."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_that_a_job_is_shared_aborted_and_taken_up_by_another_number_of_processes(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.create(own)
    job = own / "DynaMight" / "job001"

    def heteroscope(processes: int, *words: object) -> int:
        monkeypatch.setenv(PROCESSES, str(processes))
        return door.main([str(word) for word in (*words, "--project", own)])

    options = [str(word) for name, value in OPTIONS.items() for word in (f"--{name}", value)]
    try:
        assert heteroscope(2, "run", "dynamight", "--quiet", "--detach", *options) == 0
        wait_until(checkpoint_path(job, 4).exists, 120)
        record = wait_for_worker(job)
        assert record.worker is not None
        followers = psutil.Process(record.worker.pid).children()
        assert followers
        began = time.monotonic()
        assert heteroscope(2, "abort", "DynaMight/job001") == 0
        assert time.monotonic() - began < 10
        assert exit_markers(job) == ["ABORTED"]
        wait_until(lambda: not any(computes(process) for process in followers), 5)
        assert heteroscope(1, "continue", "DynaMight/job001", "--quiet") == 0
    finally:
        end_leftovers(own)
    assert exit_markers(job) == ["SUCCESS"]
    text = (job / "run.out").read_text()
    assert "2 processes share the training" in text
    assert "Resuming after epoch" in text
    assert text.count("Gaussians placed in density") == 2
