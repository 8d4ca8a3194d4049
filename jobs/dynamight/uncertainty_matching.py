"""The same deformation in the model of the other half-set.

Latent axes of both half-sets agree only up to what a rotation can do: the same state may mean 20 degrees in
one model and 25 in the other without either being wrong.  So the two fields are not compared at the same
state, but at the state of the other model whose deformation is closest.  What then remains is a difference
in what the models have learnt about the motion; how uncertain the state is, the posterior tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jobs.dynamight.field import DisplacementField
from jobs.dynamight.state import TrainedHalf, TrainedModel

#: Å² that the matched state costs per squared length: the state is drawn to where particles are, and latent
#: axes without effect do not run away. A standard deviation of the prior costs as much as 0.1 Å.
_RIDGE_A2 = 0.01
#: Å²: motion of which the other model makes less than 0.3 Å per standard deviation of its prior is not
#: counted as shared. Chosen on the simulated sets that :data:`jobs.dynamight.uncertainty.SCALE` names.
_LEAST_SHARED_A2 = 0.1
_STEPS = 8
_FIRST_DAMPING = 1e-2


@dataclass(frozen=True)
class Other:
    """The model of the other half-set and how deformations are found in it.

    Attributes
    ----------
    own, other
        Displacement fields.
    start
        ``(L, L)`` linear guess of the states of the other model, ``z @ start``.
    gram, mixed
        Mean over the Gaussians of products of the other's modes ``(K, K)``, and of the own with the other's.
    """

    own: DisplacementField
    other: DisplacementField
    start: Tensor
    gram: Tensor
    mixed: Tensor

    @torch.no_grad()
    def match(self, latents: Tensor) -> Tensor:
        """States ``(b, L)`` of the other model whose deformation is closest to that of states ``(b, L)``.

        Damped Gauss-Newton steps (Levenberg, Q. Appl. Math. 2, 1944; Marquardt, SIAM J. 11, 1963); a step
        that makes a particle worse is not taken.
        """
        wanted = self.own.coefficients(latents).double() @ self.mixed
        states = latents.double() @ self.start
        eye = torch.eye(states.shape[1], dtype=states.dtype, device=states.device)
        damping = states.new_full((len(states), 1, 1), _FIRST_DAMPING)
        coefficients = self._coefficients(states)
        cost = self._cost(states, coefficients, wanted)
        for _ in range(_STEPS):
            slopes = jacobian(self.other, states.float()).double()
            weighted = slopes @ self.gram
            missing = wanted - coefficients @ self.gram
            downhill = (slopes @ missing[:, :, None])[:, :, 0] - _RIDGE_A2 * states
            curvature = weighted @ slopes.transpose(1, 2) + _RIDGE_A2 * eye
            # Relative to the curvature, so that the unit of the latents does not matter.
            size = curvature.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
            step = torch.linalg.solve(curvature + damping * size * eye, downhill)
            trial = states + step
            trial_coefficients = self._coefficients(trial)
            trial_cost = self._cost(trial, trial_coefficients, wanted)
            better = trial_cost < cost
            states = torch.where(better[:, None], trial, states)
            coefficients = torch.where(better[:, None], trial_coefficients, coefficients)
            cost = torch.where(better, trial_cost, cost)
            damping = damping * torch.where(better, 0.2, 5.0)[:, None, None]
        return states.float()

    @torch.no_grad()
    def shared(self, motions: Tensor, matched: Tensor) -> Tensor:
        """Small motions of the own model as far as the other model can make them, too.

        Parameters
        ----------
        motions: torch.Tensor
            ``(b, m, K)`` float64 coefficients of the own modes.
        matched: torch.Tensor
            ``(b, L)`` states of the other model, from :meth:`match`.

        Returns
        -------
        torch.Tensor
            ``(b, m, K)`` coefficients of the other's modes: the ridge-regularised projection of the motions
            onto what changes of the other's state do.
        """
        slopes = jacobian(self.other, matched).double()
        response = slopes @ self.gram @ slopes.transpose(1, 2)
        eye = torch.eye(response.shape[1], dtype=response.dtype, device=response.device)
        overlap = slopes @ (motions @ self.mixed).transpose(1, 2)
        return torch.linalg.solve(response + _LEAST_SHARED_A2 * eye, overlap).transpose(1, 2) @ slopes

    def _coefficients(self, states: Tensor) -> Tensor:
        return self.other.coefficients(states.float()).double()

    def _cost(self, states: Tensor, coefficients: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared distance of the deformations in Å², less a constant, with the ridge."""
        fit = ((coefficients @ self.gram - 2 * wanted) * coefficients).sum(1)
        return fit + _RIDGE_A2 * states.square().sum(1)


@torch.no_grad()
def other_half(model: TrainedModel, half: int) -> Other:
    """Prepare to find deformations of half-set 1 or 2 in the model of the other.

    Deformations are compared on the Gaussians of the own half-set.
    """
    own, other = model.halves[half - 1], model.halves[2 - half]
    points = own.model.positions
    mine, its = (h.model.basis(points).flatten(0, 1).double() for h in (own, other))
    gram, mixed = its.T @ its / len(points), mine.T @ its / len(points)
    mine_slope, its_slope = _linear_slope(own), _linear_slope(other)
    response = its_slope @ gram @ its_slope.T
    eye = torch.eye(len(response), dtype=response.dtype, device=response.device)
    start = torch.linalg.solve(response + _RIDGE_A2 * eye, its_slope @ (mine_slope @ mixed).T).T
    return Other(own.model.field, other.model.field, start, gram, mixed)


@torch.no_grad()
def jacobian(field: DisplacementField, latents: Tensor) -> Tensor:
    """Derivatives ``(b, L, K)`` of the mode coefficients with respect to the states ``(b, L)``, exact.

    The chain rule through the two hidden layers of the field, all axes at once; axis by axis for fields whose
    coefficients are other functions of the network.
    """
    if type(field) is not DisplacementField:
        axes = torch.eye(latents.shape[1], dtype=latents.dtype, device=latents.device)
        along = [axis.expand_as(latents).contiguous() for axis in axes]
        return torch.stack([torch.func.jvp(field.coefficients, (latents,), (v,))[1] for v in along], 1)
    hidden = latents
    slopes = torch.eye(latents.shape[1], dtype=latents.dtype, device=latents.device)
    slopes = slopes.expand(len(latents), -1, -1)
    for layer in field.bent_coefficients:
        assert isinstance(layer, nn.Linear)
        before = layer(hidden)
        gate = torch.sigmoid(before)
        hidden = before * gate
        slopes = (slopes @ layer.weight.T) * (gate + hidden * (1 - gate))[:, None]
    return field.linear_coefficients.weight.T + slopes @ field.bent_output.weight.T


def _linear_slope(half: TrainedHalf) -> Tensor:
    """Least-squares change ``(L, K)`` of the mode coefficients per unit of each latent over the particles."""
    means = half.means.double()
    centred = means - means.mean(0)
    gram = centred.T @ centred
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    ridge = 1e-6 * gram.diagonal().mean() + 1e-12
    coefficients = half.model.field.coefficients(half.means).double()
    return torch.linalg.solve(gram + ridge * eye, centred.T @ coefficients)
