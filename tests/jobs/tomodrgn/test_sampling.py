"""Drawn pixels: how often each is drawn, and that misfit and gradients are right on average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import jobs.tomodrgn.fused as fused
from jobs.core.errors import UserError
from jobs.maths.rotations import random_rotations
from jobs.tomodrgn.batches import Batch, PixelDraw
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.sampling import expected_sizes, inclusion, kept_pixels, systematic, with_draw

SMALL = ModelSettings(
    box=12,
    pixel_size_a=4.0,
    zdim=3,
    n_tilts=4,
    enc_dim_a=16,
    out_dim_a=8,
    enc_dim_b=16,
    dec_dim=24,
    dec_layers=2,
)


def _batch(model: TomoModel, weighted: bool) -> Batch:
    g = torch.Generator().manual_seed(0)
    m = len(model.plane.index)
    return Batch(
        coefficients=torch.randn(7, m, 2, generator=g),
        ctf=torch.randn(7, m, generator=g),
        weight=torch.rand(7, m, generator=g).sub(0.3).clamp(min=0) if weighted else None,
        rotations=random_rotations(7, g),
        owner=torch.tensor([0, 0, 0, 1, 2, 2, 2]),
        first=torch.tensor([0, 3, 4, 7]),
        particles=torch.arange(3),
    )


def _gradients(model: TomoModel, z: Tensor, batch: Batch) -> Tensor:
    """Misfit, and its gradients with respect to latent vectors and weights, in one row."""
    value = model.misfit(z, batch)
    parts = torch.autograd.grad(value, [z, *model.decoder.parameters()])
    return torch.cat([value.detach()[None], *(p.flatten() for p in parts)])


def test_that_probabilities_are_proportional_to_sizes_and_never_above_one() -> None:
    sizes = torch.tensor([[1.0, 2.0, 3.0, 4.0], [100.0, 1.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    expected = torch.tensor([[0.2, 0.4, 0.6, 0.8], [1.0, 0.25, 0.25, 0.5], [0.5, 0.5, 0.5, 0.5]])
    torch.testing.assert_close(inclusion(sizes, 2).float(), expected)


def test_that_probabilities_add_up_to_the_number_of_pixels_drawn() -> None:
    sizes = torch.rand(50, 97, generator=torch.Generator().manual_seed(1)).pow(4) + 1e-6
    for kept in (2, 48, 96):
        found = inclusion(sizes, kept)
        torch.testing.assert_close(found.sum(-1), torch.full((50,), float(kept), dtype=torch.float64))
        assert float(found.max()) <= 1
        assert float(found.min()) > 0


def test_that_pixels_are_drawn_as_often_as_their_probability_says() -> None:
    g = torch.Generator().manual_seed(2)
    probability = inclusion(torch.rand(1, 40, generator=g) + 0.1, 24)
    n = 20000
    chosen = systematic(probability.expand(n, -1), PixelDraw(24, torch.rand(n, generator=g)))
    assert bool((chosen.diff(dim=1) > 0).all())
    frequency = torch.bincount(chosen.flatten(), minlength=40) / n
    scatter = (probability[0] * (1 - probability[0]) / n).sqrt()
    assert float(((frequency - probability[0]).abs() / (scatter + 1e-9)).max()) < 4.5


def test_that_pixels_that_do_not_count_are_drawn_only_when_none_are_left() -> None:
    weight = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]])
    sizes = expected_sizes(torch.ones(1, 6), weight, torch.ones(1, 6, 2))
    few, many = (inclusion(sizes, kept)[0] for kept in (2, 4))
    assert float(few[3:].max()) < 1e-5
    assert float(many[:3].min()) == 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("consensus", [False, True])
def test_that_misfit_and_gradients_are_right_on_average(weighted: bool, consensus: bool) -> None:
    model = TomoModel(SMALL)
    if consensus:
        model.set_consensus(torch.randn(12, 12, 12, generator=torch.Generator().manual_seed(2)))
    batch, z = _batch(model, weighted), torch.ones(3, 3, requires_grad=True)
    whole = _gradients(model, z, batch)
    draws = _over_all_offsets(lambda drawn: _gradients(model, z, drawn), batch, 40)
    off = (draws - whole).norm(dim=1).mean()
    assert float((draws.mean(0) - whole).norm()) < 0.1 * float(off)
    # The value hardly scatters, because what images say without the network is not drawn.
    assert float(draws[:, 0].std()) < 0.05 * float(whole[0])


def _over_all_offsets(made: Callable[[Batch], Tensor], batch: Batch, n: int) -> Tensor:
    """What is made of draws whose offsets are spread evenly: their mean is the expectation."""
    return torch.stack([made(with_draw(batch, 0.5, torch.full((3,), (k + 0.5) / n))) for k in range(n)])


def test_that_large_images_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TomoModel(SMALL)
    batch, z = _batch(model, True), torch.ones(3, 3, requires_grad=True)
    uniform = torch.tensor([0.1, 0.2, 0.9])
    whole = [_gradients(model, z, b) for b in (batch, with_draw(batch, 0.6, uniform))]
    monkeypatch.setattr(fused, "_ROWS_CPU", 17)
    parts = [_gradients(model, z, b) for b in (batch, with_draw(batch, 0.6, uniform))]
    for one, other in zip(parts, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_that_the_same_numbers_draw_the_same_pixels_and_others_do_not() -> None:
    model = TomoModel(SMALL)
    batch, z = _batch(model, False), torch.ones(3, 3, requires_grad=True)
    one, same, other = (
        _gradients(model, z, with_draw(batch, 0.5, torch.full((3,), u))) for u in (0.25, 0.25, 0.75)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_that_all_pixels_are_the_exact_step() -> None:
    model = TomoModel(SMALL)
    batch, z = _batch(model, True), torch.ones(3, 3, requires_grad=True)
    drawn = with_draw(batch, 1.0, torch.rand(3, generator=torch.Generator().manual_seed(4)))
    assert torch.equal(_gradients(model, z, drawn), _gradients(model, z, batch))


def test_that_what_the_decoder_adds_to_has_its_gradient() -> None:
    model = TomoModel(SMALL)
    batch, z = _batch(model, True), torch.ones(3, 3)
    offset = torch.randn(7, len(model.plane.index), 2, generator=torch.Generator().manual_seed(5))
    offset.requires_grad_()
    slices = model.decoder.planes(model.xy, batch.rotations, z, batch.owner) + offset
    assert batch.weight is not None
    square = (slices * batch.ctf[..., None] - batch.coefficients).square().sum(-1)
    plain = torch.autograd.grad((square * batch.weight).sum(), offset)[0]
    found = torch.autograd.grad(model.decoder.misfit(model.xy, z, batch, offset), offset)[0]
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)
    draws = _over_all_offsets(
        lambda drawn: torch.autograd.grad(model.decoder.misfit(model.xy, z, drawn, offset), offset)[0],
        batch,
        40,
    )
    off = (draws - plain).flatten(1).norm(dim=1).mean()
    assert float((draws.mean(0) - plain).norm()) < 0.1 * float(off)


def test_that_fractions_are_above_nothing_and_at_most_all() -> None:
    assert kept_pixels(1, 97) == 97
    assert kept_pixels(0.5, 96) == 48
    assert kept_pixels(0.5, 97) == 48
    for fraction in (0.0, 1.1, -1.0):
        with pytest.raises(UserError, match="fraction of pixels"):
            kept_pixels(fraction, 97)


def test_that_a_draw_moves_with_its_batch() -> None:
    batch = with_draw(replace(_batch(TomoModel(SMALL), False)), 0.5, torch.rand(3)).to("cpu")
    assert batch.draw is not None
    assert len(batch.draw.offset) == 7
