"""The decoder: the Fourier coefficient of the volume at any spatial frequency, given the latent vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jobs.tomodrgn.encodings import encode_planes, encode_positions, n_features, wave_vectors
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

    def __init__(self, settings: ModelSettings, generator: torch.Generator) -> None:
        super().__init__()
        s = self.settings = settings
        waves = wave_vectors(s.pe_type, s.box, s.pe_dim, s.feat_sigma, s.seed)
        self.register_buffer("waves", waves)
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
        return torch.stack((out[..., 0], out[..., 1] * sign), dim=-1)

    def points(self, positions: Tensor, z: Tensor | None) -> Tensor:
        """Coefficients ``(k, m, 2)`` at ``(m, 3)`` frequencies (x, y, z in cycles/pixel, in the half space).

        ``z`` is ``(k, zdim)``; without it ``k`` is 1.
        """
        features = encode_positions(positions * self._scale, self.waves)
        return self._evaluate(features[None], z, None)

    @property
    def _scale(self) -> float:
        return self.settings.l_extent / 0.5

    def _evaluate(self, features: Tensor, z: Tensor | None, owner: Tensor | None) -> Tensor:
        sums = self.mlp.first(features)
        if self.latent is not None:
            if z is None:
                raise ValueError("this model has a latent space: a latent vector is needed")
            said = self.latent(z)
            sums = sums + (said if owner is None else said[owner])[:, None]
        return self.mlp.rest(sums).float()
