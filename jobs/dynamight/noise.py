"""The noise of the images: its power per Fourier shell, and the weight of every coefficient that follows."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.maths.fourier import radius_rfft, rfft_weights, shell_average, shell_index


class NoiseModel:
    """Power of the noise in shells of one Fourier pixel, estimated from what the model leaves unexplained.

    Parameters
    ----------
    full_box: int
        Largest working box.
    image_box: int
        Side of the images; the B-factor weight is relative to their Nyquist frequency.
    device: torch.device
        Where the weights are needed.
    by_shell: bool
        False gives every shell the same power (DynaMight's ``--no-use-data-normalization``).
    falloff: float
        The weight of a coefficient at the Nyquist frequency is lowered by ``exp(-falloff)``.
    """

    def __init__(
        self, full_box: int, image_box: int, device: torch.device, by_shell: bool = True, falloff: float = 0.0
    ) -> None:
        self.full_box, self.image_box, self.device = full_box, image_box, device
        self.by_shell, self.falloff = by_shell, falloff
        self.power = torch.ones(full_box // 2 + 1, device=device)

    def precision(self, box: int) -> Tensor:
        """Weights ``(d, d // 2 + 1)`` of squared residuals at a working box.

        They hold the multiplicity of the half plane.  The constant term and everything at or beyond the
        Nyquist frequency of the working box have no weight.
        """
        radius = radius_rfft(box, self.device)
        shell = shell_index(box, self.device).clamp(max=self.full_box // 2)
        compared = (radius > 0) & (radius < box / 2 - 0.5)
        falloff = torch.exp(-self.falloff * (2 * radius / self.image_box) ** 2)
        return rfft_weights(box, self.device) * compared * falloff / self.power[shell]

    def n_compared(self, box: int) -> float:
        """How many (real) Fourier coefficients of an image are compared at a working box."""
        return float((self.precision(box) > 0).mul(rfft_weights(box, self.device)).sum())

    def normaliser(self, box: int) -> float:
        """What the log-likelihood lacks to be comparable between noise estimates, nats per image."""
        shell = shell_index(box, self.device).clamp(max=self.full_box // 2)
        counted = self.precision(box) * self.power[shell]
        return float(0.5 * (counted * self.power[shell].log()).sum())

    def update(self, mean_square_residual: Tensor, memory: float = 0.0) -> None:
        """Learn from the mean square ``(D, D // 2 + 1)`` of residuals at the full working box.

        Parameters
        ----------
        mean_square_residual: torch.Tensor
            Averaged over images.
        memory: float
            Part of the old estimate that is kept.
        """
        power = shell_average(mean_square_residual, self.full_box)
        power[0] = power[1]
        # A shell without any residual (empty images) would get infinite weight.
        power = power.clamp(min=1e-6 * float(power.max().clamp(min=1e-12)))
        if not self.by_shell:
            power = power[1:-1].mean().expand_as(power).clone()
        self.power = memory * self.power + (1 - memory) * power
