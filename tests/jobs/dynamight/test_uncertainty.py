"""Predicted errors of displacements, against the same worked out point by point and by drawing states."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.dynamight import uncertainty
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import TrainedHalf, TrainedModel, load_model, write_checkpoint
from jobs.dynamight.uncertainty import (
    INTERVAL_68,
    SCALE,
    SCALE_OF_MEAN,
    Errors,
    gaussian_errors,
    particle_errors,
    point_errors,
)
from jobs.dynamight.uncertainty_matching import jacobian, other_half
from jobs.simulate.truth import GroundTruth, displacements


@pytest.fixture(scope="module")
def checkpoint(trained: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = checkpoint_path(tmp_path_factory.mktemp("errors") / "job001", None)
    write_checkpoint(path, trained, "particles.star")
    return path


@pytest.fixture
def model(checkpoint: Path) -> TrainedModel:
    return load_model(checkpoint)


def _changed(model: TrainedModel, sd: float | None = None, same: bool = False) -> TrainedModel:
    """The model with all posteriors as wide as ``sd``, or with one model in both half-sets."""
    first, second = model.halves

    def own(half: TrainedHalf) -> TrainedHalf:
        log_sds = half.log_sds if sd is None else torch.full_like(half.log_sds, math.log(sd))
        return replace(half, log_sds=log_sds, model=first.model if same else half.model)

    return replace(model, halves=(own(first), own(second)))


def _points(model: TrainedModel, n: int = 20) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    near = model.halves[0].model.positions[:n]
    return near + 3.0 * torch.randn(n, 3, generator=generator)


def _slopes(half: TrainedHalf, z: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Change ``(L, n, 3)`` of displacements per unit of each latent, by finite differences."""
    steps = 1e-2 * torch.eye(len(z))
    up, down = (half.model.displacement(z + sign * steps, points) for sign in (1, -1))
    return (up - down) / 2e-2


