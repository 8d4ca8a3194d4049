"""Displacements by networks of the original, for one state or all particles.

They are not linear in few coefficients as here, so what is asked for all particles is measured on Gaussians
chosen evenly, at most `MEASURED_ON`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.dynamight.original_halves import OriginalCloud, Points

Float32 = npt.NDArray[np.float32]

#: Gaussians on which all particles are measured.
MEASURED_ON: Final = 512
#: Values of displacement handled at once.
_VALUES_AT_ONCE: Final = 4_000_000
#: Directions of motion that carry less than this part of all of it are no features.
_LEAST_SHARE: Final = 1e-6


@dataclass(frozen=True)
class OriginalTerm:
    """One half-set in a sum of displacements: its cloud, its factor, and its states for the shown ones."""

    cloud: OriginalCloud
    weight: float
    crossing: Callable[[Tensor], Tensor] | None = None


class OriginalMotion:
    """A weighted sum of displacements.

    Parameters
    ----------
    terms
        What is summed.
    shown
        Cloud whose Gaussians are moved.
    """

    def __init__(self, terms: Sequence[OriginalTerm], shown: OriginalCloud) -> None:
        self._terms, self._shown = tuple(terms), shown
        n = len(shown.positions)
        chosen = torch.linspace(0, n - 1, min(n, MEASURED_ON), device=shown.positions.device).round().long()
        self._places = shown.positions[chosen]
        self._all = self._prepare(shown.positions, own=True)
        self._some = [_chosen(points, chosen) for points in self._all]
        self._known: tuple[Float32, list[Points]] | None = None

    def at_gaussians(self, latent: Tensor) -> Tensor:
        """Displacement ``(N, 3)`` in Å of the Gaussians in one state ``(L,)``."""
        return self._sum(latent[None], self._all)[0]

    def at_points(self, latent: Tensor, points_a: npt.NDArray[np.floating]) -> Float32:
        """Displacement ``(n, 3)`` in Å of any points of the consensus in one state ``(L,)``."""
        points = np.ascontiguousarray(points_a, np.float32)
        if np.array_equal(points, self._shown.positions.cpu().numpy()):
            return _numpy(self.at_gaussians(latent))
        if self._known is None or not np.array_equal(self._known[0], points):
            self._known = (points.copy(), self._prepare(torch.from_numpy(points), own=False))
        return _numpy(self._sum(latent[None], self._known[1])[0])

    def amounts(self, latents: Tensor) -> Float32:
        """Root mean square displacement ``(b,)`` in Å of states ``(b, L)``."""
        return _numpy(torch.cat([_rms(moved) for moved in self._parts(latents)]))

    def activity(self, latents: Tensor) -> Float32:
        """Root mean square displacement ``(N,)`` in Å of every Gaussian over states ``(b, L)``."""
        total = latents.new_zeros(len(self._shown.positions), dtype=torch.float64)
        for part in latents.split(max(1, _VALUES_AT_ONCE // (3 * len(total)))):
            total += self._sum(part, self._all).double().square().sum((0, 2))
        return _numpy((total / max(1, len(latents))).sqrt())

    def spreads(self, latents: Tensor, sds: Tensor) -> Float32:
        """Root mean square displacement ``(b,)`` in Å to which standard deviations ``(b, L)`` amount."""
        variance = latents.new_zeros(len(latents))
        for k in range(latents.shape[1]):
            ahead = latents.clone()
            ahead[:, k] += sds[:, k]
            pairs = zip(self._parts(ahead), self._parts(latents), strict=True)
            variance += torch.cat([_rms(moved - rest) ** 2 for moved, rest in pairs])
        return _numpy(variance.sqrt())

    def features(self, latents: Tensor) -> Float32:
        """Return ``(b, F)`` whose distances are rms differences of displacement in Å."""
        n_values = 3 * len(self._places)
        total = torch.zeros(n_values, dtype=torch.float64, device=latents.device)
        squares = torch.zeros(n_values, n_values, dtype=torch.float64, device=latents.device)
        for moved in self._parts(latents):
            flat = moved.flatten(1).double()
            total += flat.sum(0)
            squares += flat.T @ flat
        mean = total / max(1, len(latents))
        values, vectors = torch.linalg.eigh(squares / max(1, len(latents)) - mean[:, None] * mean)
        kept = values > _LEAST_SHARE * values.clamp(min=0).sum()
        # Never without a column: particles that do not differ lie on a point.
        axes = (vectors[:, kept] if bool(kept.any()) else vectors[:, -1:]).flip(1)
        scores = [(moved.flatten(1).double() - mean) @ axes for moved in self._parts(latents)]
        return _numpy(torch.cat(scores) / len(self._places) ** 0.5)

    def directions_and_places(self, latents: Tensor) -> tuple[Float32, Float32]:
        """Where to, and where, most of the motion goes on.

        Unit vectors ``(b, 3)`` along the mean of ``u |u|``, zero where nothing moves, and mean places
        ``(b, 3)`` in Å weighted by ``|u|``.
        """
        directions, centres = [], []
        for moved in self._parts(latents):
            length = moved.norm(dim=2)
            pull = (moved * length[:, :, None]).mean(1)
            size = pull.norm(dim=1, keepdim=True)
            directions.append(torch.where(size > 0, pull / size.clamp(min=1e-30), 0.0))
            total = length.sum(1, keepdim=True)
            weighted = (length / total.clamp(min=1e-30)) @ self._places
            centres.append(torch.where(total > 0, weighted, self._places.mean(0)))
        return _numpy(torch.cat(directions)), _numpy(torch.cat(centres))

    def _parts(self, latents: Tensor) -> Iterator[Tensor]:
        for part in latents.split(max(1, _VALUES_AT_ONCE // (3 * len(self._places)))):
            yield self._sum(part, self._some)

    def _sum(self, latents: Tensor, prepared: Sequence[Points]) -> Tensor:
        total = latents.new_zeros(len(latents), len(prepared[0].fractions), 3)
        for term, points in zip(self._terms, prepared, strict=True):
            own = latents if term.crossing is None else term.crossing(latents)
            total += term.weight * term.cloud.displacement(own, points)
        return total

    def _prepare(self, points_a: Tensor, *, own: bool) -> list[Points]:
        return [
            term.cloud.own if own and term.cloud is self._shown else term.cloud.prepare(points_a)
            for term in self._terms
        ]


def _chosen(points: Points, chosen: Tensor) -> Points:
    members = points.members
    return Points(
        points.fractions[chosen],
        None if points.coded is None else points.coded[chosen],
        None if members is None else members[..., chosen],
    )


def _rms(moved: Tensor) -> Tensor:
    return moved.square().sum(2).mean(1).sqrt()


def _numpy(values: Tensor) -> Float32:
    result: Float32 = values.float().cpu().numpy()
    return result
