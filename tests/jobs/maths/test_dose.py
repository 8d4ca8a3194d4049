"""Dose formulas against the values of the paper's curves."""

from __future__ import annotations

import math

import pytest
import torch

from jobs.maths.dose import OPTIMAL, critical_dose, dose_filter, optimal_dose_mask


def test_that_the_critical_dose_follows_the_measured_curve() -> None:
    resolution = torch.tensor([40.0, 20.0, 10.0, 6.0, 4.0])
    expected = torch.tensor([116.7, 38.7, 14.1, 7.65, 5.28])
    torch.testing.assert_close(critical_dose(1 / resolution, 300.0), expected, rtol=0.005, atol=0)
    torch.testing.assert_close(critical_dose(1 / resolution, 200.0), 0.8 * critical_dose(1 / resolution))


def test_that_signal_fades_with_dose_but_never_at_frequency_zero() -> None:
    q = dose_filter(torch.tensor([30.0, 60.0, 120.0]), torch.tensor(0.1), 300.0)
    torch.testing.assert_close(q, torch.tensor([0.346, 0.120, 0.014]), rtol=0, atol=1e-3)
    assert float(dose_filter(torch.tensor(500.0), torch.tensor(0.0))) == 1
    assert bool(optimal_dose_mask(torch.tensor(500.0), torch.tensor(0.0)))


def test_that_the_optimal_dose_is_where_more_exposure_stops_helping() -> None:
    # Signal of a sum up to dose x Nc over the root of its noise, largest at the optimum.
    x = torch.linspace(0.01, 6, 60000, dtype=torch.float64)
    best = float(x[((1 - torch.exp(-x / 2)) / torch.sqrt(x)).argmax()])
    assert best == pytest.approx(OPTIMAL, abs=2e-3) and math.exp(OPTIMAL / 2) == pytest.approx(
        1 + OPTIMAL, rel=1e-4
    )
    dose = OPTIMAL * critical_dose(torch.tensor(0.1))
    assert bool(optimal_dose_mask(dose, torch.tensor(0.1))) and not bool(
        optimal_dose_mask(dose * 1.001, torch.tensor(0.1))
    )


def test_that_images_of_mixed_voltages_are_filtered_each_by_its_own() -> None:
    dose, voltage = torch.tensor([[20.0], [20.0]]), torch.tensor([[300.0], [200.0]])
    q = dose_filter(dose, torch.tensor([0.05, 0.1]), voltage)
    assert q.shape == (2, 2)
    torch.testing.assert_close(q[1], q[0] ** (1 / 0.8))
