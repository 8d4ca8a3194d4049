"""Masks of rigid bodies: found in a folder, made disjoint, and given a pivot each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.model import Frame
from jobs.dynamight.rigid_field import FULL, RigidBodies
from jobs.dynamight.rigid_folder import mask_files
from jobs.maths.masks import raised_cosine

#: A voxel belongs to a body where its mask is above this.
INSIDE = 0.5
#: How far in Å bodies reach full strength into the solvent about them, and over what length that falls to 0;
#: in voxels at least. Density is blurred, and its outskirts must move along.
REACH_A, EDGE_A, REACH_VOXELS = 10.0, 10.0, 3
#: Gaussians within this of the closest contact in Å make up an interface; farther parts do not touch.
INTERFACE_A, TOUCHING_A = 6.0, 20.0
#: Values of masks that are closer than this are the same.
_SAME = 1e-3


def read_bodies(
    folder: Path, points: Tensor, frame: Frame, read: Callable[[Path], Tensor], say: Callable[[str], None]
) -> RigidBodies:
    """Read the masks of a folder and divide the box among the bodies.

    Parameters
    ----------
    folder: Path
        Folder with a mask per body.
    points: torch.Tensor
        ``(n, 3)`` Gaussians of the consensus in Å relative to the box centre.
    frame: Frame
        The box.
    read: callable
        Reads a mask ``(D, D, D)`` and checks that it fits to the particles.
    say: callable
        Told in words how the masks were divided.

    Raises
    ------
    UserError
        If there are no masks, or one holds no Gaussian or no voxel of its own; the file is named.
    """
    files, remarks = mask_files(folder)
    for remark in remarks:
        say(remark)
    names = tuple(path.name for path in files)
    labels, remarks = divide([read(path).numpy() for path in files], names, folder)
    for remark in remarks:
        say(remark)
    voxel = frame.voxel_size_a
    places = _places(points, labels.shape[0], voxel)
    own = labels[places]
    for number, path in enumerate(files, 1):
        if not (own == number).any():
            raise UserError(
                f"the mask holds none of the {len(points):,} Gaussians",
                path=path,
                hint="Choose a mask that holds density of the map, or lower the initial map threshold.",
            )
    cloud = points.double().cpu().numpy()
    pivots, radii = [], []
    for number, name in enumerate(names, 1):
        pivot, why = find_pivot(cloud[own == number], cloud[own != number])
        pivots.append(pivot)
        arms = cloud[own == number] - pivot
        radii.append(max(voxel, float(np.sqrt(np.square(arms).sum(1).mean()))))
        x, y, z = pivot
        say(
            f"Body {number} ({name}): {int((own == number).sum()):,} Gaussians, "
            f"turns about ({x:.1f}, {y:.1f}, {z:.1f}) Å from the box centre, {why}"
        )
    fixed = int((own == 0).sum())
    say(
        f"{fixed} of {len(points):,} Gaussians are outside every body and stay where they are"
        if fixed
        else "Every Gaussian belongs to a body"
    )
    extended, reach = extend(labels, places, voxel)
    return RigidBodies(
        torch.from_numpy(extended),
        torch.from_numpy(reach),
        torch.tensor(np.array(pivots), dtype=torch.float32),
        torch.tensor(radii, dtype=torch.float32),
        voxel,
        names,
    )


def divide(
    masks: Sequence[npt.NDArray[np.float32]], names: Sequence[str], folder: Path
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Make masks disjoint: a voxel belongs to the body whose mask is highest there, if it is above a half.

    Where masks are equal, which those with values 0 and 1 are wherever they overlap, it belongs to the body
    whose undisputed part is nearest.

    Parameters
    ----------
    masks: sequence of numpy.ndarray
        ``(D, D, D)`` each.
    names: sequence of str
        Their file names.
    folder: Path
        Where they lie.

    Returns
    -------
    tuple
        ``(D, D, D)`` number of the body from 1, 0 for none; and sentences on overlaps.
    """
    labels = np.zeros(masks[0].shape, np.uint8)
    highest = np.full(masks[0].shape, INSIDE, np.float32)
    tied = np.zeros(masks[0].shape, bool)
    for number, mask in enumerate(masks, 1):
        above = mask > INSIDE
        equal = above & (labels > 0) & (np.abs(mask - highest) < _SAME)
        more = above & ~equal & (mask > highest)
        labels[more], highest[more] = number, mask[more]
        tied = (tied & ~more) | equal
    if tied.any():
        settled = np.where(tied, 0, labels)
        for number in range(1, len(masks) + 1):
            _require_own(settled == number, number, names, folder)
        candidates = np.full(tied.sum(), np.inf)
        winners = np.zeros(tied.sum(), np.uint8)
        for number, mask in enumerate(masks, 1):
            part = mask[tied]
            distance = distance_transform_edt(settled != number)[tied]
            better = (part > INSIDE) & (part > highest[tied] - _SAME) & (distance < candidates)
            candidates[better], winners[better] = distance[better], number
        labels[tied] = winners
    for number in range(1, len(masks) + 1):
        _require_own(labels == number, number, names, folder)
    return labels, _overlaps(masks, labels, names)


