"""Refinement of particle poses along with the motion.

Every particle has a small rotation and shift that start at zero and are pulled back to it by a normal prior:
a pose found against the blurred consensus may be off by a degree, but the noise of one image must not turn
into a rotation.  Steps are taken once per epoch and particle, with the step sizes of DynaMight.
"""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.dynamight.latents import RowAdam
from jobs.maths.rotations import axis_angle_to_matrix

#: Prior standard deviations of the corrections: degrees, and Å.
ROTATION_PRIOR_DEG = 1.5
SHIFT_PRIOR_A = 1.5


class PoseCorrections:
    """Rotation vectors (radians, in the projection frame) and shifts (Å) of ``p`` particles, ``(p, 5)``."""

    def __init__(self, n_particles: int, device: torch.device) -> None:
        self.rows = RowAdam(torch.zeros(n_particles, 5, device=device))
        radians = torch.deg2rad(torch.tensor(ROTATION_PRIOR_DEG)).item()
        self._prior_sd = torch.tensor([radians] * 3 + [SHIFT_PRIOR_A] * 2, device=device)
        # A tenth of the prior per visit: it takes tens of epochs to get anywhere, and never jumps.
        self._rate = 0.1 * self._prior_sd

    def leaf(self, rows: Tensor) -> Tensor:
        """Corrections ``(b, 5)`` of some particles as a leaf of a new graph."""
        return self.rows.table[rows].clone().requires_grad_()

    def penalty(self, corrections: Tensor) -> Tensor:
        """Negative log prior ``(b,)`` in nats."""
        return 0.5 * ((corrections / self._prior_sd) ** 2).sum(1)

    def step(self, rows: Tensor, corrections: Tensor, scale: float, rate: float) -> None:
        """Update rows from the gradient of their leaf, multiplied by ``scale``; ``rate`` scales the steps."""
        assert corrections.grad is not None
        self.rows.step(rows, corrections.grad * scale, self._rate * rate)


def apply_corrections(corrections: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
    """Corrected rotations ``(b, 3, 3)`` and shifts ``(b, 2)`` in Å."""
    return torch.matmul(axis_angle_to_matrix(corrections[:, :3]), rotations), corrections[:, 3:]
