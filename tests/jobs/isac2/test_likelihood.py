"""Power is taken off scores, so that a strong reference draws no images that show a weak one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from jobs.isac2.equal_size import equal_size
from jobs.isac2.lattice import Lattice
from jobs.isac2.likelihood import log_likelihoods, polar_deviation
from jobs.isac2.scoring import MultiReference
from jobs.maths.polar import PolarGrid

BOX, RADIUS = 36, 13


@pytest.fixture(scope="module")
def search() -> MultiReference:
    return MultiReference(PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1))


def _rings(search: MultiReference, images: Tensor) -> Tensor:
    """Samples ``(samples, n)`` on the rings, each image without its mean."""
    values = search.grid.table(BOX).sample(images)[0].double()
    return values - search.grid.sample_weights.double() @ values


def _smooth(seed: int, n: int) -> Tensor:
    blocks = torch.randn(n, 1, BOX // 4, BOX // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(blocks, size=(BOX, BOX), mode="bicubic")[:, 0]


def test_that_half_power_is_half_the_area_integral_of_the_square(search: MultiReference) -> None:
    pictures = _smooth(1, 4)
    rings = _rings(search, pictures)
    expected = 0.5 * (search.grid.sample_weights.double() @ rings.square())
    found = search.half_power(search.references(pictures)).double()
    # References have their mean taken off inside the disc, rings theirs along the rings.
    assert torch.allclose(found, expected, rtol=0.03)


def test_that_differences_are_those_of_squared_distances(search: MultiReference) -> None:
    pictures = _smooth(2, 3)
    rings = _rings(search, pictures)
    images = pictures + 2 * torch.randn(3, BOX, BOX, generator=torch.Generator().manual_seed(5))
    seen = _rings(search, images)
    weights = search.grid.sample_weights.double()
    correlation = torch.einsum("s,sn,sk->nk", weights, seen, rings)
    deviation = (weights @ seen.square()).sqrt()
    distance = torch.einsum("s,snk->nk", weights, (seen[:, :, None] - rings[:, None]).square())
    half = 0.5 * (weights @ rings.square())
    for image in range(3):
        sigma = deviation[image]
        found = log_likelihoods(correlation[image : image + 1] / sigma, half, sigma)[0] * sigma
        expected = -0.5 * distance[image]
        assert torch.allclose(found - found[0], expected - expected[0], atol=1e-9)
        assert abs(float(found.mean())) < 1e-9


def test_that_a_strong_reference_leaves_the_images_of_a_weak_one(search: MultiReference) -> None:
    weak, other, third = _smooth(3, 3)
    # Nearly the same picture with more contrast: every image correlates better with it.
    strong = 2.5 * (weak + 0.7 * other)
    views = torch.stack((weak, strong, 1.2 * third))
    truth = torch.arange(3).repeat_interleave(20)
    noise = torch.randn(60, BOX, BOX, generator=torch.Generator().manual_seed(7))
    images = views[truth] + noise
    references = search.references(views)
    scores = search.best(images, torch.zeros(60, 2), references).scores
    deviation = polar_deviation(search, images, torch.arange(60))
    fair = log_likelihoods(scores, search.half_power(references), deviation)
    assert torch.equal(equal_size(fair), truth)
    assert torch.equal(fair.argmax(1), truth)
    assert (scores.argmax(1) == 1)[truth == 0].all()


def test_that_the_deviation_is_that_of_images_on_their_rings(search: MultiReference) -> None:
    images = 3.0 * torch.randn(700, BOX, BOX, generator=torch.Generator().manual_seed(8))
    found = float(polar_deviation(search, images, torch.arange(700)))
    rings = _rings(search, images)
    expected = float((search.grid.sample_weights.double() @ rings.square()).sqrt().mean())
    # Between pixels two of each neighbourhood are averaged: less than the 3 of single ones.
    assert abs(found - expected) < 0.03 and 1.7 < found < 2.7
