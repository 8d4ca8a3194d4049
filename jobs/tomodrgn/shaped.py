"""A decoder whose answers have the spectrum of the consensus: large where the structure is, small elsewhere.

Differences between structures fall off with frequency as the structure itself does. A network that answers in
units of the consensus' own amplitude at each frequency has numbers of one size to learn, and has no room for
noise where the consensus has none to show.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from jobs.maths.fourier import shell_average, volume_to_rfft
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.decoder import Decoder
from jobs.tomodrgn.model import TomoModel


class ShapedDecoder(Decoder):
    """A decoder multiplied by an amplitude for each shell, ``(box // 2 + 1,)``, linear between shells."""

    envelope: Tensor

    def planes(self, xy: Tensor, rotations: Tensor, z: Tensor | None, owner: Tensor | None) -> Tensor:
        """As of :class:`Decoder`."""
        return super().planes(xy, rotations, z, owner) * self._amplitude(xy)

    def points(self, positions: Tensor, z: Tensor | None) -> Tensor:
        """As of :class:`Decoder`."""
        return super().points(positions, z) * self._amplitude(positions)

    def misfit(
        self,
        xy: Tensor,
        z: Tensor | None,
        batch: Batch,
        offset: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """As of :class:`Decoder`: the amplitude is part of what multiplies a slice."""
        amplitude = self._amplitude(xy)
        inner = replace(batch, ctf=batch.ctf * amplitude[:, 0])
        return super().misfit(xy, z, inner, None if offset is None else offset / amplitude, dtype)

    def _amplitude(self, positions: Tensor) -> Tensor:
        """Amplitude at frequencies ``(m, 2 or 3)`` in cycles/pixel, ``(m, 1)``."""
        radius = (positions.norm(dim=-1) * self.settings.box).clamp(max=len(self.envelope) - 1.001)
        shell = radius.floor().long()
        part = radius - shell
        return torch.lerp(self.envelope[shell], self.envelope[shell + 1], part)[..., None]


def shape_decoder(model: TomoModel, envelope: Tensor) -> None:
    """Give the decoder of a model an amplitude for each shell, ``(box // 2 + 1,)``."""
    decoder = model.decoder
    decoder.__class__ = ShapedDecoder
    decoder.register_buffer("envelope", envelope.detach().float().to(model.xy.device))


def amplitude_of(volume: Tensor) -> Tensor:
    """Root mean square amplitude in each shell of the slices of a volume ``(d, d, d)``, ``(d // 2 + 1,)``.

    The zero frequency takes that of the first shell.
    """
    d = volume.shape[-1]
    power = shell_average(volume_to_rfft(volume).abs().square(), d, 3) * d
    power[0] = power[1]
    # Never nothing: a network must be able to answer wherever it is asked.
    return power.sqrt().clamp(min=1e-3 * float(power.max()) ** 0.5)
