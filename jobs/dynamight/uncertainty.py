"""How far the displacement of a point in a particle is likely to be from the truth.

Two things are known about that error without knowing the truth.  The posterior says how well an image pins
down the state of its particle: one standard deviation along a latent axis displaces a point by
``sd_k du/dz_k``.  And both half-sets have learnt the motion from different particles: where their fields
differ for the same deformation (:mod:`jobs.dynamight.uncertainty_matching`), at least one is wrong, and each
contributes half of the squared difference.  Together, for a displacement by the model of one half-set,

    e(x)^2 = SCALE^2 * (sum_k |s_k|^2 + 1/4 sum_k |sd_k du/dz_k - s_k|^2 + 1/2 |u - u_other|^2) + floor^2.

``s_k`` is that part of the motion ``sd_k du/dz_k`` which the model of the other half-set can make, too.  The
rest is not reproduced: probably it is no motion of the molecule, the posterior along it is as wide as the
prior, and the estimated displacement near zero.  It counts half in Å, as it would in the mean of both models.
Particles held out are shown by that mean, ``u = (u_1 + u_2) / 2`` at one state for both, and

    e(x)^2 = SCALE_OF_MEAN^2 * (sum_k |sd_k du/dz_k|^2 + 1/4 |u_1 - u_2|^2) + floor^2.

An error is the expected root mean square *length* of the vector from the true to the predicted displacement;
along each axis it is that over the square root of three.  The interval that holds 68 % of the lengths reaches
from 0 to ``INTERVAL_68`` times the error.

Everything is linear in the modes, ``u = B c``, so the squared error of a point is a quadratic form of the few
mode coefficients: one matrix product gives it for many points and particles, and sums over all points or all
particles need the modes' Gram matrix only.  Displacements count from the mean over all particles, so what
both half-sets get wrong alike (restraints, a wrong mask, wrong poses) is not seen.

How well errors can be ranked.  Over beads, the rank correlation of predicted with true error is 0.85 to
0.97 on ``R1``.  Over particles it is 0.1 to 0.3, and can hardly be more: the images of a data set are about
equally good, predicted errors differ by 16 % only, while the length of one error drawn with a given standard
deviation varies by more than its own size.  Were the predictions exact, drawn errors would rank with them by
0.25 to 0.39; the exact posterior of the hinge's angle, from the true structure by likelihoods on a grid (500
images of ``R1``), ranks with the error of its own mean by 0.30, and 0.23 is expected of it.  What is right is
the mean error of particles alike: those of the fifth with the largest predictions (0.79 Å rms) are off by
0.73 Å, those of the lowest fifth (0.49) by 0.53.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.latent_states import States, select_states
from jobs.dynamight.state import TrainedModel
from jobs.dynamight.uncertainty_forms import Part, forms, square_norm, upper
from jobs.dynamight.uncertainty_matching import Other, jacobian, other_half

Float32 = npt.NDArray[np.float32]

#: Factor on all but the floor, so that the interval holds 68 % of all errors of beads in particles where the
#: truth is known: 1.10 on ``three_domains`` (seed 1, signal-to-noise ratio 0.1), 1.03 on ``R1`` (seed 7, 0.1)
#: and 0.97 on ``R1`` (seed 11, 0.05), 2000 images each; this is their mean.
SCALE = 1.03
#: The same for the mean of both models: 71 to 74 % of the errors in the two sets at 0.1 are within.
SCALE_OF_MEAN = 0.74
#: Weight of the squared motion along latent axes that only one half-set has, see above; on the same sets it
#: makes the intervals of moving and of resting beads about equally right.
UNSHARED = 0.25
#: Least error in voxels. The fit asks for none; no displacement is known better than this.
FLOOR_VOXELS = 0.02
#: Lengths of normally distributed vectors: 68.27 % are below 1.878 standard deviations per axis, and so below
#: this multiple of the root mean square length (chi-square distribution with three degrees of freedom).
INTERVAL_68 = 1.8782 / 3**0.5
#: 68 % of the true rms errors of beads over all particles are the predicted one times ``exp(+-`` this ``)``:
#: mean over six trainings on ``R1`` (54 to 80 % each; two on ``three_domains``: 39 and 58 %). About half of
#: the scatter is a factor common to all beads of a training.
SPREAD_OF_RMS = 0.11

#: Particles and points handled at once; bound the memory.
_PARTICLES_AT_ONCE = 1024
_POINTS_AT_ONCE = 2048


class Errors:
    """Predicted errors of displacements in a half-set.

    Parameters
    ----------
    model
        Models of both half-sets.
    half
        1 or 2: particles of that half-set, moved by its model. 0: particles held out, moved by the mean of
        both models, as the explorer shows them.

    Raises
    ------
    UserError
        If nothing has moved yet when the checkpoint was written.
    """

    def __init__(self, model: TrainedModel, half: int) -> None:
        self.half, self._trained = half, model
        self._states: States = select_states(model, half)
        if not self._states.moves:
            raise UserError(
                "nothing has moved yet when this checkpoint was written, so there are no errors of motion",
                path=model.path,
                hint="Choose a later one.",
            )
        self._weights = (0.25, SCALE_OF_MEAN) if self._states.pooled else (0.5, SCALE)
        self._other: Other | None = None if self._states.pooled else other_half(model, half)
        self._place = np.full(len(model.half), -1)
        self._place[self._states.rows] = np.arange(len(self._states.rows))
        self.floor_a = FLOOR_VOXELS * model.frame.voxel_size_a

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Places ``(P,)`` of all its particles in the particle file."""
        return self._states.rows

    @torch.no_grad()
    def of_points(self, rows: npt.NDArray[np.int64], points_a: Tensor) -> Float32:
        """Errors of any points, see :func:`point_errors`."""
        result = np.empty((len(rows), len(points_a)), np.float32)
        of_points = [forms(self.basis(part)) for part in points_a.split(_POINTS_AT_ONCE)]
        for part in self._parts(rows):
            factors = part.factors(*self._weights)
            squares = upper(factors.transpose(1, 2) @ factors, off_diagonal=2.0)
            squared = torch.cat([squares @ form.T for form in of_points], 1)
            result[part.place] = self._root(squared).cpu().numpy()
        return result

    @torch.no_grad()
    def of_particles(self, rows: npt.NDArray[np.int64]) -> tuple[Float32, Float32]:
        """Errors of particles, rms over the Gaussians of the half-set (those of half-set 1 for half 0).

        Returns
        -------
        tuple of numpy.ndarray
            ``(p,)`` predicted error, and ``(p,)`` distance between the displacements by both models, Å.
        """
        gram = self.gram()
        errors, apart = np.empty((2, len(rows)), np.float32)
        for part in self._parts(rows):
            factors = part.factors(*self._weights)
            errors[part.place] = self._root(square_norm(factors, gram)).cpu().numpy()
            apart[part.place] = square_norm(part.difference, gram).clamp(min=0).sqrt().cpu().numpy()
        return errors, apart

    @torch.no_grad()
    def of_gaussians(self) -> tuple[Float32, Float32, Float32]:
        """Means over all particles of the half-set, for each of its Gaussians.

        Returns
        -------
        tuple of numpy.ndarray
            ``(n,)`` rms displacement, rms distance between the displacements by both models, and rms
            predicted error, Å.
        """
        moments: list[Tensor] = []
        for part in self._parts(self.rows):
            rows = (part.motion[:, None], part.difference, part.factors(*self._weights))
            sums = [(r := kind.flatten(0, 1)).T @ r for kind in rows]
            moments = sums if not moments else [a + b for a, b in zip(moments, sums, strict=True)]
        squares = upper(torch.stack(moments) / max(1, len(self.rows)), off_diagonal=2.0)
        points = self._states.gaussians_a.split(_POINTS_AT_ONCE)
        squared = torch.cat([squares @ forms(self.basis(part)).T for part in points], 1)
        moved, apart = squared[:2].clamp(min=0).sqrt().float().cpu().numpy()
        return moved, apart, self._root(squared[2]).float().cpu().numpy()

    @torch.no_grad()
    def factors_at(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of coefficients in a state ``(L,)`` of the shown axes, as wide as its nearest particle's.

        Returns
        -------
        tuple of torch.Tensor
            ``(m, K)`` whose squared displacements add up to the squared error, less the floor, and ``(K,)``
            the difference between the displacements by both models.
        """
        nearest = (self._states.means - state).square().sum(1).argmin()[None]
        part = Part(slice(0, 1), *self._coefficients(state[None], self._steps(nearest)))
        return part.factors(*self._weights)[0], part.difference[0, 0]

    def _parts(self, rows: npt.NDArray[np.int64]) -> Iterator[Part]:
        """Go through particles.

        Raises
        ------
        ValueError
            When a particle is not of this half-set.
        """
        local = self._place[rows]
        if len(local) and local.min() < 0:
            raise ValueError(f"particle {rows[local.argmin()]} is not of half-set {self.half}")
        states = self._states
        for start in range(0, len(rows), _PARTICLES_AT_ONCE):
            place = slice(start, min(start + _PARTICLES_AT_ONCE, len(rows)))
            chosen = torch.from_numpy(local[place]).to(states.means.device)
            yield Part(place, *self._coefficients(states.means[chosen], self._steps(chosen)))

    def _steps(self, chosen: Tensor) -> Tensor:
        """One standard deviation along each axis of the posteriors, rows ``(b, L, L)`` of shown latents."""
        axes = self._states.own_axes
        return self._states.sds[chosen][:, :, None] * (axes if axes.ndim == 2 else axes[chosen])

    def _coefficients(self, means: Tensor, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Spread, difference and motion of particles at ``(b, L)`` with deviations ``(b, L, L)`` as rows.

        All in the modes of both models one after the other, float64.
        """
        if self._other is None:
            return self._of_mean(means, steps)
        own, other = (field.coefficients for field in (self._other.own, self._other.other))
        matched = self._other.match(means)
        here, there = own(means).double(), other(matched).double()
        moves = steps.double() @ jacobian(self._other.own, means).double()
        shared = self._other.shared(moves, matched)
        none = torch.zeros_like(moves)
        weight = UNSHARED**0.5
        spread = torch.cat((self._join(none, shared), self._join(weight * moves, -weight * shared)), 1)
        difference = self._join(here[:, None], -there[:, None])
        return spread, difference, self._join(here, torch.zeros_like(there))

    def _join(self, own: Tensor, other: Tensor) -> Tensor:
        """Coefficients of the own and the other's modes, those of half-set 1 first."""
        return torch.cat((own, other) if self.half == 1 else (other, own), -1)

    def _of_mean(self, means: Tensor, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`_coefficients`, for the mean of both fields at the same state."""
        spread, difference, motion = [], [], []
        for own, term, sign in zip(self._trained.halves, self._states.shown_terms, (1, -1), strict=True):
            axes = torch.eye(means.shape[1], device=means.device) if term.axes is None else term.axes
            here = means @ axes
            coefficients = own.model.field.coefficients(here).double()
            slopes = jacobian(own.model.field, here).double()
            spread.append(term.weight * ((steps @ axes).double() @ slopes))
            difference.append(sign * coefficients)
            motion.append(term.weight * coefficients)
        return torch.cat(spread, 2), torch.cat(difference, 1)[:, None], torch.cat(motion, 1)

    def basis(self, points_a: Tensor) -> Tensor:
        """Modes ``(n, 3, K)`` of both models at points, float64."""
        points = points_a.to(self._states.means.device, torch.float32)
        return torch.cat([own.model.basis(points) for own in self._trained.halves], 2).double()

    @torch.no_grad()
    def gram(self) -> Tensor:
        """Mean over the Gaussians of the products of modes ``(K, K)``."""
        points = self._states.gaussians_a
        total = torch.zeros((), dtype=torch.float64, device=points.device)
        for part in points.split(_POINTS_AT_ONCE):
            flat = self.basis(part).flatten(0, 1)
            total = total + flat.T @ flat
        return total / max(1, len(points))

    def _root(self, squared: Tensor) -> Tensor:
        return (squared.clamp(min=0) + self.floor_a**2).sqrt()


def point_errors(model: TrainedModel, half: int, rows: npt.NDArray[np.int64], points_a: Tensor) -> Float32:
    """Predict the error of the displacement of points in particles.

    Parameters
    ----------
    model: TrainedModel
        Models of both half-sets.
    half: int
        1 or 2 for displacements by the model of that half-set, or 0 for particles held out, moved by the mean
        of both models.
    rows: numpy.ndarray
        ``(p,)`` particles of that half-set, by their place in the particle file.
    points_a: torch.Tensor
        ``(n, 3)`` points of the consensus in Å relative to the box centre.

    Returns
    -------
    numpy.ndarray
        ``(p, n)`` float32 expected root mean square length of the error in Å; 68 % of errors are shorter than
        ``INTERVAL_68`` times that.

    Raises
    ------
    ValueError
        When a particle is not of this half-set.
    UserError
        When nothing has moved yet in the checkpoint.
    """
    return Errors(model, half).of_points(rows, points_a)


def particle_errors(model: TrainedModel, half: int, rows: npt.NDArray[np.int64]) -> Float32:
    """Predict the error ``(p,)`` of particles, rms over the Gaussians, Å; see :func:`point_errors`."""
    return Errors(model, half).of_particles(rows)[0]


def gaussian_errors(model: TrainedModel, half: int = 1) -> Float32:
    """Predict the error of each Gaussian ``(n,)``, root mean square over all particles of a half-set, Å."""
    return Errors(model, half).of_gaussians()[2]


def rms_interval(error: Float32) -> tuple[Float32, Float32]:
    """Ends of the interval that holds 68 % of the true rms errors of Gaussians, for predictions ``(n,)``."""
    factor = np.float32(np.exp(SPREAD_OF_RMS))
    return error / factor, error * factor
