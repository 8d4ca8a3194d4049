"""A linear start for a model: consensus plus a few volumes, fitted exactly before networks learn the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.consensus import support
from jobs.tomodrgn.linear_fit import LinearFit
from jobs.tomodrgn.linear_settings import LinearSettings
from jobs.tomodrgn.shaped import amplitude_of

if TYPE_CHECKING:
    from jobs.tomodrgn.encoding_pass import Showing
    from jobs.tomodrgn.model import TomoModel

#: Factor on what a decoder beside a consensus answers before it has learnt anything.
_QUIET = 0.3


def start_linearly(
    model: TomoModel,
    showing: Showing,
    bank: ImageBank,
    images: Tensor | None,
    correlation: Tensor,
    settings: LinearSettings | None = None,
    each: Callable[[int, int], None] = lambda done, of: None,
) -> LinearFit:
    """Fit a linear start, give it to a model, and let its networks begin with nothing to add.

    Parameters
    ----------
    model, showing
        The model with its consensus, and how it is shown images.
    bank, images
        Images, and which of them take part; None = all.
    correlation
        ``(D // 2 + 1,)`` Fourier shell correlation of half-sets of the consensus.
    settings
        How; the number of volumes is that of latent dimensions, at most that of the settings.
    each
        Called with passes over the images done and in all, in each of them several times; may raise to stop.
    """
    assert model.consensus is not None and model.encoder is not None
    chosen = settings or LinearSettings()
    chosen = replace(chosen, n_modes=min(chosen.n_modes, model.settings.zdim, bank.n - 1))
    power, mask = amplitude_of(model.consensus).square(), support(model.consensus)

    radius = radius_of(correlation, chosen, chosen.largest_radius)
    finest = radius_of(correlation, chosen, chosen.finest_radius)
    passes, seen = 2 * (chosen.power_steps + chosen.steps) + (3 if finest > radius else 1), 0

    def passed(count: int) -> None:
        nonlocal seen
        seen += count
        each(seen // bank.n, passes)

    def fit_to(radius: int) -> LinearFit:
        return LinearFit(
            bank,
            lambda batch: showing.left(showing.whitened(batch)),
            power,
            mask,
            radius,
            chosen,
            images,
            seed=model.settings.seed,
            each=passed,
        )

    with torch.no_grad():
        fit = fit_to(radius)
        fit.run()
        if finest > radius:
            fit = fit_to(finest).refine(fit)
        model.set_modes(fit.volumes, fit.doubt)
        for layer in (model.encoder.particle.last, model.decoder.mlp.last):
            layer.weight.zero_()  # type: ignore[union-attr, operator]
            layer.bias.zero_()  # type: ignore[union-attr, operator]
    return fit


@torch.no_grad()
def quieten(model: nn.Module) -> None:
    """Let a decoder that adds to a consensus begin with little to add."""
    last = model.decoder.mlp.last  # type: ignore[union-attr]
    last.weight.mul_(_QUIET)  # type: ignore[union-attr, operator]
    last.bias.mul_(_QUIET)  # type: ignore[union-attr, operator]


def radius_of(correlation: Tensor, settings: LinearSettings, most: int) -> int:
    """Frequency in Fourier pixels up to which half-sets agree, at most ``most``."""
    good = (correlation > settings.least_correlation).tolist()
    reach = good.index(False) - 1 if False in good else len(good)
    return min(max(3, min(reach, most)), len(good) - 3)
