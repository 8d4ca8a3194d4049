"""What the explorer knows about every particle, against the same worked out Gaussian by Gaussian."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.dynamight.latent_measures import Measures
from jobs.dynamight.latent_model import DynaMightModel, source
from jobs.dynamight.latent_motion import Motion, Term
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import load_model, write_checkpoint
from jobs.dynamight.uncertainty import SCALE_OF_MEAN, Errors
from jobs.dynamight.uncertainty_files import particle_columns
from jobs.formats.star import read_star_tables
from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.simulation import Simulation


@pytest.fixture(scope="module")
def job(trained: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured") / "job001"
    write_checkpoint(checkpoint_path(folder, None), trained, "particles.star")
    return folder


@pytest.fixture(scope="module", params=[1, 2, 0])
def model(request: pytest.FixtureRequest, job: Path, tiny: Simulation) -> DynaMightModel:
    return source(job, tiny.folder).open(request.param)


def _moved(model: DynaMightModel) -> np.ndarray:
    """Displacement ``(P, N, 3)`` of every Gaussian in every particle, one particle after another."""
    rest = model.cloud().points_a
    return np.stack([model.displace(state, rest) - rest for state in model.embedding]).astype(np.float64)


def _rows(model: DynaMightModel) -> list[int]:
    """Rows of its particles in the particle file, whose images are numbered from 1."""
    return [int(str(name).split("@")[0]) - 1 for name in model.metadata["image_name"]]


def _rms(displacements: np.ndarray) -> np.ndarray:
    return np.sqrt((displacements**2).sum(-1).mean(-1))


def test_that_the_amount_is_the_rms_displacement_of_the_gaussians(model: DynaMightModel) -> None:
    assert model.measures["amount"] == pytest.approx(_rms(_moved(model)), rel=1e-3, abs=1e-4)
    assert model.measures["amount"].max() > 1.0


def test_that_direction_and_location_are_weighted_by_displacement(model: DynaMightModel) -> None:
    moved = _moved(model)
    length = np.linalg.norm(moved, axis=2)
    pull = (moved * length[:, :, None]).mean(1)
    direction = pull / np.linalg.norm(pull, axis=1)[:, None]
    assert np.abs(model.measures["direction"] - direction).max() < 1e-2
    assert np.linalg.norm(model.measures["direction"], axis=1) == pytest.approx(1.0, abs=1e-5)
    place = (length @ model.cloud().points_a) / length.sum(1)[:, None]
    assert np.abs(model.measures["location"] - place).max() < 0.05


def test_that_difference_is_the_rms_disagreement_of_both_half_sets(model: DynaMightModel) -> None:
    rest = model.cloud().points_a
    apart = [float(np.sqrt((model.disagreement(z, rest) ** 2).mean())) for z in model.embedding]
    assert model.measures["difference"] == pytest.approx(apart, rel=1e-3, abs=1e-4)
    assert model.measures["difference"].min() > 0


def test_that_uncertainty_is_the_displacement_of_one_standard_deviation(
    model: DynaMightModel, job: Path
) -> None:
    trained = load_model(checkpoint_path(job, None))
    sds = np.empty((len(trained.half), 3), np.float32)
    for half in trained.halves:
        sds[half.rows] = half.log_sds.exp().numpy()
    rows = _rows(model)
    rest = model.cloud().points_a
    for place in (0, 5, 13):
        z, sd = model.embedding[place], sds[rows[place]]
        here = model.displace(z, rest)
        variance = sum(
            float(
                ((model.displace(z + sd[k] * np.eye(3, dtype=np.float32)[k], rest) - here) ** 2).sum(1).mean()
            )
            for k in range(3)
        )
        assert float(model.measures["uncertainty"][place]) == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_that_features_are_as_far_apart_as_the_deformations_they_stand_for(model: DynaMightModel) -> None:
    moved, features = _moved(model), model.features().astype(np.float64)
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, len(moved), (2, 60))
    expected = _rms(moved[first] - moved[second])
    found = np.linalg.norm(features[first] - features[second], axis=1)
    assert found == pytest.approx(expected, rel=2e-3, abs=2e-3)
    # The leading ones carry most: they can be cut short.
    spread = features.var(0)
    assert spread.tolist() == sorted(spread.tolist(), reverse=True)


def test_that_shift_and_pose_are_those_of_the_particle_file(model: DynaMightModel, tiny: Simulation) -> None:
    table = read_star_tables(tiny.particles)["particles"]
    rows = _rows(model)
    x, y = table.floats("rlnOriginXAngst")[rows], table.floats("rlnOriginYAngst")[rows]
    assert model.measures["shift"] == pytest.approx(np.hypot(x, y), rel=1e-5)
    assert model.measures["shift"].max() > 3.0
    names = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
    angles = np.stack([table.floats(name)[rows] for name in names], 1)
    # A molecule is looked at along the last row of its matrix: moving along it moves no projected point.
    assert np.allclose(model.measures["pose"], euler_to_matrix(torch.from_numpy(angles))[:, 2], atol=1e-6)


def test_that_errors_are_those_that_are_stored_with_the_job(model: DynaMightModel, job: Path) -> None:
    """The same numbers in the explorer and in the job's particle file; those held out have two models."""
    half = next(half for half in (1, 2, 0) if (model.half_set == half).sum() > len(model.half_set) / 2)
    trained = load_model(checkpoint_path(job, None))
    error, apart = Errors(trained, half).of_particles(np.array(_rows(model)))
    assert model.error is not None
    assert np.array_equal(model.error, error)
    assert np.array_equal(model.measures["difference"], apart)
    if half:
        stored = particle_columns(trained)
        assert model.error == pytest.approx(stored["hsErrorAngst"][_rows(model)])
        assert model.measures["difference"] == pytest.approx(stored["hsHalfDifferenceAngst"][_rows(model)])


