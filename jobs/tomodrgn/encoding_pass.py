"""Latent states of all particles of a set: one pass of the encoder, with all images and nothing random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.particle_frame import ParticleFrame

if TYPE_CHECKING:
    from jobs.tomodrgn.bank import ImageBank
    from jobs.tomodrgn.model import BaseSlices


class Showing:
    """How batches are shown to an encoder.

    Models with a consensus see differences from it in the frame of the particle, see
    :mod:`jobs.tomodrgn.particle_frame`; models without one see the images.

    Parameters
    ----------
    model
        A :class:`jobs.tomodrgn.model.TomoModel`.
    bank
        Images.
    noise
        ``(D // 2 + 1,)`` standard deviation of the noise in each shell; None = 1.
    """

    def __init__(self, model: Any, bank: ImageBank, noise: Tensor | None = None) -> None:
        self.model = model
        self.frame = None if model.consensus is None else ParticleFrame(bank.plane)
        self._precision: Tensor | None = None
        if noise is not None:
            shell = bank.plane.xy.norm(dim=1).round().long()
            self._precision = 1 / noise.to(bank.device)[shell]

    def whitened(self, batch: Batch) -> Batch:
        """The same images in units of the noise at each frequency."""
        if self._precision is None:
            return batch
        return replace(
            batch,
            coefficients=batch.coefficients * self._precision[:, None],
            ctf=batch.ctf * self._precision,
        )

    def shown(self, batch: Batch) -> Batch:
        """What the encoder is given for whitened images."""
        if self.frame is None:
            return batch
        return self.frame.shown(self.left(batch))

    def left(self, batch: Batch, consensus: Tensor | None = None) -> Batch:
        """What the consensus leaves of whitened images; its slices may be known already."""
        if consensus is None:
            consensus = self.model.consensus_slices(batch.rotations)
        return replace(batch, coefficients=batch.coefficients - consensus * batch.ctf[..., None])

    def encode(self, batch: Batch, base: BaseSlices | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance ``(p, zdim)`` of the particles of a whitened batch.

        With a linear part, the encoder corrects what that part says exactly. ``base`` is what
        :meth:`jobs.tomodrgn.model.TomoModel.base_slices` gives for these images.
        """
        if self.frame is None:
            mean, log_variance = self.model.encode(batch)
            return mean, log_variance
        base = base or self.model.base_slices(batch.rotations)
        assert base is not None
        left = self.left(batch, base.consensus)
        mean, log_variance = self.model.encode(self.frame.shown(left))
        linear = self.model.linear_posterior(left, base.modes)
        if linear is not None:
            mean, log_variance = mean + linear[0], log_variance + linear[1]
        return mean, log_variance


def encode_particles(
    model: Any,
    bank: ImageBank,
    noise: Tensor | None = None,
    *,
    images: Tensor | None = None,
    batch_size: int = 32,
    each: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of all particles ``(P, zdim)`` on the CPU.

    Parameters
    ----------
    model, bank
        The model, in evaluation, and the images.
    noise
        As kept in the checkpoint under ``noise``.
    images
        ``(N,)`` bool, the images to look at; None = all.
    batch_size
        Particles at a time.
    each
        Called with particles done and in all.
    """
    showing = Showing(model, bank, noise)
    means, log_variances = [], []
    with torch.no_grad():
        for batch in bank.ordered(batch_size, images):
            mean, log_variance = showing.encode(showing.whitened(batch))
            means.append(mean)
            log_variances.append(log_variance)
            each(int(batch.particles[-1]) + 1, bank.n)
    return torch.cat(means).cpu(), torch.cat(log_variances).cpu()
