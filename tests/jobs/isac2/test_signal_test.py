"""Noise that lies still on an average is told from particles, by decoys of the same power."""

from __future__ import annotations

import numpy as np
import torch

from jobs.isac2.averages import segment_averages
from jobs.isac2.engine import Engine
from jobs.isac2.normalise import normalise
from jobs.isac2.seeding import generator
from jobs.isac2.settings import IsacSettings
from jobs.isac2.signal_test import DECOYS, resembles_class
from jobs.maths.transforms2d import Planar
from tests.support.class_images import planted_classes

CPU = torch.device("cpu")
SETTINGS = IsacSettings(radius=12, target_radius=12, target_nx=32, rand_seed=4)


def test_that_noise_aligned_to_a_class_is_told_from_its_members() -> None:
    planted = planted_classes(2, 120, 32, 0.5, noise_fraction=0.5)
    images = normalise(torch.from_numpy(planted.images), SETTINGS)
    engine = Engine(images, SETTINGS, CPU)
    noise = torch.from_numpy(planted.truth.view < 0)
    index = torch.arange(len(images))
    # members as they truly lie; noise where it lies best on one of both averages
    labels = torch.from_numpy(planted.truth.view).long()
    alpha, shift, mirror = (torch.as_tensor(part) for part in planted.truth.alignment())
    planar = Planar(alpha, shift, mirror)
    averages, _ = segment_averages(images, planar, labels, 2)
    search = engine.search(SETTINGS.cutoffs[-1])
    references = search.references(averages)
    table = search.best(images, torch.zeros(len(images), 2), references)
    best = table.scores.argmax(1)
    onto = search.align(images, references, table, best)
    labels = torch.where(noise, best, labels)
    planar = Planar(
        torch.where(noise, onto.alpha_deg, planar.alpha_deg),
        torch.where(noise[:, None], onto.shift, planar.shift),
        torch.where(noise, onto.mirror, planar.mirror),
    )
    passed = resembles_class(engine, index, planar, labels, 2, generator(1, "decoys"))
    assert passed[~noise].float().mean() > 0.97
    assert passed[noise].float().mean() < 0.2
    again = resembles_class(engine, index, planar, labels, 2, generator(1, "decoys"))
    assert torch.equal(passed, again)


def test_that_a_class_of_noise_alone_loses_nearly_all_members() -> None:
    rng = np.random.default_rng(3)
    images = normalise(torch.from_numpy(rng.standard_normal((80, 32, 32)).astype(np.float32)), SETTINGS)
    engine = Engine(images, SETTINGS, CPU)
    labels = torch.zeros(80, dtype=torch.int64)
    # all aligned to the first image: an average that shows it, and nothing else
    planar, _ = engine.search(0.4).align_to(images, torch.zeros(80, 2), images[0])
    passed = resembles_class(engine, torch.arange(80), planar, labels, 1, generator(2, "decoys"))
    assert passed[1:].float().mean() < 0.15


def test_that_images_without_a_class_and_in_tiny_ones_do_not_pass() -> None:
    planted = planted_classes(1, 12, 32, 2.0)
    images = normalise(torch.from_numpy(planted.images), SETTINGS)
    engine = Engine(images, SETTINGS, CPU)
    labels = torch.tensor([0] * 3 + [-1] * 9)
    passed = resembles_class(engine, torch.arange(12), Planar.identity(12), labels, 1, generator(1, "d"))
    assert not passed.any()
    assert DECOYS >= 4
