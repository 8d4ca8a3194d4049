"""When to look finer, when to stop: the course of a training.

It goes from warm-up (nothing moves) over coarse images, whose smooth likelihood lets large motions be found,
to full resolution; once the model stops improving, step sizes fall to nothing over a last stretch.  How long
each stage lasts is counted in particles seen, so a hundred thousand particles need fewer epochs than two
thousand.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

#: Particles of a half-set seen in the coarse stage, and between two looks at the progress.
COARSE_VISITS = 18_000
CHECK_VISITS = 4_500
#: An interval counts as an improvement if it gains this many nats per particle. Trained on for less,
#: the model fits noise: on the hinge the static domain then moves by 0.4 Å instead of 0.2 Å.
LEAST_GAIN = 0.5
#: Intervals without improvement that end the learning.
PATIENCE = 5
#: Length of the last stretch over the epochs before it, and its fewest epochs.
FINAL_SHARE = 0.7
FINAL_EPOCHS = 5
_LAST_RATE = 0.02


@dataclass
class Schedule:
    """Where a training stands; plain numbers, so that it can be saved.

    Attributes
    ----------
    n_warmup, n_epochs
        Epochs of warm-up, and after how many further ones the end is forced.
    n_coarse, check_every
        Epochs of the coarse stage and between looks at the progress.
    epoch
        Epochs done, warm-up included.
    stage
        ``warm-up``, ``coarse``, ``fine``, ``finalise`` or ``done``.
    """

    n_warmup: int
    n_epochs: int
    n_coarse: int
    check_every: int
    epoch: int = 0
    stage: str = "warm-up"
    final_start: int = 0
    final_length: int = 0
    best: float = math.inf
    strikes: int = 0
    interval_sum: float = 0.0
    interval_n: int = 0

    @classmethod
    def plan(cls, n_particles_per_half: int, n_warmup: int, n_epochs: int) -> Schedule:
        """Plan for half-sets of this many particles."""
        n = max(1, n_particles_per_half)
        coarse = max(2, min(20, round(COARSE_VISITS / n)))
        schedule = cls(
            n_warmup=n_warmup,
            n_epochs=n_epochs,
            n_coarse=min(coarse, max(1, n_epochs // 3)),
            check_every=max(1, min(5, round(CHECK_VISITS / n))),
        )
        schedule.stage = "warm-up" if n_warmup > 0 else "coarse"
        return schedule

    @property
    def moving_epochs(self) -> int:
        """Epochs done since things began to move."""
        return max(0, self.epoch - self.n_warmup)

    @property
    def rate(self) -> float:
        """Factor on the step sizes of the coming epoch."""
        if self.stage != "finalise":
            return 1.0
        done = (self.epoch - self.final_start) / max(1, self.final_length)
        return max(_LAST_RATE, 0.5 * (1 + math.cos(math.pi * done)))

    @property
    def expected_epochs(self) -> int:
        """Epochs in all, as far as one can tell now; warm-up included."""
        if self.stage in ("finalise", "done"):
            return self.final_start + self.final_length
        cap = self.n_warmup + self.n_epochs
        return cap + max(FINAL_EPOCHS, int(FINAL_SHARE * self.n_epochs))

    def advance(self, objective: float, seconds: float, max_seconds: float | None) -> str | None:
        """Count an epoch as done and decide what comes next.

        Parameters
        ----------
        objective: float
            What the training lowers, nats per particle.
        seconds, max_seconds: float
            Time used so far and allowed.

        Returns
        -------
        str or None
            The new stage, if it changes.
        """
        self.epoch += 1
        before = self.stage
        moving = self.moving_epochs
        if self.stage == "warm-up" and self.epoch >= self.n_warmup:
            self.stage = "coarse"
        elif self.stage == "coarse" and moving >= self.n_coarse:
            self.stage = "fine"
        elif self.stage == "fine" and self._stalled(objective):
            self._finalise()
        elif self.stage == "finalise" and self.epoch >= self.final_start + self.final_length:
            self.stage = "done"
        if self.stage in ("coarse", "fine") and moving >= self.n_epochs:
            self._finalise()
        # The last stretch takes a certain part of the time of everything before it.
        late = max_seconds is not None and seconds * (1 + FINAL_SHARE) >= max_seconds
        if self.stage in ("coarse", "fine") and moving > 0 and late:
            self._finalise()
        if self.stage == "finalise" and max_seconds is not None and seconds >= max_seconds:
            self.stage = "done"
        return self.stage if self.stage != before else None

    def _stalled(self, objective: float) -> bool:
        self.interval_sum += objective
        self.interval_n += 1
        if self.interval_n < self.check_every:
            return False
        mean = self.interval_sum / self.interval_n
        self.interval_sum, self.interval_n = 0.0, 0
        if mean < self.best - LEAST_GAIN:
            self.best, self.strikes = mean, 0
        else:
            self.best = min(self.best, mean)
            self.strikes += 1
        return self.strikes >= PATIENCE

    def _finalise(self) -> None:
        self.stage = "finalise"
        self.final_start = self.epoch
        self.final_length = max(FINAL_EPOCHS, int(FINAL_SHARE * self.moving_epochs))

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Schedule:
        """Schedule saved before."""
        return cls(**state)


def fft_size(at_least: float) -> int:
    """Smallest even number not below ``at_least`` whose only prime factors are 2, 3 and 5."""
    size = max(2, math.ceil(at_least))
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1 and size % 2 == 0:
            return size
        size += 1


def working_boxes(
    box: int, pixel_size_a: float, width_a: float, coarse_resolution_a: float
) -> tuple[int, int]:
    """Working boxes of the coarse stage and of full resolution.

    Beyond ``0.6 / width`` per Å a Gaussian of that standard deviation has lost all but a thousandth of its
    amplitude and there is nothing left to compare.

    Parameters
    ----------
    box: int
        Side of the images.
    pixel_size_a: float
        Their pixel size.
    width_a: float
        Standard deviation of the narrowest Gaussians.
    coarse_resolution_a: float
        Resolution of the coarse stage.
    """
    side = box * pixel_size_a
    even = box - box % 2
    full = min(even, fft_size(max(16.0, 2 * side * 0.6 / width_a)))
    coarse = min(full, fft_size(max(16.0, 2 * side / coarse_resolution_a)))
    return coarse, full
