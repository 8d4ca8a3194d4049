"""Inverse deformations of a trained model: against the network itself, masks, files, refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight.inverse import measure, prepare_probe, verdict, voxels_inside
from jobs.dynamight.inverse_errors import PLACES, Errors, HalfErrors
from jobs.dynamight.inverse_field import InverseField, choose_spacing, evaluate_inverse
from jobs.dynamight.inverse_state import (
    forward_fingerprint,
    inverse_path,
    read_inverse,
    read_unfinished,
    write_inverse,
    write_unfinished,
)
from jobs.dynamight.model import GaussianModel
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import TrainedModel, load_model, write_checkpoint
from jobs.maths.inversion import solve


@pytest.fixture(scope="module")
def job(trained: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a job with the final checkpoint of the tiny training."""
    folder = tmp_path_factory.mktemp("inverse")
    checkpoint_path(folder, None).parent.mkdir(parents=True)
    write_checkpoint(checkpoint_path(folder, None), trained, "particles.star")
    return folder


@pytest.fixture(scope="module")
def model(job: Path) -> TrainedModel:
    return load_model(checkpoint_path(job, None))


def _by_network(model: GaussianModel, latents: Tensor, targets: Tensor) -> Tensor:
    """The way back with the network evaluated at every step: ``(b, n, 3)``."""
    found = []
    for state, some in zip(latents, targets, strict=True):

        def displacement(point: Tensor, state: Tensor = state) -> Tensor:
            return model.displacement(state[None], point[None])[0, 0]

        slopes = torch.func.vmap(torch.func.jacrev(displacement))
        found.append(
            solve(
                lambda p, _, state=state, slopes=slopes: (model.displacement(state[None], p)[0], slopes(p)),
                some,
            ).points_a
        )
    return torch.stack(found)


# ------------------------------------------------------------------------------------------------ accuracy


def test_that_the_tabulated_way_back_is_that_of_the_network_itself(model: TrainedModel) -> None:
    half = model.halves[0]
    latents = half.means[:4]
    targets = half.model.positions + half.model.displacement(latents, half.model.positions)
    found = evaluate_inverse(model, 1, latents, targets)
    assert float((found - _by_network(half.model, latents, targets)).norm(dim=2).median()) < 0.05
    assert float((found - half.model.positions).norm(dim=2).median()) < 0.05


def test_that_there_and_back_is_the_same_place_at_gaussians_and_voxels(model: TrainedModel) -> None:
    for number, half in enumerate(model.halves):
        errors = HalfErrors.of(len(half.rows))
        measure(prepare_probe(half, number), errors, 16)
        assert errors.at["gaussians"].n == len(half.rows) * half.model.n_points
        assert errors.at["gaussians"].quantile(0.5) < 0.1
        assert errors.at["voxels"].quantile(0.5) < 0.1
        assert not np.isnan(errors.particles).any()


def test_that_the_medians_of_particles_are_those_of_their_own_round_trips(model: TrainedModel) -> None:
    half = model.halves[1]
    errors = HalfErrors.of(len(half.rows))
    measure(prepare_probe(half, 1), errors, 16)
    moved = half.model.positions + half.model.displacement(half.means, half.model.positions)
    back = evaluate_inverse(model, 2, half.means, moved)
    expected = np.median((back - half.model.positions).norm(dim=2).numpy(), 1)
    assert np.allclose(errors.particles[:, 0], expected, atol=1e-4)


def test_that_a_model_that_does_not_move_is_inverted_by_the_identity(model: TrainedModel) -> None:
    half = model.halves[0]
    at_rest = half.means[:3].clone()
    own = InverseField(half.model, choose_spacing(half.model, half.means))
    own.table.splines.zero_()
    points = voxels_inside(half.model)
    assert torch.equal(own.invert(at_rest, points).points_a, points.expand(3, -1, -1))


def test_that_nothing_moves_outside_the_mask_of_a_model(job: Path) -> None:
    model = load_model(checkpoint_path(job, None))
    half = model.halves[0].model
    half.mask = torch.zeros(half.frame.box, half.frame.box, half.frame.box)
    half.mask[:, :, 17:] = 1
    points = voxels_inside(half)
    assert float(points[:, 0].min()) == pytest.approx(half.frame.voxel_size_a)
    outside = -points - half.frame.voxel_size_a * torch.tensor([1.0, 0.0, 0.0])
    latents = model.halves[0].means[:2]
    assert torch.equal(evaluate_inverse(model, 1, latents, outside), outside.expand(2, -1, -1))
    again = evaluate_inverse(model, 1, latents, points)
    there = again + torch.stack(
        [half.displacement(z[None], p)[0] for z, p in zip(latents, again, strict=True)]
    )
    assert float((there - points).norm(dim=2).median()) < 0.1


# ---------------------------------------------------------------------------------- killed and continued


def test_that_measuring_in_two_goes_gives_the_bits_of_one(model: TrainedModel, tmp_path: Path) -> None:
    probe = prepare_probe(model.halves[0], 5)
    whole = HalfErrors.of(len(probe.half.rows))
    measure(probe, whole, 16)
    part = HalfErrors.of(len(probe.half.rows))

    def stop() -> None:
        if part.done >= 48:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        measure(probe, part, 16, stop)
    write_unfinished(tmp_path / "unfinished.pth", "key", [part])
    restored = read_unfinished(tmp_path / "unfinished.pth", "key")
    assert restored is not None
    assert restored[0].done == 48
    measure(probe, restored[0], 16)
    assert np.array_equal(whole.particles, restored[0].particles)
    for place in PLACES:
        assert whole.at[place].summary() == restored[0].at[place].summary()


