"""Round-trip errors of the inverse deformations, summed up without keeping them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

#: Bins of errors: per decade, and the decades in Å that they cover. A bin is 1.2 % wide.
PER_DECADE, LOWEST, _HIGHEST = 200, -6, 4
_N_BINS = (_HIGHEST - LOWEST) * PER_DECADE
#: What is known of each particle: half a round trip ends closer, at the Gaussians and at voxels; folded part.
PARTICLE_VALUES = ("median_gaussians_A", "median_voxels_A", "folded_fraction")
PLACES = ("gaussians", "voxels")


@dataclass
class Errors:
    """Distances in Å: how many fell into each bin, their sum and the largest; how many of them are folded.

    Quantiles are exact to a bin's width however many distances there are, and adding them in the same parts
    gives the same bits.
    """

    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_N_BINS, np.int64))
    total: float = 0.0
    largest: float = 0.0
    folded: int = 0

    @property
    def n(self) -> int:
        """Distances added."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean in Å, nan without any."""
        return self.total / self.n if self.n else float("nan")

    def add(self, distances_a: npt.NDArray[np.floating], folded: npt.NDArray[np.bool_]) -> None:
        """Add distances in Å, and whether each belongs to a place where the motion folds."""
        distances = distances_a.astype(np.float64).ravel()
        if not len(distances):
            return
        place = (np.log10(np.maximum(distances, 10.0**LOWEST)) - LOWEST) * PER_DECADE
        self.counts += np.bincount(np.clip(place.astype(np.int64), 0, _N_BINS - 1), minlength=_N_BINS)
        self.total += float(distances.sum())
        self.largest = max(self.largest, float(distances.max()))
        self.folded += int(folded.sum())

    def quantile(self, share: float) -> float:
        """Distance in Å that this share keeps within, nan without any; 0 within the lowest bin."""
        if not self.n:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.counts), share * self.n))
        if place == 0:
            return 0.0
        return min(self.largest, float(10 ** ((min(place, _N_BINS - 1) + 0.5) / PER_DECADE + LOWEST)))

    def summary(self) -> dict[str, float | int]:
        """The numbers that are told."""
        return {
            "n": self.n,
            "median_A": self.quantile(0.5),
            "mean_A": self.mean,
            "p95_A": self.quantile(0.95),
            "max_A": self.largest,
            "folded_fraction": self.folded / self.n if self.n else 0.0,
        }

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        return {
            "counts": self.counts,
            "total": self.total,
            "largest": self.largest,
            "folded": self.folded,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Errors:
        """Bring back what :meth:`state` gave."""
        return cls(state["counts"].numpy().copy(), state["total"], state["largest"], state["folded"])


@dataclass
class HalfErrors:
    """Round-trip errors of a half-set.

    Attributes
    ----------
    done
        Particles measured so far, in their order.
    at
        Errors at the Gaussians and at voxels.
    particles
        ``(p, 3)`` float32, see ``PARTICLE_VALUES``; nan where not measured yet.
    fold_sum_a, fold_square_a2
        Sums over folded places of their position ``(3,)`` in Å and of its square.
    """

    particles: npt.NDArray[np.float32]
    done: int = 0
    at: dict[str, Errors] = field(default_factory=lambda: {place: Errors() for place in PLACES})
    fold_sum_a: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    fold_square_a2: float = 0.0

    @classmethod
    def of(cls, n_particles: int) -> HalfErrors:
        """Nothing measured yet."""
        return cls(np.full((n_particles, len(PARTICLE_VALUES)), np.nan, np.float32))

    @property
    def n_folded(self) -> int:
        """Folded places found."""
        return sum(errors.folded for errors in self.at.values())

    @property
    def folded_fraction(self) -> float:
        """Part of all places that are folded."""
        total = sum(errors.n for errors in self.at.values())
        return self.n_folded / total if total else 0.0

    def add(
        self,
        errors_a: Mapping[str, torch.Tensor],
        folded: Mapping[str, torch.Tensor],
        points_a: Mapping[str, torch.Tensor],
    ) -> None:
        """Add the next particles.

        Parameters
        ----------
        errors_a, folded
            Distance ``(b, n)`` in Å and whether it is where the motion folds, of each of ``PLACES``.
        points_a
            Where ``(b, n, 3)`` in the consensus the way back ended.
        """
        count = len(next(iter(errors_a.values())))
        rows = self.particles[self.done : self.done + count]
        bad = 0.0
        for column, place in enumerate(PLACES):
            values, fold = errors_a[place].cpu().numpy(), folded[place].cpu().numpy()
            self.at[place].add(values, fold)
            rows[:, column] = np.median(values, axis=1) if values.shape[1] else np.nan
            bad = bad + fold.sum(1)
            where = points_a[place][folded[place]].double().cpu().numpy()
            self.fold_sum_a += where.sum(0)
            self.fold_square_a2 += float(np.square(where).sum())
        rows[:, 2] = bad / max(1, sum(errors_a[place].shape[1] for place in PLACES))
        self.done += count

    def fold_place(self) -> tuple[npt.NDArray[np.float64], float]:
        """Mean position ``(3,)`` in Å of folded places, and their rms distance from it."""
        mean = self.fold_sum_a / max(1, self.n_folded)
        spread = self.fold_square_a2 / max(1, self.n_folded) - float(mean @ mean)
        return mean, float(np.sqrt(max(0.0, spread)))

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        return {
            "particles": self.particles,
            "done": self.done,
            "at": {place: errors.state() for place, errors in self.at.items()},
            "fold_sum_a": self.fold_sum_a,
            "fold_square_a2": self.fold_square_a2,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> HalfErrors:
        """Bring back what :meth:`state` gave."""
        return cls(
            state["particles"].numpy().copy(),
            int(state["done"]),
            {place: Errors.restore(state["at"][place]) for place in PLACES},
            state["fold_sum_a"].numpy().copy(),
            float(state["fold_square_a2"]),
        )
