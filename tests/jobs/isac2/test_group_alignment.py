"""Images of one group find each other: averages, placements and agreement of independent runs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from jobs.isac2.averages import segment_averages, transform_images
from jobs.isac2.filters import lowpass_images
from jobs.isac2.group_alignment import GroupAlignment, align_groups
from jobs.isac2.stability import stable_members
from jobs.maths.transforms2d import Planar

_BOX, _RADIUS = 40, 12.0


def _gen(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pictures(count: int, seed: int = 0, box: int = _BOX, radius: float = _RADIUS) -> Tensor:
    """Smooth random pictures that vanish towards the radius, with variance 1 inside it."""
    axis = torch.arange(box) - box // 2
    r = torch.hypot(axis[:, None].float(), axis[None].float())
    raw = lowpass_images(torch.randn(count, box, box, generator=_gen(seed)), 0.15, 0.3)
    raw = raw * torch.sigmoid(2 * (0.75 * radius - r))
    return raw / raw[:, r <= radius].std(1)[:, None, None]


def _placements(count: int, seed: int = 1, spread: float = 1.0) -> Planar:
    g = _gen(seed)
    return Planar(
        360 * torch.rand(count, generator=g),
        spread * torch.randn(count, 2, generator=g),
        torch.rand(count, generator=g) < 0.5,
    )


@pytest.fixture(scope="module")
def planted() -> tuple[Tensor, Tensor, Tensor]:
    """Two groups of 40 images of a picture each, turned, shifted, mirrored, with noise."""
    truth = _pictures(2)
    labels = torch.arange(2).repeat_interleave(40)
    images = transform_images(truth[labels], _placements(80, spread=0.7).inverse())
    return truth, images + torch.randn(images.shape, generator=_gen(5)), labels


@pytest.fixture(scope="module")
def runs(planted: tuple[Tensor, Tensor, Tensor]) -> Planar:
    _, images, labels = planted
    options = GroupAlignment(_RADIUS, offset_limit=5)
    return align_groups(images, Planar.identity(80), labels, 2, options, 4, _gen(3))


def test_that_independent_runs_agree_about_true_members(
    planted: tuple[Tensor, Tensor, Tensor], runs: Planar
) -> None:
    truth, images, labels = planted
    found = stable_members(runs, labels, 2, _RADIUS, 0.7)
    assert int(found.stable.sum()) >= 72
    averages, counts = segment_averages(images, found.planar, torch.where(found.stable, labels, -1), 2)
    assert counts.tolist() == [int(found.stable[labels == k].sum()) for k in (0, 1)]
    for average, picture in zip(averages, truth, strict=True):
        turned = transform_images(
            average.expand(720, -1, -1),
            Planar(torch.arange(720) % 360.0, torch.zeros(720, 2), torch.arange(720) >= 360),
        ).flatten(1)
        # The frame of a class is free: the best turn shows whether it is the picture.
        match = torch.corrcoef(torch.cat([picture.flatten()[None], turned]))[0, 1:]
        assert match.max() > 0.8
        assert match.median() < 0.5


def test_that_nothing_agrees_about_noise() -> None:
    images = torch.randn(60, _BOX, _BOX, generator=_gen(9))
    labels = torch.zeros(60, dtype=torch.int64)
    options = GroupAlignment(_RADIUS, offset_limit=5)
    found = align_groups(images, Planar.identity(60), labels, 1, options, 3, _gen(4))
    assert int(stable_members(found, labels, 1, _RADIUS, 0.7).stable.sum()) < 10
