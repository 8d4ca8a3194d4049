"""The model: encodings, slices, volumes and encoders against plain references."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.maths.fourier import image_to_rfft, rfft_to_volume, volume_to_rfft
from jobs.maths.rotations import random_rotations
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.encodings import encode_planes, encode_positions, half_space, n_features, wave_vectors
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.pooling import pool_max, pool_mean, pool_median
from jobs.tomodrgn.volumes import decode_volumes

SMALL = ModelSettings(
    box=12,
    pixel_size_a=4.0,
    zdim=3,
    n_tilts=4,
    enc_dim_a=16,
    out_dim_a=8,
    enc_dim_b=16,
    dec_dim=24,
    dec_layers=2,
    seed=1,
)


def _rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_batch(model: TomoModel, counts: list[int], seed: int = 0) -> Batch:
    """Random images of particles with these numbers of images."""
    n, m = sum(counts), len(model.plane.index)
    return Batch(
        coefficients=torch.randn(n, m, 2, generator=_rng(seed)),
        ctf=torch.randn(n, m, generator=_rng(seed + 1)),
        weight=None,
        rotations=random_rotations(n, _rng(seed + 2)),
        owner=torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)),
        first=torch.tensor([0, *np.cumsum(counts)]),
        particles=torch.arange(len(counts)),
    )


@pytest.mark.parametrize(
    ("kind", "frequency"),
    [
        ("geom_ft", lambda j, n, h: 2 * h * math.pi * (1 / h) ** (j / (n - 1))),
        ("geom_full", lambda j, n, h: 2 * h * math.pi * (1 / (2 * h * math.pi)) ** (j / (n - 1))),
        ("geom_lowf", lambda j, n, h: h * (1 / h) ** (j / (n - 1))),
        ("geom_nohighf", lambda j, n, h: h * (2 * math.pi / h) ** (j / (n - 1))),
    ],
)
def test_that_axis_encodings_are_sines_and_cosines_of_the_stated_frequencies(kind: str, frequency) -> None:  # type: ignore[no-untyped-def]
    half, n = 16, 5
    k = np.random.default_rng(0).uniform(-0.5, 0.5, (7, 3)).astype(np.float32)
    phase = np.concatenate(
        [k[:, axis : axis + 1] * [frequency(j, n, half) for j in range(n)] for axis in range(3)], 1
    )
    features = encode_positions(torch.from_numpy(k), wave_vectors(kind, 2 * half, n))
    np.testing.assert_allclose(features, np.concatenate((np.sin(phase), np.cos(phase)), 1), atol=3e-5)


def test_that_linear_gaussian_and_no_encoding_are_what_they_say() -> None:
    linear = wave_vectors("linear_lowf", 8)
    assert linear is not None and linear[1].tolist() == [0] * 4 + [1, 2, 3, 4] + [0] * 4
    waves = wave_vectors("gaussian", 64, 200, feat_sigma=0.5, seed=3)
    assert waves is not None and waves.shape == (3, 600)
    assert float(waves.std()) == pytest.approx(0.5 * 32, rel=0.05)
    again = wave_vectors("gaussian", 64, 200, feat_sigma=0.5, seed=3)
    assert again is not None and torch.equal(waves, again)
    assert wave_vectors("none", 8) is None and n_features(None) == 3
    with pytest.raises(UserError, match="no positional encoding fourier"):
        wave_vectors("fourier", 8)


@pytest.mark.parametrize("kind", ["geom_lowf", "gaussian", "none"])
def test_that_features_of_planes_are_those_of_their_points_in_the_half_space(kind: str) -> None:
    xy = torch.randn(9, 2, generator=_rng()) * 0.2
    rotations, waves = random_rotations(5, _rng(1)), wave_vectors(kind, 16, 6)
    features, sign = encode_planes(xy, rotations, waves)
    points = torch.einsum("mi,nij->nmj", xy, rotations[:, :2])
    folded = points * sign[..., None]
    assert bool((folded[..., 0] >= 0).all()) and bool((sign < 0).any())
    torch.testing.assert_close(features, encode_positions(folded, waves), atol=2e-5, rtol=1e-4)


def test_that_of_each_pair_of_opposite_frequencies_one_lies_in_the_half_space() -> None:
    k = torch.tensor([[1.0, -2, 3], [0, 1, -1], [0, 0, 2], [-1, 5, 5], [0, -3, 1], [0, 0, -2]])
    assert half_space(k).tolist() == [1, 1, 1, -1, -1, -1]
    assert (half_space(-k) == -half_space(k)).all()


def test_that_the_split_first_layer_equals_one_layer_of_both_side_by_side() -> None:
    model = TomoModel(SMALL)
    z, rotations = torch.randn(2, 3, generator=_rng()), random_rotations(3, _rng(1))
    owner = torch.tensor([0, 1, 1])
    features, sign = encode_planes(model.xy, rotations, model.decoder.waves)
    joined = torch.cat((features, z[owner][:, None].expand(-1, features.shape[1], -1)), dim=-1)
    mlp, latent = model.decoder.mlp, model.decoder.latent
    assert latent is not None
    weight = torch.cat((mlp.first.weight, latent.weight), dim=1)
    values = torch.relu(joined @ weight.T + mlp.first.bias)
    for layer in mlp.hidden:
        values = torch.relu(layer(values) + values)
    out = values @ mlp.last.weight.T + mlp.last.bias
    expected = torch.stack((out[..., 0], out[..., 1] * sign), -1)
    torch.testing.assert_close(model.slices(z, owner, rotations), expected, atol=1e-5, rtol=1e-4)


def test_that_particles_with_unlike_numbers_of_images_are_decoded_as_one_by_one() -> None:
    model = TomoModel(SMALL)
    z, rotations = torch.randn(3, 3, generator=_rng()), random_rotations(6, _rng(1))
    owner = torch.tensor([0, 0, 0, 1, 2, 2])
    together = model.slices(z, owner, rotations)
    for i in range(6):
        alone = model.slices(z[owner[i]][None], torch.zeros(1, dtype=torch.long), rotations[i : i + 1])
        torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=1e-4)


def test_that_the_mirrored_half_plane_is_the_full_plane() -> None:
    model = TomoModel(SMALL)
    z, owner, turn = (
        torch.randn(1, 3, generator=_rng()),
        torch.zeros(1, dtype=torch.long),
        random_rotations(1, _rng(4)),
    )
    there = model.decoder.planes(model.xy, turn, z, owner)
    opposite = model.decoder.planes(-model.xy, turn, z, owner)
    torch.testing.assert_close(opposite, there * torch.tensor([1.0, -1.0]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("zdim", [0, 3])
def test_that_the_projection_of_the_decoded_volume_is_the_central_slice(zdim: int) -> None:
    model = TomoModel(replace(SMALL, zdim=zdim))
    z = torch.randn(2, zdim, generator=_rng()) if zdim else None
    volumes = decode_volumes(model, z)
    owner = torch.arange(len(volumes))
    turns = torch.eye(3).expand(len(volumes), 3, 3)
    along_z = image_to_rfft(volumes.sum(1)).flatten(1)[:, model.plane.index]
    slices = torch.view_as_complex(model.slices(z, owner, turns))
    torch.testing.assert_close(along_z, slices, atol=2e-6, rtol=1e-4)
    # A quarter turn about y brings z to x: the projection along x, seen from there.
    turn = torch.tensor([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
    along_x = volumes.sum(3).flip(1).roll(1, 1).transpose(1, 2)
    expected = image_to_rfft(along_x).flatten(1)[:, model.plane.index]
    slices = torch.view_as_complex(model.slices(z, owner, turn.expand(len(volumes), 3, 3)))
    torch.testing.assert_close(expected, slices, atol=2e-6, rtol=1e-4)


def test_that_volumes_of_a_smaller_box_are_the_same_density_at_fewer_points() -> None:
    model = TomoModel(SMALL)
    z = torch.randn(1, 3, generator=_rng())
    full, small = decode_volumes(model, z)[0], decode_volumes(model, z, box=6)[0]
    # Every second voxel of the volume without the frequencies that the small box cannot hold.
    limited = decode_volumes(model, z, lowpass_a=12 * 4 / 2.9)[0]
    within = decode_volumes(model, z, box=6, lowpass_a=12 * 4 / 2.9)[0]
    torch.testing.assert_close(within, limited[::2, ::2, ::2], atol=1e-6, rtol=1e-4)
    assert small.shape == (6, 6, 6) and full.shape == (12, 12, 12)
    with pytest.raises(UserError, match="even box of at most 12 voxels, not 14"):
        decode_volumes(model, z, box=14)
    with pytest.raises(UserError, match="leaves nothing of volumes that are 48 Å wide"):
        decode_volumes(model, z, lowpass_a=60.0)


def test_that_flip_norm_and_inversion_do_what_they_say() -> None:
    model = TomoModel(SMALL)
    z = torch.randn(2, 3, generator=_rng())
    plain = decode_volumes(model, z)
    flipped = decode_volumes(model, z, flip=True)
    torch.testing.assert_close(flipped, plain.flip(1).roll(1, 1), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(decode_volumes(model, z, norm=7.0, invert=True), -7 * plain)
    torch.testing.assert_close(decode_volumes(model, z, batch=5), plain, atol=1e-6, rtol=1e-4)
    beyond = volume_to_rfft(decode_volumes(model, z, lowpass_a=12.0)).abs()
    line = torch.fft.fftfreq(12, 1 / 12)
    radius = (line[:, None, None] ** 2 + line[:, None] ** 2 + torch.arange(7.0) ** 2).sqrt()
    assert float(beyond[:, radius > 4.01].max()) < 1e-6 < float(beyond[:, radius < 3.99].amax())


def test_that_the_decoder_adds_to_a_consensus_volume_in_slices_and_volumes() -> None:
    model = TomoModel(SMALL)
    axis = torch.arange(12.0) - 6
    blob = torch.exp(-0.5 * ((axis[:, None, None] - 1) ** 2 + axis[:, None] ** 2 + (axis + 1) ** 2) / 1.5**2)
    z, owner, turns = (
        torch.randn(1, 3, generator=_rng()),
        torch.zeros(3, dtype=torch.long),
        random_rotations(3, _rng(5)),
    )
    bare_slices, bare = model.slices(z, owner, turns), decode_volumes(model, z)[0]
    model.set_consensus(blob)
    assert model.decoder.envelope is not None
    model.decoder.envelope.fill_(1.0)
    added = decode_volumes(model, z)[0] - bare
    kept = volume_to_rfft(blob) * (volume_to_rfft(added).abs() > 1e-7)
    torch.testing.assert_close(added, rfft_to_volume(kept, 12), atol=1e-5, rtol=1e-3)
    projected = torch.view_as_complex(model.slices(z, owner, turns) - bare_slices)
    points = torch.einsum("mi,nij->nmj", model.plane.xy / 12, turns[:, :2])
    centre = torch.tensor([-1.0, 0.0, 1.0])
    truth = (
        (1.5 * math.sqrt(2 * math.pi)) ** 3 / 12 * torch.exp(-2 * (math.pi * 1.5) ** 2 * (points**2).sum(-1))
    )
    truth = truth * torch.exp(-2j * math.pi * (points @ centre))
    assert float((projected - truth).detach().abs().max() / truth.abs().max()) < 0.02
    again = TomoModel.from_state(SMALL, model.state_dict())
    assert torch.equal(again.slices(z, owner, turns), model.slices(z, owner, turns))


def test_that_beside_a_consensus_answers_have_the_spectrum_of_the_consensus() -> None:
    plain, shaped = TomoModel(SMALL), TomoModel(SMALL)
    shaped.set_consensus(torch.randn(12, 12, 12, generator=_rng(2)))
    envelope = shaped.decoder.envelope
    assert envelope is not None
    z = torch.randn(1, 3, generator=_rng())
    axis = torch.eye(3)[None, :, :] / 12 * torch.tensor([0.0, 1.0, 3.0])[:, None, None]
    for shell in (0, 1, 2):
        before, after = (model.decoder.points(axis[shell], z) for model in (plain, shaped))
        torch.testing.assert_close(after, before * envelope[(0, 1, 3)[shell]])
    again = TomoModel.from_state(SMALL, shaped.state_dict())
    assert torch.equal(again.decoder.points(axis[1], z), shaped.decoder.points(axis[1], z))
    again.take_state(plain.state_dict())
    assert again.consensus is None
    assert torch.equal(again.decoder.points(axis[1], z), plain.decoder.points(axis[1], z))


@pytest.mark.parametrize("kind", ["max", "mean", "median", "set_encoder", "concatenate"])
def test_that_each_particle_is_encoded_as_if_alone(kind: str) -> None:
    settings = replace(SMALL, pooling_function=kind, num_seeds=2, layer_norm=True, enc_mask=3)
    model, counts = TomoModel(settings), [3, 1, 4]
    batch = make_batch(model, counts)
    mu, logvar = model.encode(batch)
    assert mu.shape == logvar.shape == (3, 3)
    for i, (start, end) in enumerate(zip(batch.first[:-1], batch.first[1:], strict=True)):
        part = slice(int(start), int(end))
        alone = Batch(
            batch.coefficients[part],
            batch.ctf[part],
            None,
            batch.rotations[part],
            torch.zeros(counts[i], dtype=torch.long),
            torch.tensor([0, counts[i]]),
            torch.zeros(1, dtype=torch.long),
        )
        torch.testing.assert_close(model.encode(alone)[0][0], mu[i], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["max", "mean", "median", "set_encoder"])
def test_that_the_order_of_images_does_not_matter_without_concatenation(kind: str) -> None:
    model = TomoModel(replace(SMALL, pooling_function=kind, num_seeds=2))
    batch = make_batch(model, [3, 4])
    order = torch.tensor([2, 0, 1, 6, 4, 3, 5])
    shuffled = replace(batch, coefficients=batch.coefficients[order], ctf=batch.ctf[order])
    for one, other in zip(model.encode(batch), model.encode(shuffled), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_that_poolings_are_maximum_mean_and_lower_median_of_the_images() -> None:
    values = torch.tensor([[1.0], [5.0], [3.0], [-2.0], [7.0], [0.0], [4.0]])
    owner, first = torch.tensor([0, 0, 0, 1, 1, 1, 1]), torch.tensor([0, 3, 7])
    assert pool_max(values, owner, first).tolist() == [[5.0], [7.0]]
    assert pool_mean(values, owner, first).tolist() == [[3.0], [2.25]]
    assert pool_median(values, owner, first, 9).tolist() == [[3.0], [0.0]]


def test_that_the_encoder_sees_phases_flipped_within_its_mask_only() -> None:
    model = TomoModel(replace(SMALL, enc_mask=3))
    batch = make_batch(model, [2, 1])
    flipped = replace(batch, coefficients=-batch.coefficients, ctf=-batch.ctf)
    outside = (model.plane.xy.norm(dim=-1) > 3.01)[None, :, None]
    noisy = replace(batch, coefficients=batch.coefficients + 9 * outside)
    for other in (flipped, noisy):
        torch.testing.assert_close(model.encode(other)[0], model.encode(batch)[0])


def test_that_particles_with_more_images_than_slots_are_refused() -> None:
    with pytest.raises(UserError, match="a particle has 5 images, but the model was made for at most 4"):
        SMALL.check_tilts(5)
    replace(SMALL, pooling_function="mean").check_tilts(5)


def test_that_settings_and_weights_survive_as_plain_data(tmp_path) -> None:  # type: ignore[no-untyped-def]
    settings = replace(SMALL, pe_type="gaussian", pooling_function="set_encoder")
    model = TomoModel(settings)
    torch.save({"settings": settings.to_dict(), "state": model.state_dict()}, tmp_path / "m.pt")
    stored = torch.load(tmp_path / "m.pt", weights_only=True)
    again = TomoModel.from_state(ModelSettings.from_dict(stored["settings"] | {"newer": 1}), stored["state"])
    z = torch.randn(1, 3, generator=_rng())
    assert torch.equal(decode_volumes(again, z), decode_volumes(model, z))
    assert torch.equal(TomoModel(settings).xy, model.xy)
    same: Tensor = TomoModel(settings).state_dict()["decoder.mlp.first.weight"]
    assert torch.equal(same, model.state_dict()["decoder.mlp.first.weight"])
