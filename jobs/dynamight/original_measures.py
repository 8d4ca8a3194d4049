"""What a model of the original tells about each particle, computed one measure at a time when asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from torch import Tensor

from jobs.dynamight.measure_table import MeasureTable
from jobs.dynamight.original_motion import OriginalMotion
from jobs.formats.particle_set import ParticleSet

Float32 = npt.NDArray[np.float32]


class OriginalMeasures(MeasureTable):
    """Values per particle, ``(P,)`` or ``(P, 3)``, named and meant as those of our own models.

    ``amount``, ``uncertainty`` and ``difference`` are root mean squares in Å over Gaussians chosen evenly;
    ``difference`` lies between where both models move them, each in its own state of the particle. ``shift``
    and ``pose`` are those that the training ended with.

    Parameters
    ----------
    shown, difference
        Displacement that is shown, and that of the own half-set less that of the other.
    means, sds
        ``(P, L)`` states and their standard deviations.
    particles
        The particles, with refined poses.
    half
        Half-set; 0 is shown by both models, which are uncertain in one state of each only.
    """

    NAMES: tuple[str, ...] = ("amount", "direction", "location", "shift", "pose", "uncertainty", "difference")

    def __init__(
        self,
        shown: OriginalMotion,
        difference: OriginalMotion,
        means: Tensor,
        sds: Tensor,
        particles: ParticleSet,
        half: int,
    ) -> None:
        self._shown, self._apart = shown, difference
        self._means, self._sds, self._particles = means, sds, particles
        # Between particles the states of the other half-set are guessed, so a step has no meaning there.
        self.NAMES = tuple(name for name in type(self).NAMES if half or name != "uncertainty")

    @cached_property
    def _amount(self) -> Float32:
        return self._shown.amounts(self._means)

    @cached_property
    def _directions_and_places(self) -> tuple[Float32, Float32]:
        return self._shown.directions_and_places(self._means)

    @property
    def _direction(self) -> Float32:
        return self._directions_and_places[0]

    @property
    def _location(self) -> Float32:
        return self._directions_and_places[1]

    @cached_property
    def _uncertainty(self) -> Float32:
        return self._shown.spreads(self._means, self._sds)

    @cached_property
    def _difference(self) -> Float32:
        return self._apart.amounts(self._means)

    @property
    def _shift(self) -> Float32:
        return np.linalg.norm(self._particles.origin_a, axis=1).astype(np.float32)

    @cached_property
    def _pose(self) -> Float32:
        rot, tilt, _ = np.deg2rad(self._particles.euler_deg).T
        towards = (np.sin(tilt) * np.cos(rot), np.sin(tilt) * np.sin(rot), np.cos(tilt))
        return np.stack(towards, axis=1).astype(np.float32)
