"""Models of the original, both generations, against a slow evaluation written from their description."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import FormatError, UserError
from jobs.tomodrgn.original_model import original_model, read_original

BOX, ZDIM, WIDTH, LAYERS = 6, 2, 20, 2
State = dict[str, torch.Tensor]


def _mlp(prefix: str, n_in: int, width: int, layers: int, n_out: int, rng: np.random.Generator) -> State:
    """Names and shapes as in the original's files; even places are layers, those that add are nested."""
    sizes = [n_in, *[width] * (layers + 1), n_out]
    state = {}
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        name = f"{prefix}main.{2 * i}." + ("linear." if a == b else "")
        state[name + "weight"] = torch.from_numpy(rng.normal(size=(b, a)).astype(np.float32) / np.sqrt(a))
        state[name + "bias"] = torch.from_numpy(rng.normal(size=b).astype(np.float32))
    return state


def _run_mlp(state: State, prefix: str, x: np.ndarray) -> np.ndarray:
    names = sorted(
        {n.rsplit(".", 1)[0] for n in state if n.startswith(prefix)},
        key=lambda n: int(n.split("main.")[1].split(".")[0]),
    )
    for i, name in enumerate(names):
        y = state[name + ".weight"].numpy().astype(float) @ x + state[name + ".bias"].numpy()
        y = y + x if name.endswith("linear") else y
        x = np.maximum(y, 0) if i < len(names) - 1 else y
    return x


def _features(k: np.ndarray, pe_type: str, waves: np.ndarray | None) -> np.ndarray:
    if pe_type == "gaussian":
        assert waves is not None
        return np.concatenate((np.sin(waves @ k), np.cos(waves @ k)))
    half, n = BOX // 2, BOX // 2
    f = np.array([half * (1 / half) ** (j / (n - 1)) for j in range(n)])
    return np.concatenate([np.concatenate((np.sin(x * f), np.cos(x * f))) for x in k])


def _slow_volume(
    state: State, prefix: str, z: np.ndarray, generation: str, pe_type: str, d: int
) -> np.ndarray:
    waves = next((v.numpy() for n, v in state.items() if n.endswith("freqs")), None)
    line = np.linspace(-0.5, 0.5, BOX + 1)[BOX // 2 - d // 2 :][:d]
    lattice = np.zeros((d, d, d))
    for iz, kz in enumerate(line):
        for iy, ky in enumerate(line):
            for ix, kx in enumerate(line):
                k = np.array([kx, ky, kz])
                if np.linalg.norm(k) > 0.5 * d / BOX + 1e-9:
                    continue
                turned = generation == "S" and kz > 0
                x = np.concatenate((_features(-k if turned else k, pe_type, waves), z))
                real, imaginary = _run_mlp(state, prefix, x)
                lattice[iz, iy, ix] = real + imaginary if turned else real - imaginary
    transform = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(lattice)))
    return (transform.real - transform.imag) / BOX**3


def _state(generation: str, pe_type: str, zdim: int) -> State:
    rng = np.random.default_rng(5)
    n_in = 3 * BOX + zdim
    one, two = ("encoder1", "encoder2") if generation == "S" else ("encoder_a", "encoder_b")
    state = _mlp("decoder.decoder." if zdim else "decoder.", n_in, WIDTH, LAYERS, 2, rng)
    if zdim:
        state |= _mlp(f"encoder.{one}.", 9, 7, 1, 5, rng) | _mlp(f"encoder.{two}.", 15, 7, 1, 2 * zdim, rng)
    if pe_type == "gaussian":
        name = "rand_freqs" if generation == "S" else "freqs"
        state[("decoder." if zdim else "") + name] = torch.from_numpy(
            rng.normal(size=(3 * BOX // 2, 3)).astype(np.float32)
        )
    return state


@pytest.mark.parametrize("generation", ["S", "N"])
@pytest.mark.parametrize("pe_type", ["geom_lowf", "gaussian"])
@pytest.mark.parametrize("d", [6, 4])
def test_that_volumes_are_those_of_the_slow_evaluation(generation: str, pe_type: str, d: int) -> None:
    state = _state(generation, pe_type, ZDIM)
    model = original_model(state, box=BOX, pe_type=pe_type)
    assert (model.zdim, model.generation, model.pe_dim) == (ZDIM, generation, BOX // 2)
    z = np.array([[0.3, -1.2], [1.0, 0.5]], np.float32)
    found = model.volumes(torch.from_numpy(z), box=d)
    for volume, state_of_it in zip(found.numpy(), z, strict=True):
        expected = _slow_volume(state, "decoder.decoder.", state_of_it, generation, pe_type, d)
        np.testing.assert_allclose(volume, expected, atol=2e-6 * np.abs(expected).max() + 1e-7)


def test_that_a_model_without_latent_space_has_one_volume_in_units_of_the_images(tmp_path: Path) -> None:
    state = _state("N", "geom_lowf", 0)
    torch.save({"norm": [0, 3.0], "epoch": 4, "model_state_dict": state}, tmp_path / "weights.pkl")
    model = read_original(tmp_path / "weights.pkl", box=BOX, pe_type="geom_lowf")
    expected = 3 * _slow_volume(state, "decoder.", np.zeros(0), "N", "geom_lowf", BOX)
    np.testing.assert_allclose(model.volumes(None)[0], expected, atol=1e-5 * np.abs(expected).max())
    flipped = model.volumes(None, flip=True, invert=True)[0]
    torch.testing.assert_close(flipped, -model.volumes(None)[0].flip(0))
    low = np.fft.fftn(model.volumes(None, lowpass=0.2)[0].numpy())
    k = np.fft.fftfreq(BOX)
    radius = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)
    assert np.abs(low[radius > 0.21]).max() < 1e-4 * np.abs(low).max()


@pytest.mark.parametrize("generation", ["S", "N"])
def test_that_encoders_answer_as_their_layers_say(generation: str) -> None:
    state = _state(generation, "gaussian", ZDIM)
    model = original_model({f"module.{n}": v for n, v in state.items()}, box=BOX, pe_type="gaussian")
    images = np.random.default_rng(1).normal(size=(2, 3, 9)).astype(np.float32)
    one, two = ("encoder1", "encoder2") if generation == "S" else ("encoder_a", "encoder_b")
    mean, log_variance = model.encode(torch.from_numpy(images))
    for p in range(2):
        pooled = np.concatenate([_run_mlp(state, f"encoder.{one}.", image) for image in images[p]])
        pooled = np.maximum(pooled, 0) if generation == "N" else pooled
        answer = _run_mlp(state, f"encoder.{two}.", pooled)
        np.testing.assert_allclose(mean[p], answer[:ZDIM], atol=1e-5)
        np.testing.assert_allclose(log_variance[p], answer[ZDIM:], atol=1e-5)
    with pytest.raises(UserError, match="wants 3 images of 9 pixels, not 2 of 9"):
        model.encode(torch.zeros(1, 2, 9))


def test_that_weights_that_do_not_fit_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="20 inputs, which an encoding none of box 6 with 2 latent"):
        original_model(_state("N", "geom_lowf", ZDIM), box=BOX, pe_type="none")
    torch.save({"model_state_dict": {"head.weight": torch.zeros(2, 2)}}, tmp_path / "weights.pkl")
    with pytest.raises(FormatError, match="not weights of tomoDRGN"):
        read_original(tmp_path / "weights.pkl", box=BOX, pe_type="none")
