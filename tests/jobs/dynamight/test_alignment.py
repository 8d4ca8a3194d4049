"""Latent axes: turned without moving anything, ordered by motion, the same in both half-sets."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from jobs.dynamight.alignment import align_halves, linear_response
from jobs.dynamight.half_training import HalfTraining
from jobs.dynamight.setup import Prepared
from jobs.simulate.simulation import Simulation

Halves = tuple[HalfTraining, HalfTraining]


@pytest.fixture
def halves(trained: Prepared) -> Halves:
    """Both half-sets of the finished training, to be spoilt; each in latent axes of its own."""
    images, trained_halves = trained.images, trained.training.halves
    copies = copy.deepcopy(trained_halves, {id(images): images})
    for number, half in enumerate(copies):
        turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(number))).Q
        half.latents.rotate(turn)
        half.model.field.rotate_latents(turn)
    return copies


@torch.no_grad()
def _displacements(half: HalfTraining) -> Tensor:
    anywhere = 25 * torch.randn(30, 3, generator=torch.Generator().manual_seed(7))
    return half.model.displacement(half.latents.means, anywhere)


def _responses(halves: Halves) -> tuple[Tensor, Tensor]:
    points = halves[0].model.positions.detach()
    with torch.no_grad():
        first, second = (
            linear_response(half.model, half.latents.means[half.training], points) for half in halves
        )
    return first, second


def test_that_alignment_moves_no_particle(halves: Halves) -> None:
    before = [_displacements(half) for half in halves]
    align_halves(halves)
    for half, displacement in zip(halves, before, strict=True):
        scale = float(displacement.square().mean().sqrt())
        assert float((_displacements(half) - displacement).abs().max()) < 1e-3 * scale


def test_that_the_axes_of_half_set_1_are_its_principal_motions_largest_first(halves: Halves) -> None:
    align_halves(halves)
    response, _ = _responses(halves)
    sizes = response.norm(dim=1)
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    along = torch.nn.functional.normalize(response, dim=1)
    assert float((along @ along.T - torch.eye(3)).abs().max()) < 0.01
    # A hinge has one large motion.
    assert float(sizes[0]) > 2 * float(sizes[1])


def test_that_no_further_turn_would_match_half_set_2_better(halves: Halves) -> None:
    align_halves(halves)
    first, second = _responses(halves)
    overlap = second @ first.T
    best = torch.linalg.svdvals(overlap).sum()
    # The trace is at its largest for the rotation that Procrustes asks for.
    assert float(overlap.trace()) == pytest.approx(float(best), rel=1e-4)


def test_that_the_leading_motions_of_both_half_sets_agree(halves: Halves) -> None:
    align_halves(halves)
    first, second = _responses(halves)
    cosine = torch.nn.functional.cosine_similarity(first[0], second[0], dim=0)
    assert float(cosine) > 0.8


def test_that_a_turned_copy_of_half_set_1_is_turned_back(halves: Halves) -> None:
    first = halves[0]
    twin = copy.deepcopy(first, {id(first.images): first.images})
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(9))).Q
    twin.latents.rotate(turn)
    twin.model.field.rotate_latents(turn)
    align_halves((first, twin))
    leading = (first.latents.means[:, 0], twin.latents.means[:, 0])
    assert float(torch.corrcoef(torch.stack(leading))[0, 1]) > 0.999


def test_that_alignment_is_repeatable(halves: Halves) -> None:
    align_halves(halves)
    first = halves[0].latents.means.clone()
    align_halves(halves)
    assert torch.allclose(halves[0].latents.means, first, atol=1e-3)


def test_that_a_training_ends_with_aligned_axes(trained: Prepared, tiny: Simulation) -> None:
    response, _ = _responses(trained.training.halves)
    sizes = response.norm(dim=1).tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert tiny.truth.n_images == trained.particles.n