def test_that_errors_of_gaussians_in_a_state_make_up_that_of_the_particle(model: DynaMightModel) -> None:
    rest = model.cloud().points_a
    assert model.error is not None
    for place in (0, 5, 13):
        inside = model.errors(model.embedding[place], rest)
        assert inside.dtype == np.float32
        assert float(np.sqrt((inside**2).mean())) == pytest.approx(float(model.error[place]), rel=1e-3)
    # A state close to a particle is as sure as that; any number of points does.
    near = model.embedding[5] + np.float32(1e-5)
    assert model.errors(near, rest) == pytest.approx(model.errors(model.embedding[5], rest), rel=1e-2)
    assert model.errors(near, rest[:0]).shape == (0,)
    few = np.random.default_rng(2).normal(scale=20, size=(7, 3))
    many = np.tile(few, (8000, 1))
    assert model.errors(near, many) == pytest.approx(np.tile(model.errors(near, few), 8000), rel=1e-3)


def test_that_the_error_of_particles_held_out_holds_what_both_models_disagree_about(
    job: Path, tiny: Simulation
) -> None:
    """Two models that differ by d cannot both be right: their mean is off by half of that in expectation."""
    held_out = source(job, tiny.folder).open(0)
    trained = load_model(checkpoint_path(job, None))
    assert held_out.error is not None
    assert (held_out.error > SCALE_OF_MEAN * held_out.measures["difference"] / 2).all()
    spread = np.hypot(held_out.measures["uncertainty"], held_out.measures["difference"] / 2)
    floor = Errors(trained, 0).floor_a
    # The uncertainty is that of a whole step along each axis, the error one of infinitesimal steps.
    assert held_out.error == pytest.approx(np.hypot(SCALE_OF_MEAN * spread, floor), rel=0.1)


def test_that_measures_are_found_by_name_and_computed_once(model: DynaMightModel) -> None:
    measures = model.measures
    assert list(measures) == list(Measures.NAMES)
    assert len(measures) == 8
    assert "amount" in measures
    assert "nonsense" not in measures
    with pytest.raises(KeyError):
        measures["nonsense"]
    for name in measures:
        values = measures[name]
        assert values is measures[name]
        assert values.dtype == np.float32
        assert values.shape in ((len(model.embedding),), (len(model.embedding), 3))
        assert np.isfinite(values).all()


def test_that_directions_of_many_gaussians_are_measured_on_some_of_them(trained: Prepared) -> None:
    """On a thousand points evenly in the molecule, three hundred tell the same."""
    half = trained.training.halves[0]
    rng = torch.Generator().manual_seed(3)
    places = half.model.positions.detach()[torch.randint(60, (1000,), generator=rng)]
    places = places + 3.0 * torch.randn(1000, 3, generator=rng)
    motion = Motion([Term(half.model, 1.0)], places)
    latents = half.latents.means
    directions, locations = motion.directions_and_places(latents)
    moved = half.model.displacement(latents, places).detach()
    length = moved.norm(dim=2)
    pull = torch.nn.functional.normalize((moved * length[:, :, None]).mean(1), dim=1).numpy()
    far = motion.amounts(latents) > 1.0
    assert np.median((directions * pull).sum(1)[far]) > 0.99
    whole = ((length @ places) / length.sum(1, keepdim=True)).numpy()
    assert np.median(np.linalg.norm(locations - whole, axis=1)) < 3.0
