"""Two known structures in 144 particles: how well and how soon tomoDRGN's training tells them apart.

Controls: both classes with the same tilts and no knowledge of dose or tilt; both maps imaged anew by one and
the same scheme; one class divided at random; and networks without the linear start.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from jobs.formats.tilt_particles import TiltParticles
from tests.benchmarks.figures import Figures
from tests.support.class_scores import ClassScores, separation
from tests.support.quality import LABELS, Case, class_maps, epochs_of, scores_of, simulated_set
from tests.support.two_maps import imaged_alike

_SEEDS = (1, 2, 3)
_LOOKS = (0, 5, 10)


def _measured(
    figures: Figures,
    what: str,
    case: Case,
    particles: TiltParticles,
    labels: npt.NDArray[np.integer],
    maps: npt.NDArray[np.float32],
) -> ClassScores:
    """Train, print what is found on the way, keep the last figures."""
    began = time.perf_counter()
    training = case.training(particles)
    ready = time.perf_counter() - began
    for epoch in epochs_of(training, _LOOKS):
        scores = scores_of(training, labels, maps)
        print(
            f"{what}, {case.shape} networks, zdim {case.zdim}, seed {case.seed}, epoch {epoch:2d}: "
            f"AUC, accuracy | own D E, other D E | difference: {scores.row()}",
            flush=True,
        )
    spent = (time.perf_counter() - began - ready) / max(_LOOKS)
    print(f"  start {ready:.1f} s, {spent:.1f} s per epoch", flush=True)
    name = f"{what}, {case.shape} networks, zdim {case.zdim}, seed {case.seed}"
    group = f"tomoDRGN, {max(_LOOKS)} epochs"
    figures.add(group, f"{name}: AUC", scores.auc, goal="≥ 0.98")
    figures.add(group, f"{name}: balanced accuracy", scores.accuracy)
    figures.add(group, f"{name}: class volumes, smaller correlation", min(scores.own), goal="≥ 0.82")
    figures.add(group, f"{name}: difference map, correlation", scores.difference, goal="≥ 0.45")
    return scores


@pytest.mark.parametrize(
    ("shape", "seed"),
    [("small", 1), ("small", 2), ("small", 3), ("default", 1), ("default", 2), ("default", 3)],
)
@pytest.mark.parametrize("zdim", [2, 8])
def test_bench_two_classes(shared: Path, figures: Figures, zdim: int, shape: str, seed: int) -> None:
    case = Case(zdim, seed, shape=shape)
    scores = _measured(
        figures, "two classes", case, simulated_set(shared, "both"), LABELS, class_maps(shared)
    )
    assert scores.auc > 0.9
    assert all(own > other for own, other in zip(scores.own, scores.other, strict=True))


@pytest.mark.parametrize("seed", _SEEDS)
def test_bench_same_tilts(shared: Path, figures: Figures, seed: int) -> None:
    """The first eight tilts of all; what dose did to the images themselves still differs."""
    particles = simulated_set(shared, "both")
    particles = particles.select_images(particles.frame < 8)
    case = Case(2, seed, weights=False)
    _measured(figures, "first 8 tilts, no weights", case, particles, LABELS, class_maps(shared))


@pytest.mark.parametrize("seed", _SEEDS)
def test_bench_same_scheme(shared: Path, tmp_path: Path, figures: Figures, seed: int) -> None:
    """Both maps imaged by one scheme: nothing but the structure can separate the classes."""
    maps = class_maps(shared)
    maps = (maps - maps.mean((1, 2, 3), keepdims=True)) / maps.std((1, 2, 3), keepdims=True)
    particles, labels = imaged_alike(maps, 13.1, tmp_path, seed=seed)
    scores = _measured(figures, "one scheme", Case(2, seed, sign=1), particles, labels, maps)
    assert scores.auc > 0.8


@pytest.mark.parametrize("seed", _SEEDS)
def test_bench_network_alone(shared: Path, figures: Figures, seed: int) -> None:
    """What networks reach beside the consensus alone, without the linear start."""
    case = Case(2, seed, linear=False)
    _measured(figures, "no linear start", case, simulated_set(shared, "both"), LABELS, class_maps(shared))


@pytest.mark.parametrize("seed", _SEEDS)
def test_bench_nothing_to_find(shared: Path, figures: Figures, seed: int) -> None:
    """Particles of one class, dealt out at random twenty times, are not told apart."""
    particles = simulated_set(shared, "classE")
    training = Case(2, seed).training(particles)
    rng = np.random.default_rng(seed)
    deals = [rng.permutation(np.arange(particles.n) % 2) for _ in range(20)]
    for epoch in epochs_of(training, (0, 10)):
        latent = training.encode_all()[0].numpy()
        found = np.array([separation(latent, labels)[0] for labels in deals])
        print(
            f"nothing to find, seed {seed}, epoch {epoch}: AUC {found.mean():.3f} ± {found.std():.3f}, "
            f"variance of the places {latent.var(0).round(4).tolist()}",
            flush=True,
        )
    figures.add(
        "tomoDRGN, 10 epochs", f"one class dealt at random, seed {seed}: AUC", found.mean(), goal="0.5"
    )
    assert abs(found.mean() - 0.5) < 0.15
