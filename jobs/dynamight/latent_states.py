"""Which particles of a trained model are shown, in which latent axes, and moved by which fields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.dynamight.alignment import linear_response, matching_rotation
from jobs.dynamight.latent_motion import Motion, Term
from jobs.dynamight.model import GaussianModel
from jobs.dynamight.state import TrainedHalf, TrainedModel


@dataclass(frozen=True)
class States:
    """The particles of a half-set (or those held out of both), and the fields that move Gaussians.

    Attributes
    ----------
    model
        Whose Gaussians are shown.
    rows
        ``(P,)`` places of the particles in the particle file.
    means, sds
        ``(P, L)`` means of the posteriors in the shown latent axes, and standard deviations along the axes
        of the particle's own half-set.
    own_axes
        ``(P, L, L)`` or ``(L, L)`` the axes of the own half-sets as rows, in the shown ones.
    shown_terms
        The field that is shown.
    corrections
        ``(P, 5)`` corrections of poses, None when poses were not refined.
    """

    model: GaussianModel
    rows: npt.NDArray[np.int64]
    means: Tensor
    sds: Tensor
    own_axes: Tensor
    shown_terms: tuple[Term, ...]
    corrections: Tensor | None

    @property
    def pooled(self) -> bool:
        """Whether the mean of both half-sets' fields is shown."""
        return len(self.shown_terms) > 1

    @property
    def moves(self) -> bool:
        """Whether anything has moved yet."""
        return all(term.weight for term in self.shown_terms)

    @cached_property
    def gaussians_a(self) -> Tensor:
        """Consensus ``(N, 3)`` in Å."""
        return self.model.positions.detach()

    @cached_property
    def weights(self) -> Tensor:
        """Weights ``(c, N)`` of the Gaussians."""
        return self.model.weights().detach()

    @cached_property
    def widths_a(self) -> Tensor:
        """Widths ``(c,)`` in Å."""
        return self.model.widths().detach()

    @cached_property
    def shown(self) -> Motion:
        """The displacement that is shown."""
        return Motion(self.shown_terms, self.gaussians_a)

    def tensor(self, z: npt.NDArray[np.floating]) -> Tensor:
        """Take a state ``(L,)``; ValueError when it has another shape or is not finite."""
        state = np.asarray(z, np.float32)
        if state.shape != (self.means.shape[1],) or not np.isfinite(state).all():
            raise ValueError(f"a state has {self.means.shape[1]} finite coordinates, not {state.tolist()}")
        return torch.tensor(state, device=self.means.device)

    def correction(self, index: int) -> Tensor | None:
        """Correction ``(5,)`` of the pose of a particle."""
        return None if self.corrections is None else self.corrections[index]


def select_states(trained: TrainedModel, half: int) -> States:
    """Choose what is shown for a half-set: 1, 2, or 0 for the particles of both that were held out."""
    first, second = trained.halves
    turn = _turn_to_first(trained)
    # From the shown axes to those of each model. Half-sets are shown in their own axes, 0 in those of 1.
    back = None if turn is None else turn.T
    axes = (turn, None) if half == 2 else (None, back)
    sign = 1.0 if _moves(trained) else 0.0
    shares = {0: (0.5, 0.5), 1: (1.0, 0.0), 2: (0.0, 1.0)}[half]
    terms = tuple(
        Term(own.model, sign * share, its)
        for own, share, its in zip(trained.halves, shares, axes, strict=True)
        if share
    )
    chosen = [_chosen(trained, own, half) for own in trained.halves]
    rows = np.concatenate([own.rows[local] for own, local in zip(trained.halves, chosen, strict=True)])
    order = np.argsort(rows, kind="stable")
    means, log_sds = (
        [
            getattr(own, name)[torch.from_numpy(local)]
            for own, local in zip(trained.halves, chosen, strict=True)
        ]
        for name in ("means", "log_sds")
    )
    eye = torch.eye(means[0].shape[1], device=means[0].device)
    own_axes = eye
    if half == 0 and turn is not None:
        means[1] = means[1] @ turn
        own_axes = torch.cat([eye.expand(len(means[0]), -1, -1), turn.expand(len(means[1]), -1, -1)])[order]
    return States(
        model=second.model if half == 2 else first.model,
        rows=rows[order],
        means=torch.cat(means)[order],
        sds=torch.cat(log_sds)[order].exp(),
        own_axes=own_axes,
        shown_terms=terms,
        corrections=_corrections(trained, chosen, order),
    )


def _chosen(trained: TrainedModel, own: TrainedHalf, half: int) -> npt.NDArray[np.int64]:
    """Which particles of a half-set are shown, by their place in it."""
    if half == 0:
        return np.nonzero(trained.validation[own.rows])[0]
    return np.arange(len(own.rows) if own is trained.halves[half - 1] else 0)


def _corrections(
    trained: TrainedModel, chosen: list[npt.NDArray[np.int64]], order: npt.NDArray[np.int64]
) -> Tensor | None:
    """Corrections of poses of the shown particles."""
    saved: list[dict[str, Any]] = trained.state["training"]["halves"]
    if any(half["poses"] is None for half in saved):
        return None
    tables = [half["poses"]["table"] for half in saved]
    return torch.cat([table[local] for table, local in zip(tables, chosen, strict=True)])[order]


def _moves(trained: TrainedModel) -> bool:
    """Whether anything has moved yet: until the end of the warm-up the fields are as they were drawn."""
    schedule = trained.state["training"]["schedule"]
    return schedule["stage"] != "warm-up" and schedule["epoch"] > schedule["n_warmup"]


def _turn_to_first(trained: TrainedModel) -> Tensor | None:
    """Rotation ``(L, L)`` of the latents of half-set 2 to the axes of half-set 1.

    A training turns the axes when it ends, and once before; until then each half-set has its own. None when
    they are the same.
    """
    if trained.state["training"]["schedule"]["stage"] == "done" or not _moves(trained):
        return None
    points = trained.halves[0].model.positions.detach()
    first, second = (
        linear_response(
            own.model, own.means[torch.from_numpy(np.nonzero(~trained.validation[own.rows])[0])], points
        )
        for own in trained.halves
    )
    return matching_rotation(second, first)
