"""Power is taken off scores, so that a strong reference draws no images that show a weak one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from jobs.isac2.equal_size import equal_size
from jobs.isac2.lattice import Lattice
from jobs.isac2.likelihood import log_likelihoods, reference_powers
from jobs.isac2.masks import disc
from jobs.isac2.scoring import MultiReference
from jobs.maths.polar import PolarGrid

BOX, RADIUS = 36, 13


@pytest.fixture(scope="module")
def search() -> MultiReference:
    return MultiReference(PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1), normalise=False)


def _smooth(seed: int, n: int) -> Tensor:
    blocks = torch.randn(n, 1, BOX // 4, BOX // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(blocks, size=(BOX, BOX), mode="bicubic")[:, 0]


def _in_disc(images: Tensor) -> Tensor:
    """Pixels ``(n, pixels)`` in the disc, without their mean."""
    pixels = images.double()[:, disc(BOX, RADIUS, torch.device("cpu"))]
    return pixels - pixels.mean(1, keepdim=True)


def test_that_powers_of_shells_add_up_to_the_mean_square_in_the_disc() -> None:
    pictures = _smooth(1, 4)
    powers = reference_powers(pictures, RADIUS)
    assert torch.allclose(powers.sum(1).double(), _in_disc(pictures).square().mean(1), rtol=1e-5)
    # A fine pattern has its power in outer shells.
    wave = torch.cos(2 * torch.pi * 0.25 * torch.arange(BOX)).expand(1, BOX, BOX)
    assert abs(int(reference_powers(wave, RADIUS).argmax()) - BOX // 4) <= 1


def test_that_differences_are_those_of_squared_distances() -> None:
    views = _smooth(2, 3)
    images = _in_disc(views + 2 * torch.randn(3, BOX, BOX, generator=torch.Generator().manual_seed(5)))
    shown = _in_disc(views)
    correlation = images @ shown.T / images.shape[1]
    found = log_likelihoods(correlation, reference_powers(views, RADIUS).double(), None)
    distance = (images[:, None] - shown[None]).square().mean(2)
    expected = -0.5 * distance
    assert torch.allclose(found, expected - expected.mean(1, keepdim=True), atol=1e-6)


def test_that_the_power_of_a_reference_counts_as_far_as_the_ctf_shows_it() -> None:
    views = _smooth(3, 2)
    powers = reference_powers(views, RADIUS)
    ctf = torch.rand(5, BOX // 2 + 1, generator=torch.Generator().manual_seed(4))
    found = log_likelihoods(torch.zeros(5, 2), powers, ctf)
    for image in range(5):
        lost = [0.5 * float((ctf[image] * powers[k]).sum()) for k in range(2)]
        assert float(found[image, 1] - found[image, 0]) == pytest.approx(lost[0] - lost[1], abs=1e-6)


def test_that_a_strong_reference_leaves_the_images_of_a_weak_one(search: MultiReference) -> None:
    weak, other, third = _smooth(3, 3)
    # Nearly the same picture with more contrast: every image correlates better with it.
    views = torch.stack((weak, 2.5 * (weak + 0.7 * other), 1.2 * third))
    truth = torch.arange(3).repeat_interleave(20)
    images = views[truth] + torch.randn(60, BOX, BOX, generator=torch.Generator().manual_seed(7))
    scores = search.best(images, torch.zeros(60, 2), search.references(views)).scores
    fair = log_likelihoods(scores, reference_powers(views, RADIUS), None)
    assert torch.equal(equal_size(fair), truth)
    assert torch.equal(fair.argmax(1), truth)
    assert (scores.argmax(1) == 1)[truth == 0].all()
