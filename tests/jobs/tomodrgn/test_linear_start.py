from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.formats.mrc import read_map
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.fourier import rfft_to_volume, volume_to_rfft
from jobs.maths.project import Projector
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.consensus import find_consensus
from jobs.tomodrgn.encoding_pass import Showing, encode_particles
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.linear_modes import LinearModes, posterior
from jobs.tomodrgn.linear_settings import LinearSettings
from jobs.tomodrgn.linear_start import start_linearly
from jobs.tomodrgn.loss import misfit
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.samples import SampleOptions
from jobs.tomodrgn.volumes import decode_volumes
from tests.support.class_scores import correlation, separation
from tests.support.noisy_tilts import random_matrices

SMALL = ModelSettings(box=16, pixel_size_a=5.0, zdim=3, n_tilts=4, dec_layers=1, dec_dim=16, enc_dim_a=16)


def blobs(box: int, k: int, seed: int = 0) -> torch.Tensor:
    axis = torch.arange(box) - box // 2
    centres = np.random.default_rng(seed).uniform(-box / 8, box / 8, (k, 3))
    grid = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.stack(
        [torch.exp(-sum((g - c) ** 2 for g, c in zip(grid, at, strict=True)) / 8) for at in centres]
    ).float()


def model_with_modes() -> TomoModel:
    model = TomoModel(SMALL)
    model.set_consensus(blobs(16, 1, 5)[0])
    model.set_modes(blobs(12, 2), 0.01 * torch.ones(2, 9))
    return model


def batch_of(model: TomoModel, n: int = 6) -> Batch:
    rng = torch.Generator().manual_seed(3)
    m = len(model.plane.index)
    return Batch(
        torch.randn(n, m, 2, generator=rng),
        torch.rand(n, m, generator=rng) - 0.3,
        torch.rand(n, m, generator=rng),
        torch.from_numpy(random_matrices(n, np.random.default_rng(4))),
        torch.tensor([0, 0, 0, 0, 1, 1]),
        torch.tensor([0, 4, 6]),
        torch.arange(2),
    )


def test_that_the_posterior_is_that_of_a_linear_regression_with_a_normal_prior() -> None:
    rng = np.random.default_rng(0)
    n, m, k = 5, 7, 3
    slices, factor, values = (
        rng.normal(size=(n, m, 2, k)),
        rng.normal(size=(n, m)),
        rng.normal(size=(n, m, 2)),
    )
    owner = np.array([0, 0, 1, 1, 1])
    found = posterior(*(torch.from_numpy(v) for v in (values, factor, slices, owner)), 2)
    for p in (0, 1):
        design = (slices * factor[..., None, None])[owner == p].reshape(-1, k)
        seen = values[owner == p].reshape(-1)
        covariance = np.linalg.inv(np.eye(k) + design.T @ design)
        np.testing.assert_allclose(found[1][p], covariance, rtol=1e-9)
        np.testing.assert_allclose(found[0][p], covariance @ design.T @ seen, rtol=1e-9)
        whole = np.eye(len(seen)) + design @ design.T
        gain = 0.5 * (seen @ seen - seen @ np.linalg.solve(whole, seen)) - 0.5 * np.linalg.slogdet(whole)[1]
        np.testing.assert_allclose(found[2][p], gain, rtol=1e-9)


def test_that_slices_of_the_volumes_are_those_of_volumes_in_the_box_of_the_images() -> None:
    modes = LinearModes(blobs(12, 2))
    whole = rfft_to_volume(modes.transforms(16), 16)
    turns = torch.from_numpy(random_matrices(4, np.random.default_rng(1)))
    plane = SMALL.plane()
    low = plane.xy.norm(dim=1) <= modes.radius
    found = modes.slices(plane.xy[low], turns)
    for j in (0, 1):
        expected = torch.view_as_real(Projector(whole[j], padding=3).slices(turns).flatten(1)[:, plane.index])
        error = (found[..., j] - expected[:, low]).abs().amax()
        assert error < 0.04 * expected.abs().amax()