def _require_own(own: npt.NDArray[np.bool_], number: int, names: Sequence[str], folder: Path) -> None:
    if not own.any():
        raise UserError(
            "the mask has no voxel of its own: other masks cover all of it",
            path=folder / names[number - 1],
            hint="Remove it from the folder, or cut it out of the other masks.",
        )


def _overlaps(
    masks: Sequence[npt.NDArray[np.float32]], labels: npt.NDArray[np.uint8], names: Sequence[str]
) -> list[str]:
    """Sentences on which masks overlap, in how many voxels, and who has got them."""
    said = []
    for first, second in combinations(range(len(masks)), 2):
        both = (masks[first] > INSIDE) & (masks[second] > INSIDE)
        n = int(both.sum())
        if n:
            parts = [int((both & (labels == which + 1)).sum()) for which in (first, second)]
            said.append(
                f"{names[first]} and {names[second]} overlap in {n} voxels: {parts[0]} were given to the "
                f"first and {parts[1]} to the second, each to the mask that is higher "
                "there or else whose own part is nearer"
            )
    return said


def extend(
    labels: npt.NDArray[np.uint8], places: tuple[npt.NDArray[np.int64], ...], voxel_a: float
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Let bodies reach into the solvent about them, but not into what stands still.

    Parameters
    ----------
    labels: numpy.ndarray
        ``(D, D, D)`` body of every voxel, 0 for none.
    places: tuple of numpy.ndarray
        Voxels (z, y, x) of all Gaussians.
    voxel_a: float
        Voxel size in Å.

    Returns
    -------
    tuple of numpy.ndarray
        ``(D, D, D)`` labels and reach of :class:`RigidBodies`.
    """
    seeds = labels > 0
    seeds[places] = True
    distance, nearest = distance_transform_edt(~seeds, sampling=voxel_a, return_indices=True)
    full, edge = (max(length, REACH_VOXELS * voxel_a) for length in (REACH_A, EDGE_A))
    reach = raised_cosine(torch.from_numpy(distance), full, edge).numpy()
    extended = np.where(reach > 0, labels[tuple(nearest)], 0).astype(np.uint8)
    return extended, np.round(FULL * reach).astype(np.uint8)


def find_pivot(
    own: npt.NDArray[np.float64], others: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], str]:
    """Point about which a body turns, and why it was chosen.

    It is the middle of the interface to the other bodies, where hinges are: then a turn alone keeps the body
    in touch with its neighbours. A body that touches none turns about its centre of mass. As bodies may shift
    as well, the pivot limits nothing; it decides which motions are found first.

    Parameters
    ----------
    own, others: numpy.ndarray
        ``(n, 3)`` and ``(m, 3)`` Gaussians of the body and all others, in Å.
    """
    if len(others):
        distance, partner = (np.asarray(found) for found in cKDTree(others).query(own))
        closest = float(distance.min())
        if closest <= TOUCHING_A:
            contact = distance <= closest + INTERFACE_A
            middle = 0.5 * (own[contact].mean(0) + others[partner[contact]].mean(0))
            return middle, "the middle of its interface"
    return own.mean(0), "its centre of mass, as it touches nothing else"


def _places(points: Tensor, box: int, voxel_a: float) -> tuple[npt.NDArray[np.int64], ...]:
    """Voxels (z, y, x) that points in Å lie in."""
    index = (points / voxel_a + box // 2).round().long().clamp(0, box - 1).cpu().numpy()
    return tuple(index[:, axis] for axis in (2, 1, 0))
