"""A half-set's model: the consensus cloud, its displacement field, and what leaves both alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from jobs.dynamight.field import FieldShape, displace
from jobs.dynamight.model import Frame, GaussianModel, initial_widths, radius_of_gyration
from jobs.maths.coordinates import grid_points, project_points
from jobs.maths.gaussians import render_volume
from jobs.maths.rotations import random_rotations

FRAME = Frame(box=32, voxel_size_a=3.0, origin_a=(10.0, -5.0, 2.5))


def _points(n: int = 50, seed: int = 0) -> Tensor:
    return 12 * torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))


def _model(n_widths: int = 1, mask: Tensor | None = None, n: int = 50) -> GaussianModel:
    shape = FieldShape(
        n_latent=4, n_modes=6, width=16, n_layers=2, n_frequencies=3, max_frequency=3.0, extent_a=120.0
    )
    widths = initial_widths(6.0, n_widths)
    model = GaussianModel(_points(n), widths, shape, FRAME, torch.Generator().manual_seed(1), mask)
    return model.requires_grad_(False)


def _states(n: int = 9, seed: int = 5) -> Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------------------------- projection


@pytest.mark.parametrize("working_box", [16, 24, 32])
def test_that_an_undisplaced_cloud_is_seen_where_the_rigid_molecule_is(working_box: int) -> None:
    model = _model()
    rotations = random_rotations(5, torch.Generator().manual_seed(2))
    still = displace(torch.zeros(5, 6), model.basis(model.positions))
    found = model.project(model.positions + still, rotations, working_box)
    pixel = FRAME.side_a / working_box
    expected = project_points(model.positions, rotations, torch.zeros(5, 2), working_box, pixel)
    assert float((found + working_box // 2 - expected).abs().max()) < 1e-5


def test_that_the_state_whose_motion_is_taken_as_the_mean_displaces_nothing() -> None:
    model, state = _model(), _states(1)
    model.field.mean_coefficients.copy_(model.field.raw_coefficients(state)[0])
    anywhere = 40 * torch.randn(30, 3, generator=torch.Generator().manual_seed(3))
    assert float(model.displacement(state, anywhere).abs().max()) < 1e-5 * FRAME.voxel_size_a
    assert float(model.displacement(-state, anywhere).abs().max()) > 0.1


def test_that_one_cloud_for_all_and_one_per_image_are_projected_alike() -> None:
    model, rotations = _model(), random_rotations(3, torch.Generator().manual_seed(2))
    cloud = model.positions
    together = model.project(cloud, rotations, 32)
    assert torch.equal(together, model.project(cloud.expand(3, -1, -1), rotations, 32))


# ------------------------------------------------------------------------------------------------ field


def test_that_displacements_are_coefficients_times_modes() -> None:
    model, states, points = _model(), _states(), _points(20, seed=8)
    found = model.displacement(states, points)
    expected = torch.einsum("bk,nck->bnc", model.field.coefficients(states), model.basis(points))
    assert torch.allclose(found, expected, atol=1e-5)


def test_that_turning_the_latent_axes_leaves_displacements_as_they_are() -> None:
    model, states, points = _model(), _states(), _points(20, seed=8)
    before = model.displacement(states, points)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(4))).Q
    model.field.rotate_latents(turn)
    assert torch.allclose(model.displacement(states @ turn, points), before, atol=1e-4)
    assert not torch.allclose(model.displacement(states, points), before, atol=0.1)


def test_that_the_same_generator_gives_the_same_field() -> None:
    first, again = _model(), _model()
    for one, two in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_that_recentring_leaves_the_moved_clouds_where_they_are() -> None:
    model, states = _model(), _states(200)
    # Once to get near the mean; the step under test is then as small as it is in a training.
    model.recentre(states)
    model.field.mean_coefficients.add_(0.02 * torch.randn(6, generator=torch.Generator().manual_seed(6)))
    before = model.positions + model.displacement(states, model.positions)
    consensus = model.positions.clone()
    model.recentre(states)
    after = model.positions + model.displacement(states, model.positions)
    step = (model.positions - consensus).norm(dim=-1).square().mean().sqrt()
    motion = model.displacement(states, model.positions).norm(dim=-1).square().mean().sqrt()
    change = (after - before).norm(dim=-1).square().mean().sqrt()
    assert float(step) > 0.01
    assert float(change) < 0.02 * float(motion)


def test_that_after_recentring_particles_deviate_from_the_mean_structure() -> None:
    model, states = _model(), _states(200)
    model.recentre(states)
    anywhere = _points(40, seed=11)
    assert float(model.displacement(states, anywhere).mean(0).abs().max()) < 1e-4


def test_that_recentring_can_go_part_of_the_way() -> None:
    whole, part, states = _model(), _model(), _states(200)
    whole.recentre(states)
    part.recentre(states, rate=0.25)
    assert torch.allclose(
        part.field.mean_coefficients, 0.25 * whole.field.mean_coefficients, rtol=1e-4, atol=1e-6
    )


# ------------------------------------------------------------------------------------------------- mask


def _half_mask() -> Tensor:
    """One where x is positive."""
    return (grid_points(32, 3.0)[..., 0] > 0).float()


def test_that_nothing_moves_where_the_mask_is_zero() -> None:
    model, states = _model(mask=_half_mask()), _states()
    fixed = torch.tensor([[-4.0, 10.0, -20.0], [-30.0, 0.0, 0.0], [-0.1, 5.0, 5.0]])
    free = torch.tensor([[3.1, 10.0, -20.0], [30.0, 0.0, 0.0]])
    assert float(model.displacement(states, fixed).abs().max()) == 0
    unmasked = _model()
    assert torch.allclose(model.displacement(states, free), unmasked.displacement(states, free), atol=1e-5)


def test_that_the_mask_is_read_at_the_voxels_and_in_between() -> None:
    mask = torch.rand(32, 32, 32, generator=torch.Generator().manual_seed(0))
    model = _model(mask=mask)
    grid = grid_points(32, 3.0)
    # Up to float32 noise in the position between two voxels.
    assert torch.allclose(model.mobility(grid.reshape(-1, 3)).reshape(32, 32, 32), mask, atol=2e-5)
    between = model.mobility((grid[4, 5, 6] + torch.tensor([1.5, 0.0, 0.0]))[None])
    assert float(between) == pytest.approx(0.5 * float(mask[4, 5, 6] + mask[4, 5, 7]), abs=1e-5)


def test_that_nothing_moves_outside_the_box_of_a_mask() -> None:
    model = _model(mask=torch.ones(32, 32, 32))
    assert model.mobility(torch.tensor([[0.0, 0.0, 0.0], [60.0, 0.0, 0.0]])).tolist() == [1.0, 0.0]


# -------------------------------------------------------------------------------------------- structure


def test_that_the_weights_of_all_widths_add_up_to_the_amplitudes() -> None:
    model = _model(n_widths=3)
    model.log_amplitudes.copy_(torch.randn(50, generator=torch.Generator().manual_seed(2)))
    model.scale.fill_(7.0)
    assert torch.allclose(model.weights().sum(0), 7.0 * model.log_amplitudes.exp())


def test_that_widths_stay_above_half_a_voxel() -> None:
    model = _model()
    model.log_widths.fill_(-20.0)
    assert float(model.widths()) == pytest.approx(1.5)


def test_that_several_widths_start_different() -> None:
    assert initial_widths(5.0, 3).tolist() == pytest.approx([3.0, 4.5, 6.0])


def test_that_the_map_of_a_state_is_that_of_its_displaced_gaussians() -> None:
    model, state = _model(n_widths=2), _states(1)
    moved = model.positions + model.displacement(state, model.positions)[0]
    expected = render_volume(moved, model.weights(), model.widths(), 32, 3.0)
    assert torch.allclose(model.volume(state[0]), expected, atol=1e-6)
    assert not torch.allclose(model.volume(), expected, atol=1e-4)


def test_that_a_smaller_map_holds_the_same_mass_at_the_same_place() -> None:
    model = _model()
    large, small = model.volume(), model.volume(box=24)
    assert small.shape == (24, 24, 24)
    assert float(small.sum()) == pytest.approx(float(large.sum()), rel=1e-4)

    def centre(volume: Tensor, box: int) -> Tensor:
        grid = grid_points(box, FRAME.side_a / box)
        return (grid * volume[..., None]).sum((0, 1, 2)) / volume.sum()

    assert torch.allclose(centre(large, 32), centre(small, 24), atol=0.05)


def test_that_the_radius_of_gyration_does_not_depend_on_the_place() -> None:
    shell = torch.nn.functional.normalize(_points(400), dim=1)
    shell = 20 * torch.cat((shell, -shell))
    assert radius_of_gyration(shell) == pytest.approx(20.0, rel=1e-5)
    assert radius_of_gyration(shell + 100.0) == pytest.approx(20.0, rel=1e-4)
