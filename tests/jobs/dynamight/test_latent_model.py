"""The explorer's view of a trained job: maps, displacements, half-sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from jobs.core import latent
from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.dynamight.displacements import evaluate
from jobs.dynamight.field import DisplacementField
from jobs.dynamight.latent_model import DynaMightModel, DynaMightSource, source
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import load_model, write_checkpoint
from jobs.maths.coordinates import grid_points
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import Prepare

HALVES = (1, 2, 0)


@pytest.fixture(scope="module")
def job(trained: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job that has ended."""
    folder = tmp_path_factory.mktemp("explored") / "job001"
    write_checkpoint(checkpoint_path(folder, None), trained, "particles.star")
    return folder


@pytest.fixture(scope="module")
def explored(job: Path, tiny: Simulation) -> DynaMightSource:
    return source(job, tiny.folder)


@pytest.fixture(scope="module", params=HALVES)
def model(request: pytest.FixtureRequest, explored: DynaMightSource) -> DynaMightModel:
    return explored.open(request.param)


def _anywhere(n: int = 25) -> np.ndarray:
    return np.random.default_rng(4).normal(scale=25.0, size=(n, 3)).astype(np.float32)


def _most_moved(model: DynaMightModel) -> np.ndarray:
    """The state of the particle that is furthest from the consensus."""
    return np.asarray(model.embedding[int(np.argmax(model.measures["amount"]))])


def _density(
    points: np.ndarray, amplitude: np.ndarray, width_a: np.ndarray, model: DynaMightModel
) -> np.ndarray:
    """Closed form of a cloud of one width each, per voxel of the full map."""
    grid = grid_points(model.box, model.voxel_size_a).numpy().astype(np.float64)
    total = np.zeros(grid.shape[:3])
    for point, weight, width in zip(points, amplitude, width_a, strict=True):
        square = ((grid - point) ** 2).sum(-1)
        norm = model.voxel_size_a**3 / (2 * np.pi * width**2) ** 1.5
        total += weight * norm * np.exp(-0.5 * square / width**2)
    return total


# ------------------------------------------------------------------------------------------------- maps


def test_that_the_map_of_a_state_is_that_of_the_gaussians_moved_by_displace(model: DynaMightModel) -> None:
    cloud, state = model.cloud(), _most_moved(model)
    moved = model.displace(state, cloud.points_a)
    expected = _density(moved, cloud.amplitude, cloud.width_a, model)
    found = model.decode(state)
    assert found.dtype == np.float32
    assert float(np.abs(found - expected).max()) < 2e-3 * expected.max()
    # The test would notice a map that does not move.
    still = model.decode(None)
    assert float(np.abs(found - still).max()) > 0.05 * expected.max()


def test_that_without_a_state_the_map_is_the_consensus(model: DynaMightModel) -> None:
    cloud = model.cloud()
    expected = _density(cloud.points_a, cloud.amplitude, cloud.width_a, model)
    assert float(np.abs(model.decode(None) - expected).max()) < 2e-3 * expected.max()


def test_that_the_consensus_has_the_grey_scale_of_the_maps_that_a_training_writes(
    explored: DynaMightSource, trained: Prepared
) -> None:
    for number, half in enumerate(trained.training.halves, 1):
        written = half.model.volume().numpy()
        shown = explored.open(number).decode(None)
        # Written maps went through a Fourier transform that folds frequencies of narrow Gaussians back.
        assert float(np.abs(shown - written).max()) < 0.04 * written.max()
        assert float(np.corrcoef(shown.ravel(), written.ravel())[0, 1]) > 0.999
        assert float(shown.sum(dtype=float)) == pytest.approx(float(written.sum(dtype=float)), rel=1e-3)


