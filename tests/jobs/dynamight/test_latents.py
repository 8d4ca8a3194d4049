"""Posteriors of the particles' states, and the Adam that sees only some rows at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from jobs.dynamight.latents import LatentTable, RowAdam, divergence

CPU = torch.device("cpu")


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_that_visiting_all_rows_is_adam() -> None:
    start = _random(7, 3)
    ours = RowAdam(start.clone(), betas=(0.8, 0.95))
    theirs = start.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.03, betas=(0.8, 0.95), eps=1e-8)
    for step in range(12):
        gradient = _random(7, 3, seed=step + 1)
        ours.step(torch.arange(7), gradient, 0.03)
        theirs.grad = gradient.clone()
        adam.step()
    assert torch.allclose(ours.table, theirs.detach(), atol=1e-6)


def test_that_a_row_does_not_notice_how_often_others_are_visited() -> None:
    alone, crowd = RowAdam(torch.zeros(1, 2)), RowAdam(torch.zeros(5, 2))
    for step in range(6):
        gradient = _random(5, 2, seed=step)
        alone.step(torch.tensor([0]), gradient[3:4], 0.1)
        crowd.step(torch.tensor([3]), gradient[3:4], 0.1)
        crowd.step(torch.tensor([1, 4]), gradient[:2], 0.1)
    assert torch.equal(alone.table[0], crowd.table[3])
    assert torch.equal(crowd.table[[0, 2]], torch.zeros(2, 2))


def test_that_every_column_can_have_its_own_rate() -> None:
    table = RowAdam(torch.zeros(2, 3))
    table.step(torch.tensor([0, 1]), torch.ones(2, 3), torch.tensor([0.1, 0.2, 0.0]))
    # The first step of Adam is the rate against the sign of the gradient.
    assert torch.allclose(table.table, torch.tensor([[-0.1, -0.2, 0.0]] * 2), atol=1e-7)


def test_that_a_saved_table_goes_on_as_if_nothing_had_happened() -> None:
    first, second = RowAdam(_random(4, 2)), RowAdam(torch.zeros(4, 2))
    first.step(torch.arange(4), _random(4, 2, seed=1), 0.1)
    second.load_state_dict({name: value.clone() for name, value in first.state_dict().items()})
    for table in (first, second):
        table.step(torch.tensor([1, 2]), _random(2, 2, seed=2), 0.1)
    assert torch.equal(first.table, second.table)


def test_that_the_divergence_is_that_of_normal_distributions() -> None:
    mean, log_sd = _random(20, 4), 0.5 * _random(20, 4, seed=1)
    expected = kl_divergence(Normal(mean, log_sd.exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(divergence(mean, log_sd), expected, atol=1e-5)
    assert divergence(torch.zeros(1, 3), torch.zeros(1, 3)).tolist() == [0.0]


def test_that_the_prior_alone_brings_posteriors_to_the_prior() -> None:
    table = LatentTable(30, 3, torch.Generator().manual_seed(0), CPU, spread=0.5)
    rows = torch.arange(30)
    for step in range(400):
        mean, log_sd = table.leaves(rows)
        divergence(mean, log_sd).mean().backward()
        table.step(rows, mean, log_sd, 30, 0.1 / (1 + step / 40))
    assert float(table.means.abs().max()) < 0.02
    assert float(table.log_sds.abs().max()) < 0.02


def test_that_the_spread_of_a_posterior_stays_in_its_range() -> None:
    table = LatentTable(4, 2, torch.Generator().manual_seed(0), CPU)
    rows = torch.arange(4)
    for sign in (1.0, -1.0):
        for _ in range(60):
            mean, log_sd = table.leaves(rows)
            (sign * log_sd.sum() + 0 * mean.sum()).backward()
            table.step(rows, mean, log_sd, 1, 0.5)
        low, high = table.LOG_SD_RANGE
        expected = low if sign > 0 else high
        assert torch.allclose(table.log_sds, torch.tensor(expected))


def test_that_the_same_seed_gives_the_same_first_states() -> None:
    first, again, other = (
        LatentTable(6, 2, torch.Generator().manual_seed(seed), CPU).means for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_that_turning_the_axes_turns_means_and_keeps_lengths() -> None:
    table = LatentTable(50, 3, torch.Generator().manual_seed(0), CPU)
    before, log_sd = table.means.clone(), table.log_sds.clone()
    turn = torch.linalg.qr(_random(3, 3, seed=4)).Q
    table.rotate(turn)
    assert torch.allclose(table.means, before @ turn, atol=1e-6)
    # Posteriors that are round stay round.
    assert torch.allclose(table.log_sds, log_sd, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_that_exchanging_axes_exchanges_spreads(axis: int) -> None:
    table = LatentTable(3, 2, torch.Generator().manual_seed(0), CPU)
    table.log_sds[:, axis] = -2.0
    table.rotate(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert torch.allclose(table.log_sds[:, 1 - axis], torch.tensor(-2.0))
