"""Which particle belongs to which half-set, and which are held out for validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError

#: A half-set of fewer particles cannot be trained on.
FEWEST_PER_HALF = 4


@dataclass(frozen=True)
class Split:
    """Division of the particles of a data set.

    Attributes
    ----------
    half
        ``(p,)`` 1 or 2.
    validation
        ``(p,)`` true for particles that never teach the model how the molecule moves; their own states are
        estimated all the same, and show how well the motion explains images it was not learnt from.
    source
        Where the halves come from, in words.
    """

    half: npt.NDArray[np.int64]
    validation: npt.NDArray[np.bool_]
    source: str

    def rows(self, half: int) -> npt.NDArray[np.int64]:
        """Particles of a half-set, in the order of the STAR file."""
        return np.nonzero(self.half == half)[0]


def split_particles(subset: npt.NDArray[np.integer], validation_fraction: float, seed: int) -> Split:
    """Divide particles into half-sets and hold some out.

    Parameters
    ----------
    subset: numpy.ndarray
        ``(p,)`` ``rlnRandomSubset`` (1 or 2), 0 where unknown.  It is used if every particle has one.
    validation_fraction: float
        Part of each half-set that is held out, 0 to 0.5.
    seed: int
        Seed of the division.

    Raises
    ------
    UserError
        If a half-set has too few particles.
    """
    n_particles = len(subset)
    generator = np.random.default_rng([seed, 1])
    if n_particles and bool(np.isin(subset, (1, 2)).all()):
        half = subset.astype(np.int64)
        source = "rlnRandomSubset of the particles"
    else:
        half = np.empty(n_particles, np.int64)
        half[generator.permutation(n_particles)] = np.arange(n_particles) % 2 + 1
        source = f"divided at random with seed {seed}"
    counts = [int((half == h).sum()) for h in (1, 2)]
    if min(counts) < FEWEST_PER_HALF:
        raise UserError(
            f"{n_particles:,} particles are too few: half-set 1 has {counts[0]}, half-set 2 has {counts[1]}, "
            f"and each needs at least {FEWEST_PER_HALF}",
            hint="Motions are learnt from thousands of particles; choose a larger particle file.",
        )
    validation = np.zeros(n_particles, bool)
    for h in (1, 2):
        rows = np.nonzero(half == h)[0]
        held_out = round(validation_fraction * len(rows)) if len(rows) >= 20 else 0
        validation[generator.permutation(rows)[:held_out]] = True
    return Split(half, validation, source)