@pytest.mark.parametrize("box", [16, 24])
def test_that_a_smaller_map_shows_the_same_density_with_fewer_voxels(model: DynaMightModel, box: int) -> None:
    state = _most_moved(model)
    full, small = model.decode(state), model.decode(state, box)
    assert small.shape == (box,) * 3
    voxels = (model.box / box) ** 3
    assert float(small.sum(dtype=float)) * voxels == pytest.approx(float(full.sum(dtype=float)), rel=1e-3)
    # The centre voxel stays the centre: centres of mass agree in Å.
    centres = []
    for volume in (full, small):
        size = volume.shape[0]
        axis = (np.arange(size) - size // 2) * model.box * model.voxel_size_a / size
        sums = [volume.sum(axes, dtype=float) for axes in ((0, 1), (0, 2), (1, 2))]
        centres.append([float((line * axis).sum() / volume.sum(dtype=float)) for line in sums])
    assert centres[0] == pytest.approx(centres[1], abs=0.05)


def test_that_gaussians_too_narrow_for_a_smaller_map_are_widened(model: DynaMightModel) -> None:
    state, width = _most_moved(model), float(model.cloud().width_a.max()) / model.voxel_size_a
    wanted = 0.8 * 2
    assert width < wanted
    blurred = gaussian_filter(model.decode(state), np.sqrt(wanted**2 - width**2), truncate=6)
    assert float(np.abs(model.decode(state, 16) - blurred[::2, ::2, ::2]).max()) < 0.02 * blurred.max()


def test_that_states_and_boxes_that_make_no_sense_are_refused(model: DynaMightModel) -> None:
    state = model.embedding[0]
    for wrong in (state[:-1], np.full_like(state, np.nan), model.embedding):
        with pytest.raises(ValueError, match="a state has 3 finite coordinates"):
            model.decode(wrong)
    for box in (0, 15, -2):
        with pytest.raises(ValueError, match="even number of voxels"):
            model.decode(state, box)


def test_that_frame_and_cloud_are_those_of_the_job(model: DynaMightModel, trained: Prepared) -> None:
    assert (model.box, model.voxel_size_a, model.origin_a) == (32, pytest.approx(6.0), trained.frame.origin_a)
    cloud = model.cloud()
    assert cloud.points_a.shape == (60, 3)
    assert cloud.amplitude.shape == cloud.width_a.shape == (60,)
    assert float(cloud.width_a.min()) >= 0.5 * 6.0


# ---------------------------------------------------------------------------------------- displacements


@pytest.mark.parametrize("half", [1, 2])
def test_that_points_go_where_the_command_line_says(half: int, explored: DynaMightSource, job: Path) -> None:
    trained = load_model(checkpoint_path(job, None))
    points = _anywhere()
    opened = explored.open(half)
    rows = np.nonzero(trained.half == half)[0][[0, 7, 31]]
    expected = evaluate(trained, torch.from_numpy(points), rows)
    for displacement, place in zip(expected, (0, 7, 31), strict=True):
        moved = opened.displace(opened.embedding[place], points)
        assert np.allclose(moved, points + displacement, atol=1e-4)


def test_that_points_that_change_are_not_mistaken_for_the_ones_before(model: DynaMightModel) -> None:
    state, points = _most_moved(model), _anywhere()
    one_by_one = np.concatenate([model.displace(state, point[None]) for point in points])
    assert np.allclose(model.displace(state, points), one_by_one, atol=1e-4)
    assert np.allclose(model.displace(state, points[::-1]), one_by_one[::-1], atol=1e-4)


def test_that_the_consensus_is_the_mean_of_the_moved_structures(explored: DynaMightSource) -> None:
    opened = explored.open(1)
    taught = opened.embedding[opened.half_set == 1]
    points = opened.cloud().points_a
    mean = np.mean([opened.displace(state, points) - points for state in taught], axis=0)
    amount = float(opened.measures["amount"].mean())
    assert float(np.linalg.norm(mean, axis=1).max()) < 0.05 * amount


# ------------------------------------------------------------------------------------------- half-sets


def test_that_every_half_set_shows_its_particles_and_marks_those_held_out(
    explored: DynaMightSource, trained: Prepared
) -> None:
    names, split = trained.particles.image_name, trained.split
    assert tuple(explored.half_sets) == (1, 2, 0)
    for half in (1, 2):
        opened = explored.open(half)
        rows = split.rows(half)
        assert opened.metadata["image_name"].tolist() == names[rows].tolist()
        assert np.array_equal(opened.half_set, np.where(split.validation[rows], 0, half))
        assert np.array_equal(opened.embedding, trained.training.halves[half - 1].latents.means.numpy())


def test_that_half_set_0_is_exactly_the_particles_held_out_of_both(
    explored: DynaMightSource, trained: Prepared
) -> None:
    held_out = explored.open(0)
    rows = np.nonzero(trained.split.validation)[0]
    assert len(rows) == 20
    assert held_out.metadata["image_name"].tolist() == trained.particles.image_name[rows].tolist()
    assert not held_out.half_set.any()
    means = np.empty((trained.particles.n, 3), np.float32)
    for half in trained.training.halves:
        means[half.rows.numpy()] = half.latents.means.numpy()
    assert np.array_equal(held_out.embedding, means[rows])


def test_that_particles_held_out_are_moved_by_the_mean_of_both_models(explored: DynaMightSource) -> None:
    first, second, held_out = (explored.open(half) for half in (1, 2, 0))
    points = _anywhere()
    for state in held_out.embedding[:5]:
        one, two = (opened.displace(state, points) for opened in (first, second))
        assert np.allclose(held_out.displace(state, points), 0.5 * (one + two), atol=1e-4)
        apart = np.linalg.norm(one - two, axis=1)
        assert np.allclose(held_out.disagreement(state, points), apart, atol=1e-3)
    assert np.array_equal(held_out.cloud().points_a, first.cloud().points_a)


def test_that_latent_axes_of_their_own_do_not_pass_for_disagreement(
    job: Path, tiny: Simulation, explored: DynaMightSource, tmp_path: Path
) -> None:
    """As in snapshots of a training that has not ended, the axes of half-set 2 are turned."""
    path = checkpoint_path(job, None)
    state, trained = load_checkpoint(path), load_model(path)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2))).Q
    second = trained.halves[1].model
    assert isinstance(second.field, DisplacementField)
    second.field.rotate_latents(turn)
    saved = state["training"]["halves"][1]
    saved["model"] = second.state_dict()
    saved["latents"]["table"][:, :3] = saved["latents"]["table"][:, :3] @ turn
    state["training"]["schedule"]["stage"] = "fine"
    save_checkpoint(checkpoint_path(tmp_path, 7), state)
    turned = source(tmp_path, tiny.folder)
    points = _anywhere()
    for half in HALVES:
        before, after = explored.open(half), turned.open(half)
        for place in (0, 3, 11):
            expected = before.displace(before.embedding[place], points)
            assert np.allclose(after.displace(after.embedding[place], points), expected, atol=0.02)
        for name in ("amount", "uncertainty", "difference"):
            scale = float(before.measures[name].mean())
            # Other posteriors along other axes: the uncertainty is that of a turned box, not of the same.
            allowed = 0.2 if name == "uncertainty" else 0.01
            off = np.abs(after.measures[name] - before.measures[name]).mean()
            assert off < allowed * scale, (half, name)


def test_that_nothing_moves_before_the_end_of_the_warm_up(
    prepare: Prepare, tiny: Simulation, tmp_path: Path
) -> None:
    prepared = prepare(n_warmup_epochs=2)
    prepared.training.initialise()
    prepared.training.schedule.epoch = 1
    write_checkpoint(checkpoint_path(tmp_path, 0), prepared, "particles.star")
    for half in HALVES:
        opened = source(tmp_path, tiny.folder).open(half)
        assert np.array_equal(opened.displace(opened.embedding[0], _anywhere()), _anywhere())
        assert np.array_equal(opened.decode(opened.embedding[0]), opened.decode(None))
        for name in ("amount", "difference", "uncertainty", "direction"):
            assert not opened.measures[name].any(), name
        # How wrong a motion is that has not been learnt yet, nobody can tell.
        assert np.isnan(opened.measures["error"]).all()
        assert opened.error is None
        assert not {latent.DISAGREEMENT, latent.ERRORS} & opened.abilities
        with pytest.raises(NotImplementedError, match="nothing has moved"):
            opened.errors(opened.embedding[0], _anywhere())
        assert opened.features().shape[0] == len(opened.embedding)
