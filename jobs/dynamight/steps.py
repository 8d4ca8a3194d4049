"""How steps of a training are made, and what they find: step sizes, passes, losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepSizes:
    """Learning rates and weights of the training.

    Attributes
    ----------
    field, latents, positions_a, amplitudes
        Step sizes of the networks, the particles' states, the Gaussians' positions (Å), and logarithms of
        their amplitudes and widths.
    prior
        Weight of the prior of the latent states; 1 is the evidence bound.
    restraint
        Regularisation factor.
    weight_decay
        Of the field's weights.
    """

    field: float = 4e-3
    latents: float = 0.15
    positions_a: float = 0.02
    amplitudes: float = 0.01
    prior: float = 1.0
    restraint: float = 1.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Pass:
    """How one pass over the particles is made.

    Attributes
    ----------
    box
        Working box.
    rate
        Factor on all step sizes.
    move
        Whether anything moves; False during warm-up.
    structure
        Whether the consensus Gaussians are learnt.
    poses
        Whether poses are refined.
    """

    box: int
    rate: float = 1.0
    move: bool = True
    structure: bool = True
    poses: bool = False


@dataclass(frozen=True)
class StepLosses:
    """What our part of a batch adds to the means over the whole batch, with the leaves of its graph.

    Attributes
    ----------
    data, prior, geometry, penalty
        Negative log-likelihood and prior in nats, restraint in Å², prior of the poses; numbers.
    mean, log_sd, corrections
        States and poses of our particles.
    """

    data: Tensor
    prior: Tensor
    geometry: Tensor
    penalty: Tensor
    mean: Tensor
    log_sd: Tensor
    corrections: Tensor | None

    def whole(self, prior: float, restraint: Tensor) -> Tensor:
        """What is minimised."""
        return self.data + prior * self.prior + restraint * self.geometry + self.penalty

    @torch.no_grad()
    def sums(self, n: int, learn: bool) -> Tensor:
        """Sums over our particles of data, prior, restraint, and of what is held out, ``(5,)``."""
        zero = torch.zeros_like(self.data)
        if not learn:
            return n * torch.stack((zero, zero, zero, self.data + self.prior, zero))
        return n * torch.stack((self.data, self.prior, self.geometry, zero, zero))
