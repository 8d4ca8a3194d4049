from __future__ import annotations

from pathlib import Path

import pytest
import torch

from jobs.core.errors import UserError
from jobs.tomodrgn.loss import divergence, latent_term
from jobs.tomodrgn.schedule import beta_at
from jobs.tomodrgn.settings import TrainingSettings
from tests.support.small_training import small_training


def test_that_the_weight_of_the_divergence_is_one_over_its_dimensions_unless_told() -> None:
    assert beta_at(TrainingSettings(), 8, 0, 100) == pytest.approx(1 / 8)
    assert beta_at(TrainingSettings(beta=0.3), 8, 0, 100) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("name", "low", "high", "start", "end"),
    [("a", 0.001, 15, 0, 1e6), ("b", 5, 15, 2e5, 8e5), ("c", 5, 18, 2e5, 8e5), ("d", 5, 18, 1e6, 5e6)],
)
def test_that_schedules_rise_linearly_between_their_ends(
    name: str, low: float, high: float, start: float, end: float
) -> None:
    settings = TrainingSettings(beta=name)
    assert beta_at(settings, 8, int(start), 1) == pytest.approx(low)
    assert beta_at(settings, 8, int((start + end) / 2), 1) == pytest.approx((low + high) / 2)
    assert beta_at(settings, 8, int(2 * end), 1) == pytest.approx(high)


def test_that_the_cyclical_schedule_has_four_cycles_that_rise_for_their_first_half() -> None:
    settings = TrainingSettings(beta="e")
    assert [beta_at(settings, 8, s, 800) for s in (0, 50, 100, 150, 200, 250)] == [0, 0.5, 1, 1, 0, 0.5]


def test_that_the_divergence_is_that_of_two_normal_distributions() -> None:
    mean, log_variance = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.3, -0.7]])
    ours = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    standard = torch.distributions.Normal(torch.zeros(1, 2), torch.ones(1, 2))
    expected = torch.distributions.kl_divergence(ours, standard).sum(-1)
    assert torch.allclose(divergence(mean, log_variance), expected)


def test_that_controlled_divergence_is_drawn_to_its_target() -> None:
    value = torch.tensor(3.0, requires_grad=True)
    latent_term(value, 5.0, 0.1).backward()
    assert value.grad is not None
    assert float(value.grad) < 0


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"fraction_train": 0.0}, {"beta": "z"}])
def test_that_settings_without_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        TrainingSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zdim", "consensus", "linear", "factor"),
    [
        (2, True, True, 1),
        (0, True, True, 0.5),
        (2, True, False, 10),
        (2, False, False, 10),
        (0, False, True, 10),
    ],
)
def test_that_networks_take_small_steps_where_the_start_leaves_little_to_learn(
    tmp_path: Path, zdim: int, consensus: bool, linear: bool, factor: float
) -> None:
    training = small_training(tmp_path, zdim, consensus=consensus, linear=linear, warm_up_steps=1)
    for _ in range(2):
        training.run_epoch(lambda done, of: None)
    rates = [group["lr"] for group in training.optimiser.param_groups]
    assert rates == pytest.approx([factor * training.settings.lr])
