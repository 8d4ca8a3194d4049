"""What is known about simulated particles in few views: view, side, angle, shift, and what aligns them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.maths.rotations import euler_to_matrix
from jobs.simulate.class_specification import ClassSpec

#: Every random quantity draws from its own generator, so that changing one setting leaves the others alone.
STREAMS = ("order", "side", "angle", "shift", "defocus", "astigmatism", "noise")
_CANDIDATES = 4000
_GOLDEN_TURN = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True)
class ClassTruth:
    """What is known about ``N`` images, those of noise among them.

    Attributes
    ----------
    views_deg
        ``(V, 2)`` RELION's rot and tilt of the views.
    view
        ``(N,)`` view of each image; -1 for noise alone.
    mirrored
        ``(N,)`` whether it is seen from the opposite side, as the mirror image of the view.
    psi_deg
        ``(N,)`` RELION's psi that turns the view (or its mirror image) into the image.
    shift_px
        ``(N, 2)`` x and y offset of the particle from pixel ``box // 2``.
    defocus_u_a, defocus_v_a, defocus_angle_deg
        ``(N,)``.
    noise_sd
        Standard deviation of the noise; images are scaled so that the signal has 1.
    """

    views_deg: NDArray[np.float64]
    view: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    psi_deg: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    defocus_u_a: NDArray[np.float64]
    defocus_v_a: NDArray[np.float64]
    defocus_angle_deg: NDArray[np.float64]
    noise_sd: float

    @property
    def is_noise(self) -> NDArray[np.bool_]:
        """``(N,)`` whether an image holds nothing but noise."""
        return self.view < 0

    @property
    def view_rotations(self) -> Tensor:
        """``(V, 3, 3)`` RELION matrices of the views, with psi 0."""
        angles = np.concatenate((self.views_deg, np.zeros((len(self.views_deg), 1))), axis=1)
        return euler_to_matrix(torch.as_tensor(angles))

    @property
    def rotations(self) -> Tensor:
        """``(N, 3, 3)`` RELION matrices of the images; of noise, those of the first view."""
        zero = np.zeros_like(self.psi_deg)
        in_plane = euler_to_matrix(torch.as_tensor(np.stack((zero, zero, self.psi_deg), axis=-1)))
        # Half a turn about the image's y axis: the same line of sight from behind mirrors x.
        side = torch.eye(3, dtype=torch.float64).repeat(len(self.view), 1, 1)
        side[torch.as_tensor(self.mirrored)] = torch.diag(torch.tensor([-1.0, 1.0, -1.0]).double())
        return in_plane @ side @ self.view_rotations[torch.as_tensor(np.maximum(self.view, 0))]

    def alignment(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """What turns every image into its view: ``alpha_deg (N,)``, ``shift (N, 2)``, ``mirror (N,)``.

        Of a point x, y about the centre: ``x' = cos a x + sin a y + sx``, ``y' = -sin a x + cos a y + sy``,
        and then ``x' -> -x'`` where mirrored.
        """
        alpha = -self.psi_deg
        cos, sin = np.cos(np.radians(alpha)), np.sin(np.radians(alpha))
        x, y = self.shift_px.T
        shift = np.stack((-cos * x - sin * y, sin * x - cos * y), axis=1)
        return alpha % 360, shift, self.mirrored.copy()


def spread_views(n_views: int) -> NDArray[np.float64]:
    """Directions ``(n, 2)`` of rot and tilt in degrees: each the farthest from those before it.

    Directions and their opposites are one (a view from behind is the mirror image), so that distances are
    taken on the half sphere. The first is the pole.
    """
    height = (np.arange(_CANDIDATES) + 0.5) / _CANDIDATES
    turn = _GOLDEN_TURN * np.arange(_CANDIDATES)
    flat = np.sqrt(1 - height**2)
    candidates = np.stack((flat * np.cos(turn), flat * np.sin(turn), height), axis=1)
    chosen = [_CANDIDATES - 1]
    nearest = np.abs(candidates @ candidates[chosen[0]])
    while len(chosen) < n_views:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, np.abs(candidates @ candidates[chosen[-1]]))
    x, y, z = candidates[chosen].T
    return np.degrees(np.stack((np.arctan2(y, x), np.arccos(z)), axis=1))


def draw_truth(spec: ClassSpec) -> ClassTruth:
    """Draw view, side, angle, shift and defocus of every image."""
    rng = {name: np.random.default_rng([spec.seed, i]) for i, name in enumerate(STREAMS)}
    n = spec.n_images + spec.n_noise
    label = np.where(np.arange(n) < spec.n_images, np.arange(n) % spec.n_views, -1)
    view = rng["order"].permutation(label)
    noise = view < 0
    shift = rng["shift"].uniform(-spec.shift_px, spec.shift_px, (n, 2))
    defocus = rng["defocus"].uniform(spec.defocus_low_a, spec.defocus_high_a, n)
    difference = rng["astigmatism"].uniform(0, spec.astigmatism_a, n)
    return ClassTruth(
        views_deg=spread_views(spec.n_views),
        view=view,
        mirrored=(rng["side"].random(n) < spec.mirrored_fraction) & ~noise,
        psi_deg=np.where(noise, 0.0, rng["angle"].uniform(-180, 180, n)),
        shift_px=np.where(noise[:, None], 0.0, shift),
        defocus_u_a=defocus + difference / 2,
        defocus_v_a=defocus - difference / 2,
        defocus_angle_deg=rng["astigmatism"].uniform(0, 180, n) if spec.astigmatism_a else np.zeros(n),
        noise_sd=float(1 / np.sqrt(spec.snr)),
    )
