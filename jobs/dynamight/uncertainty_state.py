"""Predicted errors of points in one state after another, as somebody walks through the latent space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.dynamight.uncertainty import Errors

Float32 = npt.NDArray[np.float32]

#: Points whose modes are kept for the next state.
_KEPT_POINTS = 50_000


class StateErrors:
    """Errors of the displacement of points in a state (see :class:`jobs.dynamight.uncertainty.Errors`).

    A state that is no particle's is taken to be as sure as that of the particle nearest to it.

    Parameters
    ----------
    errors
        What errors are made of.
    """

    def __init__(self, errors: Errors) -> None:
        self._errors = errors
        self._known: tuple[Float32, Tensor] | None = None

    @torch.no_grad()
    def at(self, state: Tensor, points_a: npt.NDArray[np.floating]) -> tuple[Float32, Float32]:
        """Errors of points.

        Parameters
        ----------
        state: torch.Tensor
            ``(L,)`` in the shown axes.
        points_a: numpy.ndarray
            ``(n, 3)`` points of the consensus in Å relative to the box centre.

        Returns
        -------
        tuple of numpy.ndarray
            ``(n,)`` predicted error, and ``(n,)`` distance between the displacements by both models, Å.
        """
        points = np.ascontiguousarray(points_a, np.float32)
        factors, difference = self._errors.factors_at(state)
        rows = torch.cat((factors, difference[None])).float()
        squares = []
        for start in range(0, max(1, len(points)), _KEPT_POINTS):
            basis = self._basis(points[start : start + _KEPT_POINTS], keep=len(points) <= _KEPT_POINTS)
            moved = (basis @ rows.T).view(-1, 3, len(rows)).square().sum(1)
            squares.append(torch.stack((moved[:, :-1].sum(1) + self._errors.floor_a**2, moved[:, -1])))
        error, apart = torch.cat(squares, 1).sqrt().cpu().numpy()
        return error, apart

    def _basis(self, points: Float32, *, keep: bool) -> Tensor:
        """Modes of both models at points as one matrix ``(3 n, K)``."""
        if self._known is not None and np.array_equal(self._known[0], points):
            return self._known[1]
        flat = self._errors.basis(torch.from_numpy(points)).flatten(0, 1).float()
        if keep:
            self._known = (points.copy(), flat)
        return flat
