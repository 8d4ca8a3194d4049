"""The encoder: from the images of a particle to the distribution of its latent vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.networks import ResidualMLP, activation_of
from jobs.tomodrgn.pooling import SetEncoder, pool_max, pool_mean, pool_median, to_slots


class Encoder(nn.Module):
    """A network sees each image, pooling brings the images of a particle together, a second network answers.

    The concatenation has as many slots as the particle with most images needs; image ``j`` of a particle
    takes slot ``j``, and a learnt vector stands in slots that have none. The other poolings have no slots.

    Parameters
    ----------
    settings
        Shapes.
    generator
        Source (CPU) of the initial weights.
    """

    seen: Tensor

    def __init__(self, settings: ModelSettings, generator: torch.Generator) -> None:
        super().__init__()
        s = self.settings = settings
        radius = s.enc_mask if s.enc_mask is not None and s.enc_mask >= 0 else float(s.box)
        xy = s.plane().xy
        self.register_buffer(
            "seen", torch.nonzero((xy * xy).sum(-1) <= radius**2 + 1e-3)[:, 0], persistent=False
        )
        self.image = ResidualMLP(
            2 * len(self.seen), s.enc_layers_a, s.enc_dim_a, s.out_dim_a, s.activation, generator
        )
        self.activation = activation_of(s.activation)
        self.particle: nn.Module
        if s.pooling_function == "set_encoder":
            self.particle = SetEncoder(
                s.out_dim_a,
                s.enc_dim_b,
                2 * s.zdim,
                seeds=s.num_seeds,
                heads=s.num_heads,
                layer_norm=s.layer_norm,
                generator=generator,
            )
        else:
            pooled = s.out_dim_a * (s.n_tilts if s.pooling_function == "concatenate" else 1)
            self.particle = ResidualMLP(
                pooled, s.enc_layers_b, s.enc_dim_b, 2 * s.zdim, s.activation, generator
            )
        if s.pooling_function == "concatenate":
            self.missing = nn.Parameter(torch.zeros(s.n_tilts, s.out_dim_a))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latent vectors, ``(p, zdim)`` float32 each."""
        coefficients, ctf = batch.coefficients, batch.ctf
        if len(self.seen) != coefficients.shape[1]:
            coefficients, ctf = coefficients[:, self.seen], ctf[:, self.seen]
        # Phases are flipped where the CTF is negative; where it is squared it never is.
        sign = torch.where(ctf < 0, -1.0, 1.0)
        values = self.image((coefficients * sign[..., None]).flatten(1))
        pooled = self._pool(values, batch.owner, batch.first)
        return self._split(pooled.float())

    def _pool(self, values: Tensor, owner: Tensor, first: Tensor) -> Tensor:
        kind = self.settings.pooling_function
        if kind == "concatenate":
            slots = to_slots(values, owner, first, self.settings.n_tilts, self.missing)
            return self.particle(self.activation(slots.flatten(1)))
        if kind == "max":
            return self.particle(self.activation(pool_max(values, owner, first)))
        if kind == "mean":
            return self.particle(self.activation(pool_mean(values, owner, first)))
        # Any number of slots that is large enough gives the same; the known one spares a wait for a GPU.
        slots_needed = self.settings.n_tilts
        if not values.is_cuda:
            slots_needed = int((first[1:] - first[:-1]).max())
        if kind == "median":
            return self.particle(self.activation(pool_median(values, owner, first, slots_needed)))
        return self.particle(values, owner, first, slots_needed)

    def _split(self, answer: Tensor) -> tuple[Tensor, Tensor]:
        zdim = self.settings.zdim
        return answer[:, :zdim], answer[:, zdim:]
