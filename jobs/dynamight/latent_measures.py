"""What a trained model tells about each particle, computed one measure at a time, when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jobs.dynamight.latent_states import States
from jobs.dynamight.measure_table import MeasureTable
from jobs.dynamight.uncertainty import Errors
from jobs.formats.particle_set import ParticleSet

Float32 = npt.NDArray[np.float32]


class Measures(MeasureTable):
    """Values per particle, ``(P,)`` or ``(P, 3)``.

    ``amount`` Å
        Root mean square displacement over all Gaussians.
    ``direction``
        Unit vector of the mean of ``u |u|`` over the Gaussians; zero where nothing moves.
    ``location`` Å
        Mean position of the Gaussians, weighted by how far they move.
    ``shift`` Å
        Distance of the particle from the centre of its image.
    ``pose``
        Unit vector in the molecule towards the viewer.
    ``uncertainty`` Å
        Root mean square displacement to which one standard deviation of the posterior of the state amounts.
    ``difference`` Å
        Root mean square distance between where the models of both half-sets move the Gaussians, and
    ``error`` Å
        how far the displacement is probably from the truth, root mean square over the Gaussians: both as
        :class:`jobs.dynamight.uncertainty.Errors` says. Before anything moves, 0 and unknown (NaN).

    Parameters
    ----------
    states
        The particles and fields.
    particles
        Reads the poses.
    errors
        Of displacements; None while nothing moves.
    """

    NAMES = ("amount", "direction", "location", "shift", "pose", "uncertainty", "difference", "error")

    def __init__(
        self, states: States, particles: Callable[[], ParticleSet], errors: Callable[[], Errors | None]
    ) -> None:
        self._states, self._read, self._predict = states, particles, errors

    @cached_property
    def _amount(self) -> Float32:
        return self._states.shown.amounts(self._states.means)

    @cached_property
    def _directions_and_places(self) -> tuple[Float32, Float32]:
        return self._states.shown.directions_and_places(self._states.means)

    @property
    def _direction(self) -> Float32:
        return self._directions_and_places[0]

    @property
    def _location(self) -> Float32:
        return self._directions_and_places[1]

    @cached_property
    def _uncertainty(self) -> Float32:
        states = self._states
        return states.shown.spreads(states.means, states.sds, states.own_axes)

    @cached_property
    def _errors_and_differences(self) -> tuple[Float32, Float32]:
        errors, n = self._predict(), len(self._states.rows)
        if errors is None:
            return np.full(n, np.nan, np.float32), np.zeros(n, np.float32)
        return errors.of_particles(errors.rows)

    @property
    def _difference(self) -> Float32:
        return self._errors_and_differences[1]

    @property
    def _error(self) -> Float32:
        return self._errors_and_differences[0]

    @cached_property
    def _particles(self) -> ParticleSet:
        return self._read()

    @cached_property
    def _shift(self) -> Float32:
        return np.linalg.norm(self._particles.origin_a, axis=1).astype(np.float32)

    @cached_property
    def _pose(self) -> Float32:
        rot, tilt, _ = np.deg2rad(self._particles.euler_deg).T
        towards = (np.sin(tilt) * np.cos(rot), np.sin(tilt) * np.sin(rot), np.cos(tilt))
        return np.stack(towards, axis=1).astype(np.float32)
