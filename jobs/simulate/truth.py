"""The ground truth of a simulated data set: what was drawn, and where every bead is in every particle."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from jobs.core.errors import FormatError
from jobs.simulate import motions as motion_module
from jobs.simulate.motions import Motion

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GroundTruth:
    """What is known about ``P`` simulated particles with ``N`` beads and ``K`` motions.

    Attributes
    ----------
    theta
        ``(P, K)`` parameters of the motions, degrees or Å.
    motions
        The ``K`` motions.
    beads_a
        ``(N, 3)`` beads at rest, centred Å.
    membership
        ``(N, K)`` share of each bead in each motion.
    domain
        ``(N,)`` 0 for what stands still, else the number (from 1) of the motion that moves the bead most.
    weights, sigma_a
        ``(N,)`` masses of the beads, width of the Gaussians.
    present
        ``(P,)`` False where the region of the first motion is missing.
    image_name
        ``(P,)`` as in the STAR file.
    half
        ``(P,)`` 1 or 2, 0 without half-sets.
    euler_deg, origin_a
        ``(P, 3)`` and ``(P, 2)`` true poses; those in the STAR file differ when pose errors were asked for.
    box, pixel_size_a
        Of the images.
    noise_sd
        Standard deviation of the noise in the written images.
    spec
        JSON of the specification.
    """

    theta: Floats
    motions: tuple[Motion, ...]
    beads_a: Floats
    membership: Floats
    domain: NDArray[np.int64]
    weights: Floats
    sigma_a: float
    present: NDArray[np.bool_]
    image_name: NDArray[np.str_]
    half: NDArray[np.int64]
    euler_deg: Floats
    origin_a: Floats
    box: int
    pixel_size_a: float
    noise_sd: float
    spec: str

    @property
    def n_images(self) -> int:
        """Number of particles."""
        return len(self.theta)

    def save(self, path: str | Path) -> None:
        """Write ``ground_truth.npz``, whole or not at all."""
        target = Path(path)
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "motions"}
        values["motions"] = json.dumps([asdict(motion) for motion in self.motions])
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **values)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> GroundTruth:
        """Read ``ground_truth.npz``.

        Raises
        ------
        FormatError
            When the file is missing or is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                values = {name: file[name] for name in cls.__dataclass_fields__}
        except (OSError, KeyError, ValueError) as error:
            raise FormatError(f"not a readable ground truth ({error})", path=path) from error
        motions = json.loads(str(values.pop("motions")))
        for motion in motions:
            motion["axis"], motion["centre_a"] = tuple(motion["axis"]), tuple(motion["centre_a"])
        for name, convert in _SCALARS.items():
            values[name] = convert(values[name])
        return cls(motions=tuple(Motion(**motion) for motion in motions), **values)

    def rows_of(self, image_name: ArrayLike) -> NDArray[np.int64]:
        """Rows of the particles with these image names.

        Raises
        ------
        KeyError
            When a name is unknown.
        """
        place = {name: row for row, name in enumerate(self.image_name.tolist())}
        return np.array([place[str(name)] for name in np.asarray(image_name).tolist()], dtype=np.int64)


_SCALARS = {"sigma_a": float, "box": int, "pixel_size_a": float, "noise_sd": float, "spec": str}


def displacements(
    truth: GroundTruth,
    indices: ArrayLike | None = None,
    points_a: ArrayLike | None = None,
    motion: int | None = None,
) -> NDArray[np.float32]:
    """True displacements.

    Parameters
    ----------
    truth
        Ground truth of ``P`` particles and ``N`` beads.
    indices
        Rows of particles; all when None.
    points_a
        ``(n, 3)`` points, centred Å, to follow instead of the beads. Each takes part as the bead nearest to
        it.
    motion
        Only this motion (from 0) instead of the sum of all.

    Returns
    -------
    ndarray
        ``(P', n, 3)`` float32, Å, from the rest position (not yet relative to the mean over images).
    """
    theta = truth.theta if indices is None else truth.theta[np.asarray(indices)]
    points, member = truth.beads_a, truth.membership
    if points_a is not None:
        from scipy.spatial import cKDTree

        points = np.asarray(points_a, dtype=np.float64)
        member = member[cKDTree(truth.beads_a).query(points)[1]]
    chosen = list(range(len(truth.motions))) if motion is None else [motion]
    result = np.empty((len(theta), len(points), 3), dtype=np.float32)
    for start in range(0, len(theta), 500):
        result[start : start + 500] = motion_module.displacements(
            [truth.motions[k] for k in chosen],
            torch.as_tensor(points),
            torch.as_tensor(member[:, chosen]),
            torch.as_tensor(theta[start : start + 500][:, chosen]),
        ).numpy()
    return result
