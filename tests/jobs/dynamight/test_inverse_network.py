"""The way back by trained networks: how good it becomes, what it is trained at, and its bits after a stop."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight import inverse_training
from jobs.dynamight.inverse import measure, prepare_probe, voxels_inside
from jobs.dynamight.inverse_errors import HalfErrors
from jobs.dynamight.inverse_field import InverseField
from jobs.dynamight.inverse_network import InverseNetwork, NetworkInverse, NetworkShape
from jobs.dynamight.inverse_state import inverse_path, read_inverse, run_key, write_inverse
from jobs.dynamight.inverse_training import InverseSettings, InverseTraining
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import TrainedModel, load_model, write_checkpoint


@pytest.fixture(scope="module")
def model(trained: Prepared, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    folder = tmp_path_factory.mktemp("network")
    checkpoint_path(folder, None).parent.mkdir(parents=True)
    write_checkpoint(checkpoint_path(folder, None), trained, "particles.star")
    return load_model(checkpoint_path(folder, None))


def _training(model: TrainedModel, n_epochs: int = 4, **changes: bool) -> InverseTraining:
    half = model.halves[0]
    return InverseTraining(half, voxels_inside(half.model), InverseSettings(n_epochs, 25, **changes), 1)


def _trained(model: TrainedModel, n_epochs: int = 4, **changes: bool) -> InverseTraining:
    training = _training(model, n_epochs, **changes)
    while training.epoch < n_epochs:
        training.train_epoch()
    return training


def _weights(training: InverseTraining) -> torch.Tensor:
    return torch.cat([value.flatten() for value in training.network.state_dict().values()])


def test_that_the_sum_over_modes_taken_of_weights_is_the_sum_of_their_values() -> None:
    generator = torch.Generator().manual_seed(1)
    shape = NetworkShape(3, 150.0, n_modes=5, width=16)
    network = InverseNetwork(shape, torch.tensor([1.0, 2.0, 0.5]), generator)
    with torch.no_grad():
        network.shifts.copy_(torch.randn(5, 3, generator=generator))
    latents, points = torch.randn(4, 3, generator=generator), 30 * torch.randn(4, 7, 3, generator=generator)
    coefficients = network.coefficients(latents)
    for state in range(4):
        for place in range(7):
            values = network.modes @ network.features(points[state, place][None])[0] + network.shifts
            expected = points[state, place] + coefficients[state] @ values
            torch.testing.assert_close(network(latents, points)[state, place], expected)


def test_that_a_trained_network_finds_the_way_back_at_gaussians_and_between_them(
    model: TrainedModel,
) -> None:
    half = model.halves[0]
    probe = prepare_probe(half, 1)
    before, after = HalfErrors.of(len(half.rows)), HalfErrors.of(len(half.rows))
    untrained = InverseTraining(half, probe.voxels_a, InverseSettings(100, 10), 1)
    field = NetworkInverse(_trained(model, 100).network, probe.field)
    for errors, way in ((before, NetworkInverse(untrained.network, probe.field)), (after, field)):
        measure(type(probe)(half, way, probe.gaussians, probe.voxels_a), errors, 16)
    assert after.at["gaussians"].quantile(0.5) < 0.3 < before.at["gaussians"].quantile(0.5)
    assert after.at["voxels"].quantile(0.5) < 0.6
    assert after.n_folded == 0 or after.folded_fraction < 0.01


def test_that_where_space_folds_is_told_by_the_motion_and_not_by_the_network(model: TrainedModel) -> None:
    half = model.halves[0]
    exact = InverseField(half.model, 8.0)
    points = voxels_inside(half.model)[:50]
    found = NetworkInverse(_training(model).network, exact).invert(half.means[:3], points)
    true = exact.invert(half.means[:3], points)
    assert torch.equal(found.folded(), true.folded())
    torch.testing.assert_close(found.residual_a, (found.points_a - true.points_a).norm(dim=2))


def test_that_the_same_seed_gives_the_same_bits_and_noise_and_epochs_take_effect(model: TrainedModel) -> None:
    first = _weights(_trained(model))
    assert torch.equal(first, _weights(_trained(model)))
    assert not torch.equal(first, _weights(_trained(model, noise=True)))
    assert not torch.equal(first, _weights(_trained(model, 5)))


def test_that_stored_displacements_give_the_same_training(model: TrainedModel) -> None:
    plain, stored = _trained(model), _trained(model, store=True)
    torch.testing.assert_close(_weights(stored), _weights(plain), rtol=1e-3, atol=1e-3)
    assert stored._moved is not None and plain._moved is None
    assert stored.bytes_stored == stored._moved.numel() * 4
    # Jittered Gaussians are elsewhere in every epoch: nothing of them can be used again.
    assert _trained(model, 1, store=True, noise=True)._moved is None


def test_that_a_training_that_was_stopped_goes_on_to_the_same_bits(
    model: TrainedModel, tmp_path: Path
) -> None:
    whole, first = _trained(model), _training(model)
    for _ in range(2):
        first.train_epoch()
    save_checkpoint(tmp_path / "part.pth", first.state())
    second = _training(model)
    second.restore(load_checkpoint(tmp_path / "part.pth"))
    while second.epoch < 4:
        second.train_epoch()
    assert torch.equal(_weights(whole), _weights(second))
    assert whole.loss_a == second.loss_a


def test_that_places_lie_at_gaussians_between_them_and_about_them(model: TrainedModel) -> None:
    half = model.halves[0]
    n_gaussians, frame = half.model.n_points, half.model.frame
    training = _training(model, noise=True)
    places, counts = training._places(torch.Generator().manual_seed(1))
    assert counts[:2] == [n_gaussians, n_gaussians] and sum(counts) == len(places)
    jitter = (places[n_gaussians : 2 * n_gaussians] - half.model.positions).std()
    assert float(jitter.detach()) == pytest.approx(5.0, rel=0.15)
    # Those off the Gaussians lie at most half a voxel along each axis from a voxel of the molecule.
    distances = torch.cdist(places[2 * n_gaussians :], voxels_inside(half.model))
    assert float(distances.min(1).values.max()) <= 0.51 * 3**0.5 * frame.voxel_size_a
    drawn = inverse_training._draw(counts, 50, torch.Generator().manual_seed(1))
    kinds = torch.bucketize(drawn, torch.tensor(counts).cumsum(0), right=True)
    assert kinds.flatten().bincount().tolist() == [50 * 21, 50 * 21, 50 * 22]


def test_that_with_a_mask_the_network_learns_that_nothing_moves_outside(model: TrainedModel) -> None:
    half = model.halves[0].model
    half.mask = torch.ones(half.frame.box, half.frame.box, half.frame.box)
    try:
        places, _ = _training(model)._places(torch.Generator().manual_seed(1))
    finally:
        half.mask = None
    anywhere = places[-1024:].abs()
    assert float(anywhere.max()) <= 0.5 * half.frame.side_a
    assert float((anywhere > 0.4 * half.frame.side_a).any(1).float().mean()) > 0.3


def test_that_the_checkpoint_names_its_method_and_brings_the_network_back(
    model: TrainedModel, tmp_path: Path
) -> None:
    fields = [
        NetworkInverse(_trained(model, 1).network, InverseField(half.model, 8.0)) for half in model.halves
    ]
    errors = [HalfErrors.of(len(half.rows)) for half in model.halves]
    write_inverse(inverse_path(tmp_path), model, fields, errors)
    assert torch.load(inverse_path(tmp_path), weights_only=True)["method"] == "network"
    saved = read_inverse(inverse_path(tmp_path), model)
    points, latents = torch.tensor([[10.0, 20.0, -5.0]]), model.halves[1].means[:2]
    expected = fields[1].invert(latents, points).points_a
    assert torch.equal(saved.field(model, 2).invert(latents, points).points_a, expected)
    numerical = [InverseField(half.model, 8.0) for half in model.halves]
    assert run_key(model, fields, 1, 16) != run_key(model, numerical, 1, 16)


def test_that_a_training_that_diverges_is_told(model: TrainedModel) -> None:
    training = _training(model)
    with torch.no_grad():
        training.network.modes.fill_(float("nan"))
    with pytest.raises(UserError, match="half-set 1 diverged in epoch 1"):
        training.train_epoch()
