"""What held-out images say: places and volumes of particles by the images that were taught and the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.formats.pickles import write_pickles
from jobs.maths.fsc import resolution_at
from jobs.tomodrgn.convergence_latent import divergence, log_high
from jobs.tomodrgn.volume_space import correlations, mask_of, shells

if TYPE_CHECKING:
    from jobs.tomodrgn.analysis_staging import Reporter
    from jobs.tomodrgn.convergence_settings import ConvergenceSettings
    from jobs.tomodrgn.old_folders import TrainedFolder
    from jobs.tomodrgn.trained_model import Trained

Array = NDArray[Any]


def compare_held_out(
    folder: TrainedFolder,
    epochs: Sequence[int],
    settings: ConvergenceSettings,
    reporter: Reporter,
    place: Path,
) -> Array:
    """Compare what taught and held-out images say of the same particles, where the images were split.

    Writes ``convergence_latent_kld.{e}.pkl`` (divergence of every particle),
    ``convergence_volumes_sel.{e}.pkl`` (particles whose volumes are compared),
    ``convergence_volumes_testtrain_correlation.{e}.pkl`` (frequency in 1/px at which the Fourier shell
    correlation of the two volumes of a particle falls to 0.5) and
    ``convergence_volumes_testtest_scale.{e}.pkl`` (sum over pairs of particles of 1 - CC of the taught volume
    of one and the held-out volume of the other).

    Returns
    -------
    numpy.ndarray
        ``(n,)`` logarithm of the 90th percentile of the divergence at each epoch; empty where the images were
        not split at one of them.
    """
    if any(folder.latent_file(epoch, "test") is None for epoch in epochs):
        return np.zeros(0)
    found = []
    for number, epoch in enumerate(epochs):
        reporter.progress("held-out images", number, len(epochs))
        (mean, width), (other, other_width) = folder.latent(epoch), folder.latent(epoch, "test")
        if width is None or other_width is None or mean.shape != other.shape:
            return np.zeros(0)
        apart = divergence(other, other_width, mean, width)
        write_pickles(place / f"convergence_latent_kld.{epoch}.pkl", apart)
        found.append(log_high(apart))
        if settings.n_test > 0 and not settings.skip_volumes:
            _volumes(folder.model(epoch, settings.device), mean, other, settings, epoch, place)
    reporter.progress("held-out images", len(epochs), len(epochs))
    return np.array(found)


def _volumes(
    trained: Trained, mean: Array, other: Array, settings: ConvergenceSettings, epoch: int, place: Path
) -> None:
    rng = np.random.default_rng(settings.subset_seed)
    rows = np.sort(rng.choice(len(mean), min(settings.n_test, len(mean)), replace=False))
    # Small enough for all of them to be in memory.
    box = min(settings.volumes.box or trained.box, settings.test_box, trained.box)
    box -= box % 2
    taught, held_out = (
        list(trained.volumes(torch.from_numpy(z[rows]), box=box).cpu().numpy()) for z in (mean, other)
    )
    agreement = []
    for a, b in zip(taught, held_out, strict=True):
        curve = torch.from_numpy(shells(a, b, mask_of([a, b], settings.mask)))
        # In 1/px, and with shell 0 out of the way, which is the mean.
        agreement.append(1 / resolution_at(curve, 1.0, 0.5))
    scale = float((1 - correlations(taught, held_out, mask_of(taught, settings.mask))).sum())
    write_pickles(place / f"convergence_volumes_sel.{epoch}.pkl", rows)
    write_pickles(place / f"convergence_volumes_testtrain_correlation.{epoch}.pkl", np.array(agreement))
    write_pickles(place / f"convergence_volumes_testtest_scale.{epoch}.pkl", scale)
