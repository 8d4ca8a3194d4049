"""A training shared by several processes: the same weights, one set of files, and no process left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from app import __main__ as door
from app.project.project import Project
from jobs.core.context import WorkerContext
from jobs.core.declaration import to_values
from jobs.core.devices import PROCESSES
from jobs.core.errors import UserError
from jobs.tomodrgn import train
from jobs.tomodrgn.outputs import read_latent
from jobs.tomodrgn.params import TomoDrgnOptions
from jobs.tomodrgn.sharing import SharedTraining
from tests.jobs.tomodrgn.conftest import context_of, small_options

pytestmark = pytest.mark.usefixtures("any_device")

#: Stated tolerance: weights after two epochs relative to their root mean square, or to this where that is
#: smaller.
RELATIVE, SMALL = 1e-3, 0.1


def trained_by(project: Path, shared: Path, n: int, **changed: object) -> WorkerContext:
    """A small training by ``n`` processes."""
    options = small_options(shared, do_consensus=True, batch_size=5, **changed)
    context = context_of(project, f"TomoDRGN/job{n:03d}/", options)
    context.devices = ("cpu",) * n
    try:
        train.run(context)
    finally:
        context.metrics.close()
    return context


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """What one process trains."""
    return trained_by(tmp_path_factory.mktemp("alone"), shared, 1).folder.path


def assert_same_training(alone: Path, job: Path) -> None:
    first, second = (torch.load(path / "weights.pkl", weights_only=True) for path in (alone, job))
    for name, value in first["model_state_dict"].items():
        scale = max(SMALL, float(value.float().square().mean().sqrt()))
        difference = float((second["model_state_dict"][name] - value).abs().max())
        assert difference < RELATIVE * scale, name
    assert first["training"]["steps"] == second["training"]["steps"] == 8
    assert torch.equal(first["training"]["sampler"], second["training"]["sampler"])
    a, b = (torch.from_numpy(read_latent(path / "z.pkl")[0]) for path in (alone, job))
    torch.testing.assert_close(a, b, atol=RELATIVE, rtol=RELATIVE)


def test_that_two_processes_train_what_one_trains(tmp_path: Path, shared: Path, alone: Path) -> None:
    # Batches of 5 of 16 particles: one process has nothing to do in the last one.
    job = trained_by(tmp_path, shared, 2).folder.path
    assert_same_training(alone, job)
    assert {path.name for path in alone.iterdir()} == {path.name for path in job.iterdir()}
    assert not [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]


def test_that_three_processes_of_the_job_command_train_what_one_trains(
    tmp_path: Path, shared: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.create(tmp_path)
    monkeypatch.setenv(PROCESSES, "3")
    wanted, usual = small_options(shared, do_consensus=True, batch_size=5), TomoDrgnOptions()
    chosen = {name: value for name, value in to_values(wanted).items() if value != to_values(usual)[name]}
    words = [word for name, value in chosen.items() for word in (f"--{name}", value)]
    place = ["--project", str(tmp_path), "--gpu_id", "cpu", "--quiet"]
    assert door.main(["run", "tomodrgn", *place, *words]) == 0
    job = tmp_path / "TomoDRGN" / "job001"
    assert "3 processes share the training" in (job / "run.out").read_text()
    assert_same_training(alone, job)


def test_that_the_death_of_a_process_ends_the_training_with_a_sentence(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_epoch: Callable[..., object] = SharedTraining.run_epoch

    def kill_and_run(self: SharedTraining, each: Callable[[int, int], None]) -> object:
        psutil.Process(self._ranks.pids[0]).kill()
        return run_epoch(self, each)

    monkeypatch.setattr(SharedTraining, "run_epoch", kill_and_run)
    with pytest.raises(UserError, match=r"process 2 of 2 of this job .* was ended by signal 9"):
        trained_by(tmp_path, shared, 2)
    assert not (tmp_path / "TomoDRGN/job002/weights.pkl").exists()