def _rms(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    return np.sqrt(np.square(values.astype(np.float64)).mean(axis))


def test_that_models_that_agree_on_certain_states_leave_only_the_floor(model: TrainedModel) -> None:
    certain = _changed(model, sd=1e-6, same=True)
    floor = uncertainty.FLOOR_VOXELS * model.frame.voxel_size_a
    for half in (1, 2):
        errors = Errors(certain, half)
        assert errors.floor_a == floor
        # What remains is the slight pull of matched states towards the middle.
        assert errors.of_points(errors.rows, _points(model)) == pytest.approx(floor, abs=0.05)
    exact = point_errors(certain, 0, Errors(certain, 0).rows, _points(model))
    assert exact.shape[1] == 20
    assert exact.min() == pytest.approx(floor, rel=1e-5)


def test_that_errors_of_the_posterior_are_those_of_drawn_states(model: TrainedModel) -> None:
    own, sd, points = model.halves[0], 0.05, _points(model)
    narrow = _changed(model, sd=sd)
    errors = Errors(narrow, 1)
    rows = errors.rows[:6]
    part = next(errors._parts(rows))
    basis = errors.basis(points)
    # What both models share and, with its weight taken off again, the rest are the whole motion.
    rows_of_spread = part.spread[:, :3] + part.spread[:, 3:] / uncertainty.UNSHARED**0.5
    spread = torch.einsum("nxk,blk->bnlx", basis, rows_of_spread).square().sum((2, 3)).sqrt()
    generator = torch.Generator().manual_seed(1)
    for i, mean in enumerate(own.means[:6]):
        drawn = mean + sd * torch.randn(4000, len(mean), generator=generator)
        moved = own.model.displacement(drawn, points)
        rms = (moved - moved.mean(0)).square().sum(2).mean(0).sqrt()
        assert spread[i].numpy() == pytest.approx(rms.numpy(), rel=0.1)
    assert spread.max() > 0.02


def test_that_the_error_is_made_of_posterior_disagreement_and_floor(model: TrainedModel) -> None:
    """The quadratic forms against displacements worked out one after another."""
    points = _points(model)
    for half in (1, 2):
        errors = Errors(model, half)
        rows = errors.rows[[7, 3, 30]]
        found = errors.of_points(rows, points)
        own, other = model.halves[half - 1], model.halves[2 - half]
        for row, predicted in zip(rows, found, strict=True):
            local = int(np.nonzero(own.rows == row)[0][0])
            z, sds = own.means[local], own.log_sds[local].exp()
            variance = torch.zeros(len(points))
            match = other_half(model, half).match(z[None])
            its, gaussians = _slopes(other, match[0], points), own.model.positions
            # Ridge regression of each motion on those of the other model, over all Gaussians.
            design = _slopes(other, match[0], gaussians).flatten(1).T / math.sqrt(len(gaussians))
            motions = (sds[:, None, None] * _slopes(own, z, gaussians)).flatten(1) / math.sqrt(len(gaussians))
            for move, motion in zip(sds[:, None, None] * _slopes(own, z, points), motions, strict=True):
                weights = torch.linalg.solve(design.T @ design + 0.1 * torch.eye(len(z)), design.T @ motion)
                shared = torch.einsum("l,lnx->nx", weights, its)
                variance += shared.square().sum(1) + 0.25 * (move - shared).square().sum(1)
            apart = own.model.displacement(z[None], points) - other.model.displacement(match, points)
            squared = SCALE**2 * (variance + 0.5 * apart[0].square().sum(1)) + errors.floor_a**2
            assert predicted == pytest.approx(squared.sqrt().numpy(), rel=5e-3)


def test_that_errors_of_held_out_particles_are_those_of_the_mean_of_both_models(model: TrainedModel) -> None:
    points, errors = _points(model), Errors(model, 0)
    first, second = model.halves
    row = int(errors.rows[0])
    own = first if model.half[row] == 1 else second
    z = own.means[int(np.nonzero(own.rows == row)[0][0])][None]
    sds = own.log_sds[int(np.nonzero(own.rows == row)[0][0])].exp()

    def both(state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a, b = (h.model.displacement(state, points)[0] for h in model.halves)
        return 0.5 * (a + b), a - b

    variance = 0.25 * both(z)[1].square().sum(1)
    for k in range(z.shape[1]):
        step = 1e-2 * torch.eye(z.shape[1])[k]
        variance += (sds[k] * (both(z + step)[0] - both(z - step)[0]) / 2e-2).square().sum(1)
    expected = (SCALE_OF_MEAN**2 * variance + errors.floor_a**2).sqrt()
    # Both models have the same latent axes once the training has ended.
    assert model.state["training"]["schedule"]["stage"] == "done"
    assert errors.of_points(np.array([row]), points)[0] == pytest.approx(expected.numpy(), rel=5e-3)
    assert set(errors.rows) == set(np.nonzero(model.validation)[0])


def test_that_sums_over_gaussians_and_particles_are_those_of_points(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertainty, "_PARTICLES_AT_ONCE", 13)
    monkeypatch.setattr(uncertainty, "_POINTS_AT_ONCE", 17)
    for half in (1, 2):
        errors = Errors(model, half)
        gaussians = model.halves[half - 1].model.positions
        single = errors.of_points(errors.rows, gaussians)
        assert particle_errors(model, half, errors.rows) == pytest.approx(_rms(single, 1), rel=1e-4)
        assert gaussian_errors(model, half) == pytest.approx(_rms(single, 0), rel=1e-4)
        moved, apart, _ = errors.of_gaussians()
        true = model.halves[half - 1].model.displacement(model.halves[half - 1].means, gaussians)
        assert moved == pytest.approx(_rms(true.norm(dim=2).numpy(), 0), rel=1e-4)
        assert apart.min() > 0


def test_that_slopes_are_derivatives(model: TrainedModel) -> None:
    own = model.halves[0]
    z = own.means[:5]
    slopes = jacobian(own.model.field, z)
    for k in range(z.shape[1]):
        step = 1e-2 * torch.eye(z.shape[1])[k]
        change = own.model.field.coefficients(z + step) - own.model.field.coefficients(z - step)
        assert slopes[:, k].numpy() == pytest.approx((change / 2e-2).numpy(), abs=2e-3)


def test_that_states_are_found_again_in_turned_and_stretched_latent_axes(model: TrainedModel) -> None:
    """The same motion written with other latents: compared at the same state it would seem to differ."""
    other = load_model(model.path).halves[0]
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))
    other.model.field.rotate_latents(rotation)
    with torch.no_grad():
        for layer in (other.model.field.linear_coefficients, other.model.field.bent_coefficients[0]):
            layer.weight.mul_(0.7)
    first = model.halves[0]
    turned = replace(other, means=first.means @ rotation / 0.7)
    twins = replace(model, halves=(first, turned))
    points = first.model.positions
    here = first.model.displacement(first.means, points)
    match = other_half(twins, 1).match(first.means)
    there = turned.model.displacement(match, points)
    naive = turned.model.displacement(first.means, points)
    assert (here - naive).norm(dim=2).mean() > 1.0
    assert (here - there).norm(dim=2).mean() < 0.03 * (here - naive).norm(dim=2).mean()
    assert here.norm(dim=2).mean() > 1.0


