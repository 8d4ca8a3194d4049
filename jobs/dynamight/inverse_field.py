"""The way back of a trained model: where points of a moved molecule come from."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor

from jobs.dynamight.model import GaussianModel
from jobs.dynamight.rigid_field import RigidField
from jobs.dynamight.rigid_inverse import invert_rigid
from jobs.dynamight.state import TrainedModel
from jobs.maths.inversion import Inverse, invert
from jobs.maths.mode_table import ModeTable, evaluate, tabulate

#: Error in Å of tabulated displacements at the Gaussians that 95 % of them keep within.
TABLE_ERROR_A = 0.05
#: Spacings tried: nodes per wavelength of the encoding's highest frequency, each finer than the one before.
_NODES_PER_WAVE, _FINER, _TRIALS = 4.0, 1.25, 5
_STATES_TRIED = 32
#: Memory that the tabulated fields of the states worked on at once may take: little enough for the caches of
#: a processor, enough to keep a GPU busy.
_BYTES = {"cpu": 8 * 2**20, "cuda": 512 * 2**20}
_MOST_STATES = 64


class InverseField:
    """Inverts the displacement field of a model.

    Parameters
    ----------
    model: GaussianModel
        The model.
    spacing_a: float
        Distance in Å of the nodes at which its motion modes are tabulated, see :func:`choose_spacing`.
    """

    def __init__(self, model: GaussianModel, spacing_a: float) -> None:
        self.model = model
        self.table = tabulate_modes(model, spacing_a)

    @property
    def states_at_once(self) -> int:
        """Particles whose fields fit into the memory set aside for them."""
        fit = _BYTES.get(self.model.positions.device.type, _BYTES["cpu"]) // (12 * self.table.n_nodes**3)
        return max(1, min(_MOST_STATES, fit))

    @torch.no_grad()
    def invert(self, latents: Tensor, points_a: Tensor) -> Inverse:
        """Find where points come from.

        Parameters
        ----------
        latents: torch.Tensor
            ``(b, L)`` states.
        points_a: torch.Tensor
            ``(n, 3)`` or ``(b, n, 3)`` points of the moved molecule in Å relative to the box centre.

        Returns
        -------
        Inverse
            Points ``(b, n, 3)`` of the consensus, and how well they are known.
        """
        coefficients = self.model.field.coefficients(latents)
        targets = points_a.expand(len(latents), *points_a.shape[-2:])
        if isinstance(self.model.field, RigidField):
            return invert_rigid(self.model.field, latents, targets)
        parts = [
            invert(some, these, self.table)
            for some, these in zip(
                targets.split(self.states_at_once), coefficients.split(self.states_at_once), strict=True
            )
        ]
        if not parts:
            return Inverse(targets, targets[..., 0], targets[..., 0])
        return Inverse(
            torch.cat([part.points_a for part in parts]),
            torch.cat([part.residual_a for part in parts]),
            torch.cat([part.determinant for part in parts]),
        )


@torch.no_grad()
def tabulate_modes(model: GaussianModel, spacing_a: float) -> ModeTable:
    """Tabulate the motion modes of a model over its box; the mask keeps its own, finer grid."""
    side, mask = model.frame.side_a, model.mask
    return tabulate(
        model.field.basis,
        0.5 * side,
        spacing_a,
        mask=mask,
        mask_voxel_a=1.0 if mask is None else side / mask.shape[0],
        device=model.positions.device,
    )


@torch.no_grad()
def choose_spacing(model: GaussianModel, latents: Tensor) -> float:
    """Find the widest spacing in Å at which tabulated displacements are exact enough.

    Parameters
    ----------
    model: GaussianModel
        The model.
    latents: torch.Tensor
        ``(p, L)`` states of its particles; some of them are tried.
    """
    shape = model.field.shape
    spacing = shape.extent_a / (shape.max_frequency * _NODES_PER_WAVE)
    chosen = latents[:: max(1, len(latents) // _STATES_TRIED)][:_STATES_TRIED]
    if not len(chosen):
        return spacing
    points = model.positions.detach()
    coefficients = model.field.coefficients(chosen)
    exact = model.displacement(chosen, points).reshape(-1, 3)
    rows = torch.arange(len(chosen), device=points.device).repeat_interleave(len(points))
    places = points.repeat(len(chosen), 1)
    for _ in range(_TRIALS):
        table = tabulate_modes(model, spacing)
        found, _ = evaluate(table.states(coefficients), table, places, rows)
        error = (found - exact).norm(dim=1)
        # Sorted because torch's quantile refuses more than 16 million values.
        if float(error.sort()[0][int(0.95 * len(error))]) < TABLE_ERROR_A:
            break
        spacing /= _FINER
    return spacing


_FIELDS: weakref.WeakKeyDictionary[GaussianModel, InverseField] = weakref.WeakKeyDictionary()


def evaluate_inverse(model: TrainedModel, half: int, latents: Tensor, points: Tensor) -> Tensor:
    """Find where points of moved molecules lie in the consensus.

    Parameters
    ----------
    model: TrainedModel
        Models of both half-sets.
    half: int
        Whose model is used, 1 or 2.
    latents: torch.Tensor
        ``(b, L)`` states in the latent axes of that half-set.
    points: torch.Tensor
        ``(n, 3)`` or ``(b, n, 3)`` points ``(x, y, z)`` in Å relative to the box centre.

    Returns
    -------
    torch.Tensor
        ``(b, n, 3)`` points y with ``y + u(y, z) = x``, to a few hundredths of an Å; where the motion folds
        space onto itself, the nearest that was found.
    """
    own = model.halves[half - 1]
    field = _FIELDS.get(own.model)
    if field is None:
        field = InverseField(own.model, choose_spacing(own.model, own.means))
        _FIELDS[own.model] = field
    device = own.model.positions.device
    return field.invert(latents.to(device), points.to(device)).points_a.to(points.device)
