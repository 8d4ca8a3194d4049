"""Sums of displacement fields of trained models, and what they do to the Gaussians, for many states at once.

Displacements are linear in the coefficients of the modes, ``u = B c(z)``, so a sum of fields is a field with
the modes of all: the mean of both half-sets' fields, their difference, or one alone.  Whatever is quadratic
in the displacement of all Gaussians follows from the small Gram matrix ``B^T B / N`` without moving one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.dynamight.model import GaussianModel

Float32 = npt.NDArray[np.float32]

#: States handled at once when Gaussians are moved; bounds the memory.
_VALUES_AT_ONCE = 8_000_000
#: Points whose modes are kept for the next call.
_KEPT_POINTS = 200_000
#: Gaussians on which directions and places of motion are measured.
MEASURED_ON = 300
#: Directions of motion that carry less than this part of all of it are no features.
_LEAST_SHARE = 1e-8


@dataclass(frozen=True)
class Term:
    """One field of a sum.

    Attributes
    ----------
    model
        Whose field.
    weight
        Factor.
    axes
        ``(L, L)`` rotation from the shown latent axes to those of the model (``z @ axes``), None when they
        are the same.
    """

    model: GaussianModel
    weight: float
    axes: Tensor | None = None


class Motion:
    """A weighted sum of displacement fields.

    Parameters
    ----------
    terms
        What is summed.
    gaussians_a
        ``(N, 3)`` Gaussians in Å over which motion is measured.
    """

    @torch.no_grad()
    def __init__(self, terms: Sequence[Term], gaussians_a: Tensor) -> None:
        self._terms = tuple(terms)
        self._gaussians_a = gaussians_a
        self.device = gaussians_a.device
        self._flat = self._flat_basis(gaussians_a)
        self._known: tuple[Float32, Tensor] = (gaussians_a.cpu().numpy(), self._flat)
        wide = self._flat.double()
        self._gram = wide.T @ wide / max(1, len(gaussians_a))

    @torch.no_grad()
    def coefficients(self, latents: Tensor) -> Tensor:
        """Coefficients ``(b, K)`` of all modes for states ``(b, L)``."""
        parts = []
        for term in self._terms:
            own = latents if term.axes is None else latents @ term.axes
            parts.append(term.weight * term.model.field.coefficients(own))
        return torch.cat(parts, 1)

    def at_gaussians(self, latent: Tensor) -> Tensor:
        """Displacement ``(N, 3)`` in Å of the Gaussians in one state ``(L,)``."""
        return (self._flat @ self.coefficients(latent[None])[0]).view(-1, 3)

    @torch.no_grad()
    def at_points(self, latent: Tensor, points_a: npt.NDArray[np.floating]) -> Float32:
        """Displacement ``(n, 3)`` in Å of any points of the consensus in one state ``(L,)``.

        The modes at the points are kept: the same points are usually asked for in many states.
        """
        points = np.ascontiguousarray(points_a, np.float32)
        coefficients = self.coefficients(latent[None])[0]
        if len(points) > _KEPT_POINTS:
            parts = torch.from_numpy(points).split(_KEPT_POINTS)
            moved = [self._flat_basis(part.to(self.device)) @ coefficients for part in parts]
            return _numpy(torch.cat(moved).view(-1, 3))
        known, flat = self._known
        if not np.array_equal(known, points):
            known = self._gaussians_a.cpu().numpy()
            flat = self._flat
            if not np.array_equal(known, points):
                known, flat = points.copy(), self._flat_basis(torch.tensor(points, device=self.device))
            self._known = (known, flat)
        return _numpy((flat @ coefficients).view(-1, 3))

    def rms_a(self, coefficients: Tensor) -> Tensor:
        """Root mean square displacement ``(b,)`` in Å of all Gaussians for coefficients ``(b, K)``."""
        wide = coefficients.double()
        return ((wide @ self._gram) * wide).sum(1).clamp(min=0).sqrt()

    def amounts(self, latents: Tensor) -> Float32:
        """Root mean square displacement ``(b,)`` in Å over all Gaussians of states ``(b, L)``."""
        return _numpy(self.rms_a(self.coefficients(latents)))

    def spreads(self, latents: Tensor, sds: Tensor, axes: Tensor) -> Float32:
        """Root mean square displacement ``(b,)`` in Å to which the uncertainty of states amounts.

        Parameters
        ----------
        latents, sds
            ``(b, L)`` means in the shown axes and standard deviations along the axes of their posteriors.
        axes
            ``(b, L, L)`` or ``(L, L)`` the axes of the posteriors, as rows, in the shown ones.
        """
        centre = self.coefficients(latents).double()
        variance = centre.new_zeros(len(centre))
        for k in range(latents.shape[1]):
            step = sds[:, k, None] * axes[..., k, :]
            variance += self.rms_a(self.coefficients(latents + step).double() - centre) ** 2
        return _numpy(variance.sqrt())

    @torch.no_grad()
    def features(self, latents: Tensor) -> Float32:
        """Return ``(b, F)`` whose distances are rms differences of displacement of all Gaussians in Å."""
        coefficients = self.coefficients(latents).double()
        values, vectors = torch.linalg.eigh(self._gram)
        scores = (coefficients @ vectors) * values.clamp(min=0).sqrt()
        share = scores.var(0, correction=0)
        order = torch.argsort(share, descending=True)
        kept = order[share[order] > _LEAST_SHARE * share.sum()]
        # Never without a column: particles that do not differ lie on a point.
        return _numpy(scores[:, kept if len(kept) else order[:1]])

    @torch.no_grad()
    def directions_and_places(self, latents: Tensor) -> tuple[Float32, Float32]:
        """Where to, and where, most of the motion of states goes on.

        Returns
        -------
        tuple of numpy.ndarray
            ``(b, 3)`` unit vectors along the mean of ``u |u|`` (zero where nothing moves), and ``(b, 3)`` the
            mean position in Å of the Gaussians, weighted by ``|u|``; on Gaussians chosen evenly.
        """
        n = len(self._gaussians_a)
        chosen = torch.linspace(0, n - 1, min(n, MEASURED_ON), device=self.device).round().long()
        places = self._gaussians_a[chosen]
        flat = self._flat.view(n, 3, -1)[chosen].reshape(3 * len(chosen), -1)
        directions, centres = [], []
        for part in self.coefficients(latents).split(max(1, _VALUES_AT_ONCE // len(flat))):
            moved = (part @ flat.T).view(len(part), -1, 3)
            length = moved.norm(dim=2)
            pull = (moved * length[:, :, None]).mean(1)
            size = pull.norm(dim=1, keepdim=True)
            directions.append(torch.where(size > 0, pull / size.clamp(min=1e-30), 0.0))
            total = length.sum(1, keepdim=True)
            weighted = (length / total.clamp(min=1e-30)) @ places
            centres.append(torch.where(total > 0, weighted, places.mean(0)))
        return _numpy(torch.cat(directions)), _numpy(torch.cat(centres))

    @torch.no_grad()
    def _flat_basis(self, points_a: Tensor) -> Tensor:
        """All modes at points as one matrix ``(3 n, K)``."""
        parts = [term.model.basis(points_a) for term in self._terms]
        joined = torch.cat(parts, 2)
        return joined.reshape(-1, joined.shape[2]).contiguous()


def _numpy(values: Tensor) -> Float32:
    result: Float32 = values.float().cpu().numpy()
    return result
