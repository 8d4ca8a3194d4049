"""What a training is told: how long, how fast, and how strongly the latent space is held to its prior."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from jobs.core.errors import UserError


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training, of a network with a latent space or without.

    Attributes
    ----------
    epochs, batch_size
        Passes over the particles, and particles of a step.
    lr, weight_decay
        Of AdamW. The rate of a step is ``lr`` times :attr:`rate_factor`, after a warm-up.
    beta
        Weight of the divergence: a number, one of the schedules ``a`` to ``e``, or None for ``1 / zdim``.
        With ``beta_control`` the divergence that is aimed at.
    beta_control
        Weight of the squared distance of the divergence from ``beta``; None = the divergence itself counts.
    checkpoint_every
        Epochs between checkpoints; the last epoch always has one.
    seed
        Of everything random.
    fraction_train
        Part of each particle's images that teaches.
    warm_up_steps, rate_factor, eps
        Steps over which the rate rises to its full size, factor on the rate, and AdamW's constant.
    refining_factor
        Factor on the rate instead of ``rate_factor`` after a linear start, and for one structure beside a
        consensus, which leave little to learn.
    average
        Epochs over which the weights that are evaluated are averaged; 0 = the newest weights.
    consensus
        Reconstruct all particles together first and learn differences from that.
    linear
        With a consensus and a latent space, begin with the volumes that explain the particles best as a sum
        with one factor each; networks then learn the rest.
    sample_ntilts, sequential
        Images of each particle that are looked at in an epoch, None = all; whether always the first ones.
    shown_ntilts
        Images of each particle from which its place is found in the end, the first ones; None = all.
    amp
        Multiply matrices in 16 bits on a GPU that can.
    pixel_fraction
        Part of the pixels of each image that the decoder is asked for at a step, see
        :mod:`jobs.tomodrgn.sampling`; 1 = all.
    """

    epochs: int = 20
    batch_size: int = 8
    lr: float = 1e-4
    weight_decay: float = 0.0
    beta: float | str | None = None
    beta_control: float | None = None
    checkpoint_every: int = 1
    seed: int = 50236
    fraction_train: float = 1.0
    warm_up_steps: int = 20
    rate_factor: float = 10.0
    refining_factor: float = 1.0
    eps: float = 1e-8
    average: float = 0.0
    consensus: bool = True
    linear: bool = True
    sample_ntilts: int | None = None
    sequential: bool = False
    shown_ntilts: int | None = None
    amp: bool = False
    pixel_fraction: float = 0.5

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.checkpoint_every < 1:
            raise UserError("epochs, batch size and the interval of checkpoints must be at least 1")
        if not 0 < self.fraction_train <= 1:
            raise UserError(
                f"the fraction that teaches must be above 0 and at most 1, not {self.fraction_train:g}"
            )
        if not 0 < self.pixel_fraction <= 1:
            raise UserError(
                f"the fraction of pixels must be above 0 and at most 1, not {self.pixel_fraction:g}"
            )
        if isinstance(self.beta, str) and self.beta not in "abcde":
            raise UserError(
                f"the schedule {self.beta!r} is not known", hint="Choose a, b, c, d or e, or a number"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)
