"""Networks of the original, evaluated here, against what its own program made of the same weights.

``original_outputs.npz`` was computed once by the original's classes (commit 358db04, PyTorch on a CPU), into
which the weights of `tests.support.originals` were loaded; only these numbers were kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import FormatError
from jobs.dynamight.likelihood import projected_spectra
from jobs.dynamight.original_halves import OriginalModel, load_original
from jobs.dynamight.original_images import Masking, centred
from jobs.dynamight.original_networks import FlexibleNetwork, Layers, encode_points
from jobs.maths.fourier import rfft_to_image, shift_phases
from jobs.maths.rotations import euler_to_matrix
from tests.support import originals

Outputs = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def outputs() -> Outputs:
    with np.load(Path(__file__).with_name("original_outputs.npz")) as stored:
        return dict(stored)


def _model(folder: Path, kind: str) -> OriginalModel:
    return load_original(originals.write_original(folder / "some.pth", kind, 10))


@pytest.mark.parametrize("kind", originals.KINDS)
def test_that_gaussians_are_moved_to_where_the_original_moves_them(
    kind: str, outputs: Outputs, tmp_path: Path
) -> None:
    model = _model(tmp_path, kind)
    cloud = model.clouds[0]
    moved = cloud.positions + cloud.displacement(originals.latents(), cloud.own)
    apart = np.abs(moved.numpy() / model.frame.side_a - outputs[f"{kind}_points"]).max()
    assert apart < 1e-6
    assert cloud.displacement(originals.latents(), cloud.own).abs().max() > 1.0


def test_that_inverse_deformations_are_those_of_the_original(outputs: Outputs) -> None:
    layers = Layers(originals.inverse_weights(5), Path("inv.pth"), "inv_half1")
    network = FlexibleNetwork(layers, originals.BOX, originals.N_LATENT, FlexibleNetwork.INVERSE)
    found = network.inverse(originals.latents(), torch.from_numpy(outputs["flexible_points"]))
    assert np.abs(found.numpy() - outputs["inverse"]).max() < 1e-6


@pytest.mark.parametrize(("name", "diameter_a"), [("whole", None), ("whole", 1e4), ("small", 90.0)])
def test_that_states_of_masked_and_centred_images_are_those_of_the_original(
    name: str, diameter_a: float | None, outputs: Outputs, tmp_path: Path
) -> None:
    encoder = _model(tmp_path, "flexible").encoders[0]
    square, circle = Masking(20.0, diameter_a).masks(originals.BOX, originals.PIXEL_A)
    mean, log_variance = encoder(centred(originals.images() * square, originals.translations()) * circle)
    assert np.abs(mean.numpy() - outputs[f"{name}_mean"]).max() < 1e-5
    assert np.abs(log_variance.numpy() - outputs[f"{name}_log_variance"]).max() < 1e-5


def test_that_projections_have_place_size_and_grey_scale_of_the_originals(
    outputs: Outputs, tmp_path: Path
) -> None:
    cloud, box = _model(tmp_path, "flexible").clouds[0], originals.BOX
    moved = cloud.positions + cloud.displacement(originals.latents(), cloud.own)
    rotations = euler_to_matrix(torch.rad2deg(originals.orientations()))
    for k in range(3):
        pixels = cloud.project(moved[k], rotations[k : k + 1], box)
        spectrum = projected_spectra(pixels, cloud.weights(), cloud.transfer(box), box)
        found = rfft_to_image(spectrum * shift_phases(box, originals.translations()[k : k + 1]), box)[
            0
        ].numpy()
        wanted = outputs["projections"][k]
        # The original spreads points over pixels, which blurs each differently; here the mean is taken.
        assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.99
        assert found.sum() == pytest.approx(wanted.sum(), rel=0.01)


def test_that_points_are_encoded_from_half_the_box_down_to_one_radian() -> None:
    point = torch.tensor([[0.1, -0.2, 0.3]])
    coded = encode_points(point, 3, 32)[0]
    expected = []
    for value in (0.1, -0.2, 0.3):
        # frequencies 16, 4 and 1: a geometric series
        expected += [np.sin(value * f) for f in (16, 4, 1)] + [np.cos(value * f) for f in (16, 4, 1)]
    assert np.allclose(coded.numpy(), expected, atol=1e-6)
    assert encode_points(point, 0, 32) is point


def test_that_outside_its_mask_nothing_moves(tmp_path: Path) -> None:
    model = _model(tmp_path, "masked")
    points = torch.tensor([[30.0, 5.0, 5.0], [-30.0, 5.0, 5.0]])
    moved = model.clouds[0].displacement(originals.latents(), model.clouds[0].prepare(points))
    assert moved[:, 0].norm(dim=1).min() > 0.01
    assert float(moved[:, 1].abs().max()) == 0.0


def test_that_points_of_a_rigid_body_keep_their_distances(tmp_path: Path) -> None:
    model = _model(tmp_path, "rigid")
    points = torch.tensor([[20.0, 5.0, 5.0], [30.0, -5.0, 15.0], [-20.0, 5.0, 5.0]])
    moved = points + model.clouds[1].displacement(originals.latents(), model.clouds[1].prepare(points))
    before, after = (points[0] - points[1]).norm(), (moved[:, 0] - moved[:, 1]).norm(dim=1)
    assert torch.allclose(after, before.expand(3), rtol=1e-5)
    assert not torch.allclose(
        (moved[:, 0] - moved[:, 2]).norm(dim=1), (points[0] - points[2]).norm(), rtol=1e-3
    )


def test_that_nothing_moves_in_a_checkpoint_of_the_warm_up(tmp_path: Path) -> None:
    model = _model(tmp_path, "flexible")
    half = model.checkpoint.halves[0]
    assert not half.still
    object.__setattr__(half, "still", True)
    assert not model.clouds[0].displacement(originals.latents(), model.clouds[0].own).any()


def test_that_networks_of_another_version_are_named(tmp_path: Path) -> None:
    weights = originals.encoder_weights(12)
    del weights["lin1b.weight"]
    path = originals.write_original(tmp_path / "a.pth", "flexible", 10, encoder_half1_state_dict=weights)
    with pytest.raises(FormatError, match=r"a\.pth.*encoder_half1 has no layer lin1b\.weight"):
        load_original(path)
    weights = originals.decoder_weights("flexible", 10) | {"output.2.weight": torch.zeros(4, 3)}
    path = originals.write_original(tmp_path / "b.pth", "flexible", 10, decoder_half1_state_dict=weights)
    with pytest.raises(FormatError, match=r"b\.pth.*\(4, 3\) weights in its layer output\.2"):
        load_original(path)
