"""Are the classes different views, and which directions do they cover? With and without known poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from jobs.maths.fourier import crop_rfft, image_to_rfft, rfft_to_image
from jobs.maths.masks import soft_circle
from jobs.maths.planar_similarity import best_matches

FloatArray = npt.NDArray[np.float64]
_ALIKE = 0.95
_SIDE_PX = 48  # averages are compared at this box: finer detail does not tell views apart
_REACH_PX = 1.0
_CELLS = 100
_EDGE_PX = 2.0


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike the averages are, turned, mirrored and shifted as fits best.

    Attributes
    ----------
    nearest
        `(K,)` correlation with the average most like it.
    neighbour
        `(K,)` which one that is.
    distinct
        Classes left when of those that correlate by more than 0.95 one is kept.
    """

    nearest: FloatArray
    neighbour: npt.NDArray[np.int64]
    distinct: int

    @property
    def sentence(self) -> str:
        """The result in words."""
        k = len(self.nearest)
        if k < 2:
            return "There is one class only, with nothing to compare it with."
        many = (
            "None can be merged by their looks; but averages of few particles differ by their noise as well, "
            "so that there may be fewer views than classes."
            if self.distinct > 0.9 * k
            else "Several show the same view and could be merged."
        )
        return (
            f"Of {k} averages {self.distinct} differ from each other (correlation below {_ALIKE} at any "
            f"rotation and mirror); an average is like its nearest by a median "
            f"{np.median(self.nearest):.2f}. {many}"
        )


@dataclass(frozen=True, eq=False)
class Coverage:
    """Directions of view of the members by poses that another program found; from behind counts as the same.

    Attributes
    ----------
    n
        Members with known pose.
    spread_deg, spread_90_deg
        `(K,)` median and ninetieth percentile of the angle between a member's direction and the class's
        axis; nan for classes without.
    ideal_deg
        Median if `K` equal caps shared the half sphere.
    recall
        `(C,)` share of all particles of each of C equal cells of the half sphere that are in classes; nan
        where there are no particles.
    """

    n: int
    spread_deg: FloatArray
    spread_90_deg: FloatArray
    ideal_deg: float
    recall: FloatArray

    @property
    def lost(self) -> int:
        """Cells that hold particles, none of them in a class."""
        return int((self.recall == 0).sum())

    @property
    def sentence(self) -> str:
        """The result in words."""
        known = self.spread_deg[np.isfinite(self.spread_deg)]
        if not len(known):
            return "No member of a class has a known pose."
        seen = int(np.isfinite(self.recall).sum())
        gaps = (
            "Every direction that the particles have is in a class."
            if not self.lost
            else f"{self.lost} of {seen} directions that the particles have are in no class."
        )
        return (
            f"By the given poses the members of a class lie a median {np.median(known):.1f}° from its axis "
            f"({self.ideal_deg:.1f}° if the classes shared all directions evenly). {gaps}"
        )


def likeness(averages: npt.NDArray[np.float32], *, radius_px: float = 0.0) -> Likeness:
    """Compare all averages `(K, y, x)` with each other.

    Parameters
    ----------
    averages
        Class averages.
    radius_px
        Radius of the disc that is compared; 0: three eighths of the box.
    """
    k, box = len(averages), averages.shape[-1]
    if k < 2:
        return Likeness(np.zeros(k), np.full(k, -1, np.int64), k)
    images = torch.as_tensor(averages)
    factor = min(1.0, _SIDE_PX / box)
    radius = factor * (radius_px or 0.375 * box)
    if factor < 1:
        images = rfft_to_image(crop_rfft(image_to_rfft(images), _SIDE_PX), _SIDE_PX)
    images = images * soft_circle(images.shape[-1], radius, _EDGE_PX)
    found = best_matches(images, images, max(4, round(radius)), _REACH_PX).correlation
    both = torch.maximum(found, found.T).fill_diagonal_(-1.0)
    nearest, neighbour = both.max(dim=1)
    kept: list[int] = []
    for number in range(k):
        if not kept or float(both[number, kept].max()) < _ALIKE:
            kept.append(number)
    return Likeness(nearest.double().numpy(), neighbour.numpy(), len(kept))


def view_axes(euler_deg: npt.ArrayLike) -> FloatArray:
    """Directions of view `(P, 3)` of RELION angles `(P, 3)` (rot, tilt, psi), on the half sphere z ≥ 0."""
    rot, tilt = np.radians(np.asarray(euler_deg, np.float64)[:, :2]).T
    axes = np.stack((np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)), axis=1)
    return np.where(axes[:, 2:] < 0, -axes, axes)


def coverage(axes: FloatArray, class_of: npt.ArrayLike, n_classes: int) -> Coverage:
    """Say which directions classes hold.

    Parameters
    ----------
    axes
        `(P, 3)` directions of all particles, in classes or not.
    class_of
        `(P,)` class from 0; -1: none.
    n_classes
        Number of classes.
    """
    labels = np.asarray(class_of, np.int64)
    median, high = np.full(n_classes, np.nan), np.full(n_classes, np.nan)
    for k in range(n_classes):
        mine = axes[labels == k]
        if len(mine):
            # The axis that directions without sign have in common.
            axis = np.linalg.eigh(mine.T @ mine)[1][:, -1]
            apart = np.degrees(np.arccos(np.clip(np.abs(mine @ axis), 0, 1)))
            median[k], high[k] = np.percentile(apart, (50, 90))
    cells = _cell_axes()
    cell = np.abs(axes @ cells.T).argmax(axis=1)
    everyone = np.bincount(cell, minlength=len(cells)).astype(np.float64)
    members = np.bincount(cell[labels >= 0], minlength=len(cells))
    recall = np.divide(members, everyone, out=np.full(len(cells), np.nan), where=everyone > 0)
    ideal = float(np.degrees(np.arccos(1 - 0.5 / max(1, n_classes))))
    return Coverage(int((labels >= 0).sum()), median, high, ideal, recall)


def _cell_axes() -> FloatArray:
    """Centres of equal cells of the half sphere, on a spiral."""
    height = (np.arange(_CELLS) + 0.5) / _CELLS
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(_CELLS)
    flat = np.sqrt(1 - height**2)
    return np.stack((flat * np.cos(turn), flat * np.sin(turn), height), axis=1)
