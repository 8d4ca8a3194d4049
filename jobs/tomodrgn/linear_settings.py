"""How a linear start is fitted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinearSettings:
    """How a linear start is fitted.

    Attributes
    ----------
    n_modes
        Number of volumes beside the consensus.
    power_steps, steps
        Iterations without and with the prior of the latent states.
    strength
        Power of a volume relative to that of the consensus, expected before anything is known.
    least_correlation, largest_radius
        Frequencies are used up to the first shell in which half-sets of the consensus correlate less, and at
        most up to this many Fourier pixels.
    finest_radius
        The volumes that are found are then made once more, up to this many Fourier pixels at most.
    """

    n_modes: int = 8
    power_steps: int = 4
    steps: int = 10
    strength: float = 0.1
    least_correlation: float = 0.5
    largest_radius: int = 8
    finest_radius: int = 24
