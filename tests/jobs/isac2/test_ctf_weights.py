"""Images weighted by their CTF, and averages without it, know no defocus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.formats.image_stack_input import read_image_input
from jobs.isac2.ctf_weights import (
    POWERS,
    CtfWeights,
    WeightedImages,
    ctf_weights,
    deconvolved,
    radial_plane,
    weighted_stack,
)
from jobs.isac2.engine import Engine
from jobs.isac2.generation import GenerationClassifier
from jobs.isac2.normalise import normalise
from jobs.isac2.run_state import RunState
from jobs.isac2.settings import IsacSettings
from jobs.maths.ctf import ctf_rfft, from_particles
from tests.support.planted_members import PIXEL_A, planted_members

CPU = torch.device("cpu")


def _quiet(phase: str, done: int, of: int) -> None:
    """Report nothing."""


def test_that_powers_are_the_squared_ctf_averaged_over_directions_at_working_pixels(tmp_path: Path) -> None:
    planted = planted_members(tmp_path, 48)
    settings = IsacSettings(radius=20, target_radius=10, target_nx=30, ctf=True)
    made = ctf_weights(planted.source, settings, tmp_path, CPU, _quiet)
    assert made is not None and made.powers.shape == (80, 16)
    particles = read_image_input(tmp_path / "particles.star", tmp_path).particles
    # Working pixels are twice as large: shell s of 30 of them is frequency s / (60 pixels).
    ctf = ctf_rfft(from_particles(particles), 600, PIXEL_A)
    y, x = np.meshgrid(np.fft.fftfreq(600, 1 / 600), np.arange(301), indexing="ij")
    radius = np.hypot(x, y)
    for shell in (3, 7, 12):
        ring = np.abs(radius - 10 * shell) < 0.5
        expected = (ctf[:, torch.from_numpy(ring)] ** 2).mean(1)
        assert np.allclose(made.powers[:, shell], expected, atol=0.06)
    again = ctf_weights(planted.source, settings, tmp_path, CPU, _quiet)
    assert again is not None and np.array_equal(again.powers, made.powers)
    assert (tmp_path / POWERS).is_file()
    assert ctf_weights(planted.source, IsacSettings(radius=20), tmp_path, CPU, _quiet) is None


def test_that_a_stack_of_weighted_images_holds_what_weighing_them_gives(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    working = random.normal(0, 1, (300, 24, 24)).astype(np.float32)
    weights = CtfWeights(random.uniform(0, 1, (300, 13)).astype(np.float32), 24)
    made = weighted_stack(working, weights, {"of": "test"}, tmp_path, CPU, _quiet)
    whole = weights.weigh(torch.from_numpy(working), torch.arange(300)).numpy()
    assert np.allclose(made, whole, atol=1e-6)
    assert np.allclose(made[[7, 290]], WeightedImages(working, weights)[np.array([7, 290])], atol=1e-6)
    made_again = weighted_stack(working + 1, weights, {"of": "test"}, tmp_path, CPU, _quiet)
    assert np.array_equal(made_again, made)  # not made again


def test_that_curves_are_read_by_radius() -> None:
    plane = radial_plane(torch.arange(11.0)[None] ** 2, 20)[0]
    assert plane[0, 4] == 16 and plane[3, 4] == 25 and plane[-3, 4] == 25
    assert plane[1, 1] == pytest.approx(1 + (2**0.5 - 1) * 3)
    assert plane[10, 10] == 100


def test_that_an_average_of_weighted_images_without_noise_is_the_object(tmp_path: Path) -> None:
    box, generator = 32, np.random.default_rng(1)
    shell = np.arange(box // 2 + 1)
    powers = np.sin(generator.uniform(0.01, 0.05, (40, 1)) * shell**2 + 0.1).astype(np.float32) ** 2
    weights = CtfWeights(powers, box)
    y, x = np.mgrid[:box, :box] - box // 2
    picture = np.exp(-((x - 3) ** 2 + y**2) / 8) - 0.7 * np.exp(-((x + 4) ** 2 + (y - 5) ** 2) / 5)
    truth = torch.from_numpy(picture.astype(np.float32)).expand(40, box, box)
    index = torch.arange(40)
    seen = weights.weigh(truth, index)
    images = WeightedImages(seen, weights)
    assert torch.allclose(images[np.array([5, 39])], weights.weigh(seen[[5, 39]], index[[5, 39]]))
    labels = index % 2
    averages = torch.stack([images[np.flatnonzero(labels == k)].mean(0) for k in range(2)])
    found = deconvolved(averages, weights.mean(index, labels, 2))
    likeness = [np.corrcoef(found[k].flatten(), truth[0].flatten())[0, 1] for k in range(2)]
    assert min(likeness) > 0.97
    # What phase flipping alone gives of the same images.
    assert np.corrcoef(seen[labels == 0].mean(0).flatten(), truth[0].flatten())[0, 1] < 0.9


def test_that_classes_are_of_one_view_each_and_not_of_one_defocus_each() -> None:
    box, count = 32, 160
    random = np.random.default_rng(4)
    settings = IsacSettings(
        radius=12,
        target_radius=12,
        target_nx=box,
        img_per_grp=80,
        init_iter=2,
        maxit=6,
        stab_ali=2,
        rand_seed=2,
        keep_noise=True,
        thld_err=3.0,
    )
    shell = np.arange(box // 2 + 1)
    # Two defoci whose images differ more than the two views do.
    kinds = np.stack((np.sin(0.01 * shell**2 + 0.1), np.sin(0.03 * shell**2 + 0.1))).astype(np.float32) ** 2
    defocus, view = random.integers(0, 2, count), random.integers(0, 2, count)
    y, x = np.mgrid[:box, :box] - box // 2
    places = ((0, 0), (6, 2), (-3, 6), (-5, -5), (2, -7))
    blobs = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / 6) for a, b in places]
    common = blobs[0] + blobs[1] + 0.8 * blobs[2]
    views = np.stack((common + 0.5 * blobs[3], common + 0.5 * blobs[4]))
    weights = CtfWeights(kinds[defocus], box)
    clean = weights.weigh(torch.from_numpy(views[view].astype(np.float32)), torch.arange(count))
    noise = torch.from_numpy(random.normal(0, 0.1, (count, box, box)).astype(np.float32))
    images = normalise(clean + noise, settings)

    def agreement(with_weights: bool) -> tuple[float, float]:
        engine = Engine(images, settings, CPU, weights=weights if with_weights else None)
        groups = GenerationClassifier(engine, 80)(RunState.start(count), lambda inner: None).groups
        return tuple(max(np.mean(groups == kind), np.mean(groups != kind)) for kind in (view, defocus))

    by_view, by_defocus = agreement(True)
    assert by_view > 0.85 and by_defocus < 0.65
    by_view, by_defocus = agreement(False)
    assert by_view < 0.65 and by_defocus > 0.95
