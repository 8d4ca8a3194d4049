"""The pixel error, the registration of runs, and who counts as stable."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from jobs.isac2.stability import (
    mirror_stable_members,
    register_runs,
    squared_errors,
    stable_members,
)
from jobs.maths.transforms2d import Planar

_R = 29.0


def _gen(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _agreeing_runs(count: int, runs: int, seed: int, angle_sd: float = 1.0, shift_sd: float = 0.2) -> Planar:
    """Runs that place images alike up to scatter and up to one transformation of each whole run."""
    g = _gen(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    base = Planar(180 * normal(count), 1.5 * normal(count, 2), torch.rand(count, generator=g) < 0.5)
    scattered = Planar(
        base.alpha_deg + angle_sd * normal(runs, count),
        base.shift + shift_sd * normal(runs, count, 2),
        base.mirror.expand(runs, count),
    )
    frame = Planar(180 * normal(runs, 1), normal(runs, 1, 2), torch.rand(runs, 1, generator=g) < 0.5)
    wide = Planar(
        frame.alpha_deg.expand(runs, count),
        frame.shift.expand(runs, count, 2),
        frame.mirror.expand(runs, count),
    )
    return wide.compose(scattered)


def test_that_the_pixel_error_is_the_formula() -> None:
    g = _gen(1)
    angle = torch.randn(5, 7, generator=g, dtype=torch.float64)
    shift = torch.randn(5, 7, 2, generator=g, dtype=torch.float64)
    found = squared_errors(angle, shift, _R).numpy()
    for i in range(7):
        z = sum(np.exp(1j * angle[j, i].item()) for j in range(5)) / 5
        var = sum(np.var(shift[:, i, k].numpy()) for k in (0, 1))
        assert found[i] == pytest.approx(_R**2 * (1 - abs(z)) + var, abs=1e-6)


def test_that_the_pixel_error_is_how_far_pixels_of_the_disc_move() -> None:
    g = _gen(2)
    angle = torch.deg2rad(4 * torch.randn(5, generator=g, dtype=torch.float64))
    shift = 0.5 * torch.randn(5, 2, generator=g, dtype=torch.float64)
    y, x = np.mgrid[-400:401, -400:401] * (_R / 400)
    inside = x**2 + y**2 <= _R**2
    x, y = x[inside], y[inside]
    z = np.exp(1j * angle.numpy()).mean()
    mean_angle, mean_shift = np.angle(z), shift.numpy().mean(0)
    squares = []
    for a, (sx, sy) in zip(angle.tolist(), shift.tolist(), strict=True):
        dx = (np.cos(a) - np.cos(mean_angle)) * x + (np.sin(a) - np.sin(mean_angle)) * y + sx - mean_shift[0]
        dy = (np.sin(mean_angle) - np.sin(a)) * x + (np.cos(a) - np.cos(mean_angle)) * y + sy - mean_shift[1]
        squares.append((dx**2 + dy**2).mean())
    found = squared_errors(angle[:, None], shift[:, None], _R).item()
    assert found == pytest.approx(np.mean(squares), rel=1e-3)


def test_that_the_largest_mirror_agreement_is_found_among_all_swaps() -> None:
    mirror = torch.rand(3, 4, 30, generator=_gen(3)) < 0.5
    valid = torch.rand(3, 30, generator=_gen(4)) < 0.8
    found = mirror_stable_members(mirror, valid)
    for k in range(3):
        sizes = []
        for swaps in itertools.product([False, True], repeat=3):
            swapped = mirror[k] ^ torch.tensor([*swaps, False])[:, None]
            agree = (swapped == swapped[-1]).all(0) & valid[k]
            sizes.append(int(agree.sum()))
            if (agree == found[k]).all():
                assert int(agree.sum()) > 0
        assert int(found[k].sum()) == max(sizes)
        assert not (found[k] & ~valid[k]).any()


def _value(parameters: np.ndarray, runs: Planar) -> float:
    """Mean squared error of runs moved by whole-run transformations, through compositions alone."""
    count = runs.shape[0]
    full = torch.tensor(np.append(parameters, [0, 0, 0]).reshape(count, 3))
    frame = Planar(
        torch.rad2deg(full[:, :1]).expand(runs.shape),
        full[:, None, 1:].expand(*runs.shape, 2),
        torch.zeros(runs.shape, dtype=torch.bool),
    )
    moved = frame.compose(runs)
    return squared_errors(torch.deg2rad(moved.alpha_deg), moved.shift, _R).mean().item()


def test_that_the_registration_reaches_the_minimum_that_lbfgs_finds() -> None:
    both = [_agreeing_runs(12, 4, seed, angle_sd=2.5, shift_sd=0.6) for seed in (5, 6)]
    # Here all runs share their mirrors: a mirrored whole run changes only the flags.
    both = [Planar(r.alpha_deg, r.shift, r.mirror[-1:].expand(r.shape)) for r in both]
    alpha = torch.deg2rad(torch.stack([r.alpha_deg for r in both]))
    shift = torch.stack([r.shift for r in both])
    mirror = torch.stack([r.mirror[-1] for r in both])
    group = register_runs(alpha, shift, mirror, torch.ones(2, 12, dtype=torch.float64), _R)
    assert (group[:, -1] == 0).all()
    for k, runs in enumerate(both):
        found = group[k, :-1].flatten().numpy()
        best = minimize(_value, found, args=(runs,), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
        assert _value(found, runs) == pytest.approx(best.fun, abs=1e-6)
        # and a start elsewhere ends no lower
        other = minimize(_value, found + 0.2, args=(runs,), method="L-BFGS-B")
        assert other.fun >= best.fun - 1e-6


def test_that_moving_whole_runs_changes_nothing() -> None:
    runs = _agreeing_runs(40, 5, 7)
    labels = torch.zeros(40, dtype=torch.int64)
    first = stable_members(runs, labels, 1, _R, 0.7)
    frame = Planar(
        torch.tensor([10.0, 200.0, 77.0, -50.0, 0.0], dtype=torch.float64)[:, None].expand(5, 40),
        torch.tensor([[1, 2], [-3, 0], [0, 0], [2, 2], [0, 0]], dtype=torch.float64)[:, None].expand(
            5, 40, 2
        ),
        torch.tensor([True, False, True, True, False])[:, None].expand(5, 40),
    )
    second = stable_members(frame.compose(runs), labels, 1, _R, 0.7)
    finite = torch.isfinite(first.pixel_error)
    assert (finite == torch.isfinite(second.pixel_error)).all()
    torch.testing.assert_close(first.pixel_error[finite], second.pixel_error[finite], atol=1e-6, rtol=0)
    assert (first.stable == second.stable).all()


def test_that_scatter_decides_who_is_stable_class_by_class() -> None:
    calm, wild = _agreeing_runs(30, 5, 8, 0.5, 0.1), _agreeing_runs(20, 5, 9, 40.0, 3.0)
    order = torch.randperm(53, generator=_gen(10))
    both = Planar(
        torch.cat([calm.alpha_deg, wild.alpha_deg, torch.zeros(5, 3)], 1)[:, order],
        torch.cat([calm.shift, wild.shift, torch.zeros(5, 3, 2)], 1)[:, order],
        torch.cat([calm.mirror, wild.mirror, torch.zeros(5, 3, dtype=torch.bool)], 1)[:, order],
    )
    labels = torch.tensor([0] * 30 + [1] * 20 + [-1] * 3)[order]
    found = stable_members(both, labels, 3, _R, 0.7)
    assert found.stable[labels == 0].all()
    assert not found.stable[labels != 0].any()
    assert torch.isinf(found.pixel_error[labels == -1]).all()
    assert 0 < found.class_error[0] < 0.7 and found.class_error[1] == 0 and found.class_error[2] == 0
    # R sigma / sqrt 2 of the rotation and the shifts; five runs keep four fifths of a variance
    expected = math.sqrt(0.8 * (_R**2 * math.radians(0.5) ** 2 / 2 + 2 * 0.1**2))
    assert found.class_error[0].item() == pytest.approx(expected, rel=0.15)


def test_that_the_averaged_placement_lies_between_the_runs() -> None:
    runs = _agreeing_runs(25, 5, 11, 0.5, 0.1)
    found = stable_members(runs, torch.zeros(25, dtype=torch.int64), 1, _R, 0.7)
    assert (found.planar.mirror == runs.mirror[-1]).all()
    away = (found.planar.alpha_deg - runs.alpha_deg[-1] + 180) % 360 - 180
    assert away.abs().max() < 3
    assert (found.planar.shift - runs.shift[-1]).abs().max() < 0.6


def test_that_one_run_alone_is_stable_as_it_stands() -> None:
    runs = _agreeing_runs(10, 1, 12)
    found = stable_members(runs, torch.zeros(10, dtype=torch.int64), 1, _R, 0.7)
    assert found.stable.all() and found.pixel_error.abs().max() < 1e-6
    torch.testing.assert_close(found.planar.shift, runs.shift[0])
