"""Two known structures in 144 particles: how well and how soon tomoDRGN's training tells them apart.

The control gives both classes the same tilts (the first eight of each particle) and lets the model know
nothing of dose or tilt, so that only the structure, and what dose did to the images themselves, can separate
them.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.formats.mrc import read_map
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.samples import SampleOptions
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.training import Training
from jobs.tomodrgn.volumes import decode_volumes
from tests.support.class_scores import class_scores, correlation, separation

_EPOCHS, _SEEDS = 10, (1, 2, 3)
_SMALL = {"enc_dim_a": 64, "enc_layers_a": 2, "out_dim_a": 64, "enc_dim_b": 32, "enc_layers_b": 4}


def _particles(shared: Path, name: str) -> TiltParticles:
    folder = shared / "tomodrgn"
    return read_tilt_particles(folder / f"10076_{name}_32_sim.star", datadir=folder)


def _maps(shared: Path) -> np.ndarray:
    paths = [shared / "tomodrgn" / f"10076_class{name}_32.mrc" for name in "DE"]
    return np.stack([read_map(path, permissive=True).data for path in paths])


def _training(
    particles: TiltParticles, zdim: int, seed: int, weights: bool, shapes: dict[str, int]
) -> Training:
    bank = ImageBank(particles, SampleOptions(sign=-1), ForwardOptions(dose=weights, tilt=weights))
    counts = int(particles.counts.max())
    model = TomoModel(
        ModelSettings(box=32, pixel_size_a=13.1, zdim=zdim, n_tilts=counts, seed=seed, **shapes)  # type: ignore[arg-type]
    )
    return Training(model, zdim, bank, TrainingSettings(epochs=_EPOCHS, seed=seed))


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("zdim", [2, 8])
@pytest.mark.parametrize("seed", _SEEDS)
def test_bench_two_classes(shared: Path, zdim: int, seed: int, control: bool) -> None:
    particles = _particles(shared, "both")
    if control:
        particles = particles.select_images(particles.frame < 8)
    labels = np.repeat([0, 1], 72)
    training = _training(particles, zdim, seed, not control, _SMALL if zdim == 2 else {})
    began = time.perf_counter()
    for _ in range(_EPOCHS):
        training.run_epoch(lambda done, of: None)
        if training.epoch not in (_EPOCHS // 2, _EPOCHS):
            continue
        latent = training.encode_all()[0]
        means = torch.stack([latent[labels == k].mean(0) for k in (0, 1)])
        with training.evaluating() as model:
            volumes = decode_volumes(model, means).numpy()  # type: ignore[arg-type]
        scores = class_scores(latent.numpy(), labels, volumes, _maps(shared))
        print(
            f"\nzdim {zdim} seed {seed} {'control' if control else 'all    '} epoch {training.epoch:2d}: "
            f"AUC, accuracy | own D E, other D E | difference: {scores.row()}"
        )
    print(f"  {(time.perf_counter() - began) / _EPOCHS:.1f} s per epoch")
    assert scores.auc >= 0.98
    assert min(scores.own) >= 0.82
    assert all(own > other for own, other in zip(scores.own, scores.other, strict=True))
    assert scores.difference >= 0.45


@pytest.mark.parametrize("seed", _SEEDS)
def test_bench_nothing_to_find(shared: Path, seed: int) -> None:
    """Particles of one class, dealt out at random, are not told apart."""
    particles = _particles(shared, "classE")
    labels = np.random.default_rng(seed).permutation(np.arange(particles.n) % 2)
    latent = _training(particles, 2, seed, True, _SMALL).encode_all()[0]
    found = separation(latent.numpy(), labels)[0]
    print(f"\nnothing to find, seed {seed}: AUC {found:.3f}, variance {latent.var(0).tolist()}")
    assert abs(found - 0.5) < 0.15


def test_bench_one_structure(shared: Path) -> None:
    training = _training(_particles(shared, "classE"), 0, 1, True, {})
    truth = _maps(shared)[1]
    for _ in range(_EPOCHS):
        training.run_epoch(lambda done, of: None)
    with training.evaluating() as model:
        volume = decode_volumes(model, None)[0].numpy()  # type: ignore[arg-type]
    found = correlation(volume, truth)
    print(f"\ntrain_nn on class E, {_EPOCHS} epochs: correlation with the map {found:.3f}")
    assert found > 0.74
