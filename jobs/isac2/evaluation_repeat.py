"""Does another run find the same classes? Agreement of two runs over the same particles, and by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.image_names import identity
from jobs.maths.partitions import Matching, adjusted_rand, match_parts

_SHUFFLES = 5
_SAME, _SIMILAR = 0.9, 0.5
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Repeat:
    """Agreement of two sets of classes.

    Attributes
    ----------
    n_first, n_second, n_both
        Particles in classes of one, of the other, of both.
    matching
        Classes of the first with those of the second that fit them best, one to one.
    ari
        Adjusted Rand index of the particles that are in classes of both: whether pairs stay together.
    jaccard_shuffled, ari_shuffled
        The same on average when the members of the second are dealt out at random, sizes kept.
    """

    n_first: int
    n_second: int
    n_both: int
    matching: Matching
    ari: float
    jaccard_shuffled: float
    ari_shuffled: float

    @property
    def jaccard(self) -> float:
        """Median over matched classes; nan without any."""
        found = self.matching.jaccard
        return float(np.median(found)) if len(found) else float("nan")

    @property
    def sentence(self) -> str:
        """The result in words."""
        if not len(self.matching.jaccard) or not self.n_both:
            return (
                "The two runs share no classified particle, so that nothing can be said of their agreement."
            )
        shared = self.n_both / max(1, min(self.n_first, self.n_second))
        if self.ari >= _SAME:
            verdict = "The two runs find the same classes."
        elif self.ari >= _SIMILAR:
            verdict = "The two runs find similar classes, with other borders."
        elif self.ari > 2 * abs(self.ari_shuffled) + 0.02:
            verdict = "The two runs agree little: most borders between classes are arbitrary."
        else:
            verdict = "The two runs agree no better than chance."
        return (
            f"{verdict} {self.n_both} particles ({100 * shared:.0f} % of the smaller set) are in classes of "
            f"both; matched classes share a median {self.jaccard:.2f} of their members "
            f"({self.jaccard_shuffled:.2f} by chance), and the adjusted Rand index is {self.ari:.3f} "
            f"({self.ari_shuffled:.3f} by chance; 1 is the same)."
        )


def labels_of(names: Sequence[str], class_of: npt.ArrayLike, asked: Sequence[str]) -> IntArray:
    """Class of each of the particles asked for, by stack and section; -1 where it is in none.

    Parameters
    ----------
    names, class_of
        Particles ``000001@stack.mrcs`` with their class from 0, or -1.
    asked
        Particles in the order wanted.
    """
    labels = np.asarray(class_of, np.int64).tolist()
    place = {identity(str(name)): label for name, label in zip(names, labels, strict=True)}
    return np.array([place.get(identity(str(name)), -1) for name in asked], np.int64)


def compare_runs(
    names: Sequence[str],
    class_of: npt.ArrayLike,
    other_names: Sequence[str],
    other_class_of: npt.ArrayLike,
    *,
    seed: int = 0,
) -> Repeat:
    """Compare two sets of classes, particle by particle.

    Parameters
    ----------
    names, class_of
        Particles of the first run and their classes from 0 (-1: none).
    other_names, other_class_of
        The same of the second; particles that a run does not name are in none of its classes.
    seed
        Of the random control.

    Raises
    ------
    UserError
        When the runs have no particle in common.
    """
    everything = list(dict.fromkeys([*map(str, names), *map(str, other_names)]))
    keys = list(dict.fromkeys(identity(name) for name in everything))
    if len(keys) == len(set(map(identity, names))) + len(set(map(identity, other_names))):
        raise UserError(
            "the two runs have no particle in common",
            hint="Choose two runs over the same particles: stack files and sections are compared.",
        )
    spelt = {identity(name): name for name in everything}
    asked = [spelt[key] for key in keys]
    first, second = labels_of(names, class_of, asked), labels_of(other_names, other_class_of, asked)
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(second) for _ in range(_SHUFFLES)]
    by_chance = [match_parts(first, other).jaccard for other in shuffled]
    return Repeat(
        n_first=int((first >= 0).sum()),
        n_second=int((second >= 0).sum()),
        n_both=int(((first >= 0) & (second >= 0)).sum()),
        matching=match_parts(first, second),
        ari=adjusted_rand(first, second),
        jaccard_shuffled=float(np.mean([np.median(j) if len(j) else 0.0 for j in by_chance])),
        ari_shuffled=float(np.mean([adjusted_rand(first, other) for other in shuffled])),
    )
