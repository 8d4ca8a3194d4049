"""A particle beside the projection of the model in its state, on images without noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight.latent_model import DynaMightModel, source
from jobs.dynamight.latent_particles import ParticleFile
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.particle_views import view_particle
from jobs.dynamight.state import load_model, write_checkpoint
from jobs.dynamight.training import Silent
from jobs.formats.mrc import read_map, write_stack
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import Simulation, simulate
from tests.jobs.dynamight.conftest import BOX, PIXEL_A, prepare_in

N_SHOWN = 20


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """The hinge, next to no noise, particles up to three pixels and more off the centre."""
    spec = recipe("R1").with_changes(n_images=200, box=BOX, pixel_size_a=PIXEL_A, snr=1e4, shift_px=2.5)
    return simulate(spec, tmp_path_factory.mktemp("clean") / "project")


@pytest.fixture(scope="module")
def job(clean: Simulation) -> Path:
    prepared = prepare_in(clean.folder, n_gaussians=150, n_epochs=9, batch_size=25)
    prepared.training.initialise()
    prepared.training.run(Silent())
    write_checkpoint(checkpoint_path(clean.folder / "job001", None), prepared, "particles.star")
    return clean.folder / "job001"


@pytest.fixture(scope="module", params=[1, 2, 0])
def model(request: pytest.FixtureRequest, job: Path, clean: Simulation) -> DynaMightModel:
    return source(job, clean.folder).open(request.param)


def _alike(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def _offset(image: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Where ``(x, y)`` in pixels the template fits the image best, by cross-correlation."""
    score = np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(template).conj()).real
    y, x = np.unravel_index(int(score.argmax()), score.shape)
    return np.array([(v + BOX // 2) % BOX - BOX // 2 for v in (x, y)])


def _row(model: DynaMightModel, index: int) -> int:
    return int(str(model.metadata["image_name"][index]).split("@")[0]) - 1


def test_that_the_projection_looks_like_the_image(model: DynaMightModel) -> None:
    views = [model.particle_view(k) for k in range(N_SHOWN)]
    for index, view in enumerate(views):
        assert view.name == model.metadata["image_name"][index]
        assert view.image.shape == view.projection.shape == (BOX, BOX)
        assert view.image.dtype == view.projection.dtype == np.float32
        assert view.pixel_size_a == pytest.approx(PIXEL_A)
    alike = [_alike(view.image, view.projection) for view in views]
    assert min(alike) > 0.9, alike
    # On the same grey scale.
    gains = [float((v.image * v.projection).sum() / (v.projection**2).sum()) for v in views]
    assert np.mean(gains) == pytest.approx(1.0, abs=0.1)


def test_that_the_projection_is_that_of_the_particles_own_state(
    model: DynaMightModel, job: Path, clean: Simulation
) -> None:
    """Where much has moved, the consensus fits the image worse."""
    rigid_model = load_model(checkpoint_path(job, None)).halves[0].model
    particles = ParticleFile(clean.particles, clean.folder)
    better = []
    for index in np.argsort(model.measures["amount"])[-8:].tolist():
        view = model.particle_view(index)
        particle = particles.particle(_row(model, index))
        rigid = view_particle(particle, rigid_model, rigid_model.positions, None)
        assert np.array_equal(rigid.image, view.image)
        better.append(_alike(view.image, view.projection) - _alike(view.image, rigid.projection))
    assert np.mean(better) > 0.02, better


def test_that_callers_can_not_change_what_is_shown(model: DynaMightModel) -> None:
    state, before, cloud = model.embedding[3].copy(), model.particle_view(3), model.cloud()
    volume = model.decode(state)
    cloud.points_a[:], cloud.amplitude[:] = 0, 0
    model.embedding[3] = 0
    assert np.array_equal(model.particle_view(3).projection, before.projection)
    assert np.array_equal(model.decode(state), volume)
    model.embedding[3] = state


def test_that_a_shifted_particle_is_centred(model: DynaMightModel, clean: Simulation) -> None:
    stack = read_map(clean.stack).data
    table = read_star_tables(clean.particles)["particles"]
    shift = -np.stack([table.floats("rlnOriginXAngst"), table.floats("rlnOriginYAngst")], 1) / PIXEL_A
    moved = 0
    for index in range(N_SHOWN):
        view, row = model.particle_view(index), _row(model, index)
        assert np.abs(_offset(view.image, view.projection)).max() == 0
        raw = _offset(stack[row], view.projection)
        assert np.abs(raw - shift[row]).max() <= 1.0
        moved += int(np.abs(raw).max() > 1)
    assert moved > 3


def test_that_images_multiplied_by_their_ctf_are_compared_with_its_square(
    job: Path, clean: Simulation, tmp_path: Path
) -> None:
    tables = read_star_tables(clean.particles)
    tables["optics"] = tables["optics"].with_columns({"rlnCtfDataAreCtfPremultiplied": [1]})
    write_star_tables(tmp_path / "particles.star", tables)
    (tmp_path / "particles.mrcs").symlink_to(clean.stack)
    plain = source(job, clean.folder).open(1).particle_view(0).projection
    squared = source(job, tmp_path).open(1).particle_view(0).projection
    # Twice through the CTF: power only falls, and no frequency changes its sign any more.
    spectra = [np.fft.fft2(np.fft.ifftshift(image)) for image in (plain, squared)]
    assert (np.abs(spectra[1]) <= np.abs(spectra[0]) * 1.001 + 1e-3).all()
    assert not np.allclose(plain, squared, atol=1e-3)


def test_that_poses_found_in_training_are_those_of_the_view(
    job: Path, clean: Simulation, tmp_path: Path
) -> None:
    """A correction that undoes a wrong shift in the particle file brings the particle back to the centre."""
    state = load_checkpoint(checkpoint_path(job, None))
    for half in state["training"]["halves"]:
        rows = len(half["latents"]["table"])
        table = torch.zeros(rows, 5)
        # Three pixels to the right, and a quarter turn about the viewing direction.
        table[:, 2], table[:, 3] = torch.pi / 2, 3 * PIXEL_A
        half["poses"] = {"table": table}
    save_checkpoint(checkpoint_path(tmp_path, None), state)
    before = source(job, clean.folder).open(2).particle_view(1)
    after = source(tmp_path, clean.folder).open(2).particle_view(1)
    assert _offset(after.image, before.image).tolist() == [-3, 0]
    angles = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, -90.0]], dtype=torch.float64)
    turn = euler_to_matrix(angles)[1]
    assert torch.allclose(
        turn, torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64), atol=1e-9
    )
    # The projection is the former one turned by a quarter: x to y. The even box keeps its centre voxel.
    inner = before.projection[1:, 1:]
    assert _alike(after.projection[1:, 1:], inner.T[:, ::-1]) > 0.99


def test_that_a_stack_of_another_size_is_refused(job: Path, clean: Simulation, tmp_path: Path) -> None:
    (tmp_path / "particles.star").symlink_to(clean.particles)
    write_stack(tmp_path / "particles.mrcs", np.zeros((200, 16, 16), np.float32), PIXEL_A)
    with pytest.raises(UserError, match="16"):
        source(job, tmp_path).open(1).particle_view(0)


def test_that_particles_beyond_the_last_are_refused(model: DynaMightModel) -> None:
    for index in (-1, len(model.embedding)):
        with pytest.raises(IndexError):
            model.particle_view(index)
