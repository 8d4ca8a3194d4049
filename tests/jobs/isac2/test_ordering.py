"""Averages in order: neighbours look alike and lie on one another."""

from __future__ import annotations

import numpy as np
import torch

from jobs.isac2.averages import transform_images
from jobs.isac2.ordering import order_averages
from jobs.isac2.seeding import generator
from jobs.isac2.settings import IsacSettings
from jobs.isac2.tour import tour_length
from jobs.maths.transforms2d import Planar

CPU = torch.device("cpu")
SETTINGS = IsacSettings(radius=13, target_radius=13, target_nx=32)
COUNT = 9


def _turning_pairs() -> torch.Tensor:
    """Handed objects whose second half moves round in steps: a closed circle of views."""
    axis = torch.arange(32) - 16.0
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def blob(bx: float, by: float, w: float) -> torch.Tensor:
        return w * torch.exp(-((x - bx) ** 2 + (y - by) ** 2) / 8.0)

    fixed = blob(-5, -4, 1.0) + blob(4, -6, 0.6) + blob(6, 5, 0.8)
    steps = torch.arange(COUNT) * (2 * torch.pi / COUNT)
    return torch.stack([fixed + blob(float(5 * torch.cos(a)), float(5 * torch.sin(a)), 1.2) for a in steps])


def test_that_shuffled_turned_and_mirrored_views_are_put_in_order_and_onto_one_another() -> None:
    random = generator(4, "views")
    views = _turning_pairs()
    shuffle = torch.randperm(COUNT, generator=random)
    turn = Planar(
        torch.rand(COUNT, generator=random) * 360,
        torch.zeros(COUNT, 2),
        torch.rand(COUNT, generator=random) < 0.5,
    )
    found = order_averages(transform_images(views[shuffle], turn), SETTINGS, CPU)
    circle = np.argsort(shuffle.numpy())
    assert tour_length(found.similarity, found.order) <= tour_length(found.similarity, circle) + 0.02
    flat = found.averages.reshape(COUNT, -1)
    likeness = [np.corrcoef(flat[k], flat[k + 1])[0, 1] for k in range(COUNT - 1)]
    assert min(likeness) > 0.75
    assert np.array_equal(np.sort(found.chain[:, 1]), np.arange(COUNT))
    assert found.chain[0, 2] == 0


def test_that_one_average_is_in_order_already() -> None:
    view = _turning_pairs()[:1]
    found = order_averages(view, SETTINGS, CPU)
    assert found.order.tolist() == [0]
    assert np.allclose(found.averages, view, atol=1e-5)