def test_that_partial_results_of_other_settings_or_damaged_ones_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "unfinished.pth"
    assert read_unfinished(path, "a") is None
    write_unfinished(path, "a", [HalfErrors.of(3)])
    assert read_unfinished(path, "a") is not None
    assert read_unfinished(path, "b") is None
    path.write_bytes(path.read_bytes()[:100])
    assert read_unfinished(path, "a") is None


# ---------------------------------------------------------------------------------------- the checkpoint


def _write(job: Path, model: TrainedModel) -> Path:
    fields = [InverseField(half.model, 8.0) for half in model.halves]
    write_inverse(inverse_path(job), model, fields, [HalfErrors.of(len(half.rows)) for half in model.halves])
    return inverse_path(job)


def test_that_the_checkpoint_is_plain_and_brings_back_the_same_way(
    job: Path, model: TrainedModel, tmp_path: Path
) -> None:
    path = _write(tmp_path, model)
    assert torch.load(path, weights_only=True)["method"] == "numerical"
    saved = read_inverse(path, model)
    points, latents = torch.tensor([[10.0, 20.0, -5.0]]), model.halves[1].means[:2]
    expected = InverseField(model.halves[1].model, 8.0).invert(latents, points)
    assert torch.equal(saved.field(model, 2).invert(latents, points).points_a, expected.points_a)


def test_that_the_checkpoint_of_another_model_is_refused(
    job: Path, model: TrainedModel, tmp_path: Path
) -> None:
    path = _write(tmp_path, model)
    other = load_model(checkpoint_path(job, None))
    with torch.no_grad():
        other.halves[1].model.field.modes.bias += 1e-3
    assert forward_fingerprint(other) != forward_fingerprint(model)
    with pytest.raises(UserError, match="belong to another model"):
        read_inverse(path, other)


def test_that_missing_and_foreign_checkpoints_are_refused_in_words(
    job: Path, model: TrainedModel, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="have not been estimated yet"):
        read_inverse(tmp_path / "none.pth", model)
    save_checkpoint(tmp_path / "foreign.pth", {"inv_half1": torch.zeros(3)})
    with pytest.raises(UserError, match="not inverse deformations of this version"):
        read_inverse(tmp_path / "foreign.pth", model)
    shutil.copy(checkpoint_path(job, None), tmp_path / "forward.pth")
    with pytest.raises(UserError, match="not inverse deformations of this version"):
        read_inverse(tmp_path / "forward.pth", model)
    (tmp_path / "damaged.pth").write_bytes(_write(tmp_path, model).read_bytes()[:200])
    with pytest.raises(UserError, match="damaged"):
        read_inverse(tmp_path / "damaged.pth", model)
    assert "format" in load_checkpoint(inverse_path(tmp_path))


# -------------------------------------------------------------------------------------------- the numbers


def test_that_quantiles_are_those_of_the_sorted_errors_to_a_bins_width() -> None:
    values = np.random.default_rng(1).lognormal(-3, 1.5, 20_000)
    errors = Errors()
    for part in np.array_split(values, 7):
        errors.add(part, part > 1)
    for share in (0.5, 0.95):
        assert errors.quantile(share) == pytest.approx(np.quantile(values, share), rel=0.02)
    assert errors.mean == pytest.approx(values.mean(), rel=1e-9)
    assert errors.largest == values.max()
    assert errors.folded == (values > 1).sum()
    zero = Errors()
    zero.add(np.zeros(5), np.zeros(5, bool))
    assert zero.quantile(0.5) == 0


def test_that_folds_are_told_with_part_and_place(model: TrainedModel) -> None:
    halves = [HalfErrors.of(1), HalfErrors.of(1)]
    points = torch.tensor([[[6.0, 12.0, -18.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [6.0, 12.0, -18.0]]])
    fold = torch.tensor([[True, False, False, True]])
    none = torch.zeros(1, 4, dtype=torch.bool)
    for half, folded in zip(halves, (none, fold), strict=True):
        errors = {place: torch.full((1, 4), 0.02) for place in PLACES}
        half.add(errors, {"gaussians": folded, "voxels": none}, dict.fromkeys(PLACES, points))
    said = verdict(model, halves)
    assert "median 0.020 Å at the Gaussians, 0.020 Å inside the molecule" in said[0]
    assert len(said) == 2
    side = 16 * 6.0
    assert "in half-set 2 the motion folds space onto itself at 25 %" in said[1]
    assert f"({side + 6:.0f}, {side + 12:.0f}, {side - 18:.0f}) Å" in said[1]


def test_that_folds_at_very_few_places_are_no_warning(model: TrainedModel) -> None:
    halves = [HalfErrors.of(1), HalfErrors.of(1)]
    one = torch.zeros(1, 20_000, dtype=torch.bool)
    one[0, 7] = True
    for half, folded in zip(halves, (one, one & False), strict=True):
        errors = {place: torch.full((1, 20_000), 0.02) for place in PLACES}
        none = torch.zeros_like(one)
        points = torch.zeros(1, 20_000, 3)
        half.add(errors, {"gaussians": folded, "voxels": none}, dict.fromkeys(PLACES, points))
    said = verdict(model, halves)
    assert "not unique at 1 of 40,000 places" in said[1]
    assert not any("Warning" in sentence for sentence in said)
