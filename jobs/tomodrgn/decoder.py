"""The decoder: the Fourier coefficient of the volume at any spatial frequency, given the latent vector."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.encodings import encode_planes, encode_positions, n_features, wave_vectors
from jobs.tomodrgn.fused import Samples, fused_misfit
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.networks import ResidualMLP, new_linear


class Decoder(nn.Module):
    """Residual perceptron of the encoded frequency and the latent vector.

    The first layer is split: what it makes of the latent vector is computed once per particle and added to
    what it makes of each frequency, which is the same as one layer of both side by side.

    Parameters
    ----------
    settings
        Shapes.
    generator
        Source (CPU) of the initial weights.
    """

    waves: Tensor | None
    envelope: Tensor | None

    def __init__(self, settings: ModelSettings, generator: torch.Generator) -> None:
        super().__init__()
        s = self.settings = settings
        waves = wave_vectors(s.pe_type, s.box, s.pe_dim, s.feat_sigma, s.seed)
        self.register_buffer("waves", waves)
        #: ``(box // 2 + 1,)`` amplitude that answers of each shell are multiplied with, or None.
        self.register_buffer("envelope", None)
        n_in = n_features(waves)
        self.mlp = ResidualMLP(n_in + s.zdim, s.dec_layers, s.dec_dim, 2, s.activation, generator)
        whole, self.latent = self.mlp.first, None
        if s.zdim:
            # Both parts keep the initial spread of the undivided layer.
            self.mlp.first = new_linear(n_in, s.dec_dim, generator)
            self.latent = nn.Linear(s.zdim, s.dec_dim, bias=False)
            with torch.no_grad():
                self.mlp.first.weight.copy_(whole.weight[:, :n_in])
                self.mlp.first.bias.copy_(whole.bias)
                self.latent.weight.copy_(whole.weight[:, n_in:])

    def planes(self, xy: Tensor, rotations: Tensor, z: Tensor | None, owner: Tensor | None) -> Tensor:
        """Coefficients ``(n, m, 2)`` at samples ``(m, 2)`` (cycles/pixel) of rotated planes ``(n, 3, 3)``.

        ``z`` is ``(p, zdim)`` and ``owner`` ``(n,)`` the row of each plane's particle in it.
        """
        features, sign = encode_planes(xy * self._scale, rotations, self.waves)
        out = self._evaluate(features, z, owner)
        out = torch.stack((out[..., 0], out[..., 1] * sign), dim=-1)
        return out if self.envelope is None else out * self._amplitude(xy)

    def points(self, positions: Tensor, z: Tensor | None) -> Tensor:
        """Coefficients ``(k, m, 2)`` at ``(m, 3)`` frequencies (x, y, z in cycles/pixel, in the half space).

        ``z`` is ``(k, zdim)``; without it ``k`` is 1.
        """
        features = encode_positions(positions * self._scale, self.waves)
        out = self._evaluate(features[None], z, None)
        return out if self.envelope is None else out * self._amplitude(positions)

    def _amplitude(self, positions: Tensor) -> Tensor:
        """Amplitude at frequencies ``(m, 2 or 3)`` in cycles/pixel, ``(m, 1)``."""
        assert self.envelope is not None
        radius = (positions.norm(dim=-1) * self.settings.box).clamp(max=len(self.envelope) - 1.001)
        shell = radius.floor().long()
        return torch.lerp(self.envelope[shell], self.envelope[shell + 1], radius - shell)[..., None]

    @property
    def _scale(self) -> float:
        return self.settings.l_extent / 0.5

    def misfit(
        self,
        xy: Tensor,
        z: Tensor | None,
        batch: Batch,
        offset: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Sum of ``weight |ctf slice - coefficient|^2`` over a batch; gradients come in the same pass."""
        if self.envelope is not None:
            # The amplitude is part of what multiplies a slice.
            amplitude = self._amplitude(xy)
            batch = replace(batch, ctf=batch.ctf * amplitude[:, 0])
            offset = None if offset is None else offset / amplitude
        samples = Samples(
            xy * self._scale,
            self.waves,
            batch.rotations,
            batch.coefficients,
            batch.ctf,
            batch.weight,
            offset,
            batch.draw,
        )
        said = self._said(z)
        if said is None:
            bias = self.mlp.first.bias.expand(len(batch.rotations), -1)
        else:
            bias = (said + self.mlp.first.bias)[batch.owner]
        first, _ = self._first()
        leaky = self.settings.activation == "leaky_relu"
        return fused_misfit(samples, bias, [first, *self.mlp.matrices_after_first()], leaky, dtype)

    def _evaluate(self, features: Tensor, z: Tensor | None, owner: Tensor | None) -> Tensor:
        sums = linear(features, self._first()[0], self.mlp.first.bias)
        said = self._said(z)
        if said is not None:
            sums = sums + (said if owner is None else said[owner])[:, None]
        return self.mlp.rest(sums).float()

    def _said(self, z: Tensor | None) -> Tensor | None:
        """What the first layer makes of latent vectors, ``(p, h)``."""
        matrix = self._first()[1]
        if matrix is None:
            return None
        if z is None:
            raise ValueError("this model has a latent space: a latent vector is needed")
        return linear(z, matrix)

    def _first(self) -> tuple[Tensor, Tensor | None]:
        """Matrices of the first layer for features and latent vector; of a square one, with the identity."""
        features = self.mlp.first.weight
        latent = None if self.latent is None else self.latent.weight
        n, width = features.shape[1], len(features)
        if n + self.settings.zdim == width:
            identity = torch.eye(width, device=features.device)
            features = features + identity[:, :n]
            latent = None if latent is None else latent + identity[:, n:]
        return features, latent