def test_that_volumes_of_latent_places_hold_the_linear_part() -> None:
    model, z = model_with_modes(), torch.tensor([[0.5, -2.0, 1.0]])
    plain = TomoModel.from_state(SMALL, model.state_dict())
    plain.set_modes(None)
    added = decode_volumes(model, z)[0] - decode_volumes(plain, z)[0]
    modes = LinearModes(blobs(12, 2))
    expected = torch.einsum("k,kzyx->zyx", z[0, :2], rfft_to_volume(modes.transforms(16), 16))
    spectrum = volume_to_rfft(expected)
    spectrum[0, 0, 0] = 0
    torch.testing.assert_close(added, rfft_to_volume(spectrum, 16), atol=1e-5, rtol=1e-4)
    again = TomoModel.from_state(SMALL, model.state_dict())
    assert torch.equal(decode_volumes(again, z), decode_volumes(model, z))


def test_that_the_misfit_has_the_gradient_of_the_linear_part() -> None:
    model = model_with_modes()
    batch, z = batch_of(model), torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    plain = misfit(model.slices(z, batch.owner, batch.rotations), batch)
    value = model.misfit(z, batch)
    torch.testing.assert_close(value, plain, rtol=1e-4, atol=1e-3)
    one, other = (torch.autograd.grad(v, z)[0] for v in (value, plain))
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-2)


def test_that_two_structures_are_told_apart_before_any_training(shared: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    particles = read_tilt_particles(folder / "10076_both_32_sim.star", datadir=folder)
    bank = ImageBank(particles, SampleOptions(sign=-1), ForwardOptions(dose=True, tilt=True))
    found = find_consensus(bank)
    shapes = ModelSettings(box=32, pixel_size_a=13.1, zdim=3, n_tilts=10, enc_dim_a=16, dec_dim=16)
    model = TomoModel(shapes)
    model.set_consensus(found.volume)
    settings = LinearSettings(n_modes=2, largest_radius=5, power_steps=3, steps=5)
    told: list[tuple[int, int]] = []
    fit = start_linearly(
        model,
        Showing(model, bank, found.noise),
        bank,
        None,
        found.correlation,
        settings,
        lambda done, of: told.append((done, of)),
    )
    assert told == sorted(told) and told[-1][0] == told[-1][1]
    assert fit.gains == sorted(fit.gains[:3]) + fit.gains[3:]
    assert fit.gains[-1] > fit.gains[0] + 3
    mean, log_variance = encode_particles(model.eval(), bank, found.noise)
    torch.testing.assert_close(mean[:, :2], fit.mean, rtol=1e-3, atol=1e-3)
    assert bool((mean[:, 2] == 0).all()) and bool((log_variance[:, 2] == 0).all())
    labels = np.repeat([0, 1], 72)
    assert separation(mean[:, :1].numpy(), labels)[0] > 0.98
    means = torch.stack([mean[labels == k].mean(0) for k in (0, 1)])
    volumes = decode_volumes(model, means).numpy()
    maps = [read_map(folder / f"10076_class{name}_32.mrc", permissive=True).data for name in "DE"]
    assert correlation(volumes[1] - volumes[0], maps[1] - maps[0]) > 0.45


def test_that_a_linear_start_can_be_stopped_in_the_middle_of_a_pass(shared: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    particles = read_tilt_particles(folder / "10076_both_32_sim.star", datadir=folder)
    bank = ImageBank(particles, SampleOptions(sign=-1), ForwardOptions(dose=True, tilt=True))
    model = TomoModel(ModelSettings(box=32, pixel_size_a=13.1, zdim=2, n_tilts=10, enc_dim_a=16, dec_dim=16))
    found = find_consensus(bank)
    model.set_consensus(found.volume)
    calls: list[int] = []

    def stop(done: int, of: int) -> None:
        calls.append(done)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        start_linearly(model, Showing(model, bank, found.noise), bank, None, found.correlation, each=stop)
    assert calls == [0] and model.modes is None


def test_that_fits_do_not_depend_on_how_particles_are_dealt_out() -> None:
    model = model_with_modes()
    batch = batch_of(model)
    both = model.linear_posterior(batch)
    assert both is not None
    alone = replace(
        batch,
        coefficients=batch.coefficients[4:],
        ctf=batch.ctf[4:],
        weight=None if batch.weight is None else batch.weight[4:],
        rotations=batch.rotations[4:],
        owner=batch.owner[4:] - 1,
        first=torch.tensor([0, 2]),
        particles=torch.arange(1),
    )
    one = model.linear_posterior(alone)
    assert one is not None
    for whole, part in zip(both, one, strict=True):
        torch.testing.assert_close(whole[1:], part, rtol=1e-4, atol=1e-5)