def test_that_only_motion_which_the_other_model_can_make_is_shared(model: TrainedModel) -> None:
    first = model.halves[0]
    moves = jacobian(first.model.field, first.means).double()
    twins = other_half(_changed(model, same=True), 1)
    # The same model can make all of it, but for what is too small to count.
    kept = twins.shared(moves, first.means)
    missed = ((moves - kept) @ twins.gram * (moves - kept)).sum((1, 2))
    everything = (moves @ twins.gram * moves).sum((1, 2))
    assert (missed / everything).max() < 0.1
    assert torch.linalg.matrix_norm(kept).max() > 0
    # A model that does not move makes nothing.
    model.halves[1].model.field.modes.weight.mul_(0.0)
    model.halves[1].model.field.modes.bias.mul_(0.0)
    still = other_half(model, 1)
    assert torch.equal(still.shared(moves, first.means), torch.zeros_like(moves))
    # Then the posterior alone is left, at its lower weight, and half of the squared displacement.
    errors = Errors(model, 1)
    part = next(errors._parts(errors.rows))
    assert part.spread[:, :3].abs().max() == 0
    assert errors.of_particles(errors.rows)[1] == pytest.approx(
        first.model.displacement(first.means, first.model.positions).square().sum(2).mean(1).sqrt().numpy(),
        rel=1e-4,
    )


def test_that_predicted_errors_tell_where_true_errors_are_large(
    model: TrainedModel, trained: Prepared
) -> None:
    truth = GroundTruth.load(trained.particles.path.parent / "ground_truth.npz")
    points = torch.from_numpy(truth.beads_a).float()
    for half in (1, 2):
        own = model.halves[half - 1]
        moved, true = own.model.displacement(own.means, points).numpy(), displacements(truth, own.rows)
        error = np.linalg.norm((moved - moved.mean(0)) - (true - true.mean(0)), axis=2)
        predicted = point_errors(model, half, own.rows, points)
        ranks = [np.argsort(np.argsort(_rms(v, 0))) for v in (error, predicted)]
        assert np.corrcoef(*ranks)[0, 1] > 0.5


def test_that_the_interval_holds_68_percent_of_normally_distributed_errors() -> None:
    drawn = np.random.default_rng(0).normal(size=(200_000, 3))
    length = np.linalg.norm(drawn, axis=1)
    assert (length < INTERVAL_68 * math.sqrt(3.0)).mean() == pytest.approx(0.6827, abs=0.004)


def test_that_a_model_without_motion_has_small_errors(model: TrainedModel) -> None:
    for half in model.halves:
        half.model.field.modes.weight.mul_(1e-3)
        half.model.field.modes.bias.mul_(1e-3)
    for half in (1, 2):
        errors = particle_errors(model, half, model.halves[half - 1].rows)
        assert errors.max() < 1.2 * uncertainty.FLOOR_VOXELS * model.frame.voxel_size_a


def test_that_particles_of_the_other_half_set_are_refused(model: TrainedModel) -> None:
    foreign = model.halves[1].rows[:1]
    with pytest.raises(ValueError, match=f"particle {foreign[0]} is not of half-set 1"):
        point_errors(model, 1, foreign, _points(model))
    assert point_errors(model, 1, foreign[:0], _points(model)).shape == (0, 20)


def test_that_a_checkpoint_from_before_anything_moved_has_no_errors(model: TrainedModel) -> None:
    model.state["training"]["schedule"]["stage"] = "warm-up"
    with pytest.raises(UserError, match="nothing has moved"):
        Errors(model, 1)
