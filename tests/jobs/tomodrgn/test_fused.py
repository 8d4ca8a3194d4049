"""Misfit and gradients in one pass against automatic differentiation of the plain formula."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import jobs.tomodrgn.fused as fused
from jobs.maths.rotations import random_rotations
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.loss import misfit
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings

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
        weight=torch.rand(7, m, generator=g) if weighted else None,
        rotations=random_rotations(7, g),
        owner=torch.tensor([0, 0, 0, 1, 2, 2, 2]),
        first=torch.tensor([0, 3, 4, 7]),
        particles=torch.arange(3),
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"activation": "leaky_relu"},
        {"pe_type": "gaussian", "pe_dim": 4},
        {"pe_type": "none"},
        {"zdim": 0},
        {"dec_layers": 0},
        {"pe_dim": 3, "dec_dim": 21},
    ],
    ids=["plain", "leaky", "gaussian", "coordinates", "homogeneous", "no hidden layer", "square first layer"],
)
def test_that_value_and_gradients_are_those_of_automatic_differentiation(
    change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "_ROWS_CPU", 130)  # several portions, the last one incomplete
    model = TomoModel(replace(SMALL, **change)).double()  # type: ignore[arg-type]
    batch = _batch(model, weighted=not change)
    doubled = {n: getattr(batch, n).double() for n in ("coefficients", "ctf", "rotations")}
    batch = replace(batch, **doubled, weight=None if batch.weight is None else batch.weight.double())
    zdim = model.settings.zdim
    z = (
        torch.randn(3, zdim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        if zdim
        else None
    )
    latent = [] if z is None else [z.requires_grad_()]
    wanted = [*model.decoder.parameters(), *latent]
    plain = misfit(model.slices(z, batch.owner, batch.rotations), batch)
    expected = torch.autograd.grad(0.3 * plain, wanted)
    value = model.misfit(z, batch, torch.float64)
    found = torch.autograd.grad(0.3 * value, wanted)
    torch.testing.assert_close(value.double(), plain.double(), rtol=1e-5, atol=1e-5)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other.double(), rtol=2e-4, atol=2e-4)


def test_that_a_consensus_is_part_of_the_misfit() -> None:
    model = TomoModel(SMALL)
    model.set_consensus(torch.randn(12, 12, 12, generator=torch.Generator().manual_seed(2)))
    batch, z = _batch(model, True), torch.ones(3, 3)
    plain = misfit(model.slices(z, batch.owner, batch.rotations), batch)
    torch.testing.assert_close(model.misfit(z, batch), plain, rtol=1e-4, atol=1e-3)
    with torch.no_grad():
        assert not model.misfit(z, batch).requires_grad


def test_that_gradients_in_brain_floats_point_the_same_way() -> None:
    model = TomoModel(replace(SMALL, dec_dim=64))
    batch, z = _batch(model, False), torch.ones(3, 3)
    exact = torch.autograd.grad(model.misfit(z, batch), list(model.decoder.parameters()))
    rough = torch.autograd.grad(model.misfit(z, batch, torch.bfloat16), list(model.decoder.parameters()))
    for one, other in zip(rough, exact, strict=True):
        assert float(torch.cosine_similarity(one.flatten(), other.flatten(), dim=0)) > 0.995
