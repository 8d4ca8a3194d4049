from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from jobs.tomodrgn.rounds import Quiet, train
from jobs.tomodrgn.training import DivergedError, Training
from tests.support.small_training import COUNTS, small_training

_RUN = (
    "import runpy, sys, types; tests = types.ModuleType('tests'); tests.__path__ = [sys.argv.pop(1)];"
    "sys.modules['tests'] = tests; runpy.run_module('tests.support.small_training', run_name='__main__')"
)


def weights(training: Training) -> Mapping[str, torch.Tensor]:
    return {k: v.clone() for k, v in training.model.state_dict().items()}


@pytest.mark.parametrize("zdim", [0, 2])
@pytest.mark.parametrize("consensus", [True, False])
def test_that_a_resumed_training_ends_with_the_same_bits(tmp_path: Path, zdim: int, consensus: bool) -> None:
    whole = small_training(tmp_path, zdim, average=1.0, consensus=consensus)
    train(whole, lambda e: tmp_path / f"whole.{e}", Quiet())
    other = small_training(tmp_path, zdim, average=1.0, consensus=consensus)
    train(other, lambda e: tmp_path / f"other.{e}", Quiet(), resume=tmp_path / "whole.0")
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(other)[name]), name


def process(*arguments: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[3]
    # The folder of the tests is no package; its parent must be found for its modules.
    environment = {**os.environ, "PYTHONPATH": str(root), "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-c", _RUN, str(root / "tests"), *arguments]
    return subprocess.Popen(command, cwd=root, env=environment)


def test_that_a_training_killed_at_any_time_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    assert process("killed", str(tmp_path)).wait(200) == -signal.SIGKILL
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole, other = small_training(tmp_path), small_training(tmp_path)
        train(whole, lambda e: tmp_path / f"whole.{e}", Quiet())
        train(other, lambda e: tmp_path / f"other.{e}", Quiet(), resume=tmp_path / "killed.1")
    finally:
        torch.set_num_threads(threads)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(other)[name]), name


def test_that_losses_that_are_no_numbers_lead_back_to_the_last_good_checkpoint(tmp_path: Path) -> None:
    training = small_training(tmp_path)

    class Spoiler(Quiet):
        def epoch(self, losses: object) -> None:
            if training.epoch == 2:
                with torch.no_grad():
                    next(training.model.parameters()).fill_(float("nan"))

    with pytest.raises(DivergedError, match="went back to the checkpoint of epoch 1"):
        train(training, lambda e: tmp_path / f"weights.{e}", Spoiler())
    assert training.epoch == 1
    assert all(bool(p.isfinite().all()) for p in training.model.parameters())
    assert not (tmp_path / "weights.1").exists()


def test_that_latent_states_do_not_depend_on_chance(tmp_path: Path) -> None:
    training = small_training(tmp_path, fraction_train=0.5)
    training.run_epoch(lambda done, of: None)
    first, again = training.encode_all(), training.encode_all()
    assert first[0].shape == (len(COUNTS), 2)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], training.encode_all(~training.teach)[0])  # type: ignore[operator]


def test_that_training_lowers_the_misfit(tmp_path: Path) -> None:
    training = small_training(tmp_path, epochs=15, consensus=False, rate_factor=50.0)
    losses = [training.run_epoch(lambda done, of: None).misfit for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]


def test_that_two_processes_train_as_one(tmp_path: Path) -> None:
    processes = [process("shared", str(tmp_path), str(rank)) for rank in (0, 1)]
    assert [p.wait(200) for p in processes] == [0, 0]
    alone = small_training(tmp_path)
    losses = alone.run_epoch(lambda done, of: None)
    ours, theirs = (torch.load(tmp_path / f"rank{rank}", weights_only=True) for rank in (0, 1))
    assert ours["misfit"] == pytest.approx(losses.misfit, rel=1e-5)
    for name, value in weights(alone).items():
        spread = max(0.1, float(value.float().square().mean().sqrt()))
        assert float((value - ours["weights"][name]).abs().max()) < 1e-4 * spread, name
        assert torch.equal(ours["weights"][name], theirs["weights"][name]), name
