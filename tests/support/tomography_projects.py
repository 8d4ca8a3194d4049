"""Builds projects of other programs from a known map with known orientations, in the layout they write.

The map is a few Gaussian blobs without symmetry, given by a formula, so that tomograms hold it exactly at any
place and turn: a point y of the reference (from its centre) stands at ``p + d + M^T y`` in the tomogram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from jobs.maths import conventions3d as conventions
from tests.support.imod_files import model_bytes, write_tilt_angles

FloatArray = npt.NDArray[np.float64]

BOX = 16
_SIGMA = 1.3
_BLOBS = np.array([(0.0, 0.0, 4.5), (3.5, 0.0, -1.0), (-1.5, 3.0, -3.5), (-2.5, -3.0, 1.0)])
_WEIGHTS = np.array([1.0, 0.8, 0.6, 0.9])
#: nx, ny, nz of tomograms, all different so that exchanged axes show.
SIZE = (50, 60, 40)


@dataclass(frozen=True, eq=False)
class Placed:
    """Particles of one tomogram: name, voxel index from 0 `(n, 3)`, M `(n, 3, 3)`, shift `(n, 3)`."""

    name: str
    position: FloatArray
    rotation: FloatArray
    shift: FloatArray


def density(
    size: tuple[int, int, int], position: npt.ArrayLike, rotation: npt.ArrayLike, shift: npt.ArrayLike = 0.0
) -> npt.NDArray[np.float32]:
    """Return a volume `[z, y, x]` of ``size`` (nx, ny, nz) with the map at every position and turn."""
    m = np.asarray(rotation, float).reshape(-1, 3, 3)
    centre = np.asarray(position, float).reshape(-1, 3) + np.asarray(shift, float)
    volume = np.zeros(size[::-1], np.float64)
    for p, turn in zip(centre, m, strict=True):
        for blob, weight in zip(p + _BLOBS @ turn, _WEIGHTS, strict=True):
            x, y, z = (
                np.exp(-0.5 * ((np.arange(n) - c) / _SIGMA) ** 2) for n, c in zip(size, blob, strict=True)
            )
            volume += weight * z[:, None, None] * y[None, :, None] * x[None, None, :]
    return volume.astype(np.float32)


def reference(box: int = BOX) -> npt.NDArray[np.float32]:
    """Return the map itself `[z, y, x]`, its centre at voxel ``box // 2``."""
    return density((box,) * 3, [box // 2] * 3, np.eye(3))


def averaged(
    volumes: Sequence[npt.NDArray[np.float32]],
    position: npt.ArrayLike,
    rotation: npt.ArrayLike,
    shift: npt.ArrayLike,
    box: int = BOX,
) -> FloatArray:
    """Average particles (one volume each) back in the reference's frame by interpolation."""
    grid = np.arange(box) - box // 2
    y = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)[:, ::-1]
    total = np.zeros(box**3)
    places = np.asarray(position, float) + np.asarray(shift, float)
    for volume, p, turn in zip(volumes, places, np.asarray(rotation, float), strict=True):
        total += map_coordinates(volume, (y @ turn + p)[:, ::-1].T, order=3)
    return total.reshape((box,) * 3)


def correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Correlation coefficient of two volumes."""
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1])


def random_places(seed: int, n: int, size: tuple[int, int, int] = SIZE, box: int = BOX) -> FloatArray:
    """Return `(n, 3)` places on a jittered grid, so that no two maps touch and none leaves the volume."""
    generator = np.random.default_rng(seed)
    axes = [np.arange(box // 2 + 1, extent - box // 2 - 1, box - 3) for extent in size]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = grid[generator.choice(len(grid), n, replace=False)]
    return chosen + np.round(generator.uniform(0, 1, (n, 3)), 2)


def imod_project(folder: Path, particles_each: int = 5, seed: int = 5) -> list[Placed]:
    """Write an IMOD project of three tomograms among decoys; return what is in them, in natural order.

    TS_1 has everything plain; TS_2 an extended header, another tilt range and a fiducial ``.tlt``; TS_10 a
    model that was drawn on an image of twice the sampling. Particles stand upright along y of the Slicer.
    """
    generator = np.random.default_rng(seed)
    placed = []
    for k, name in enumerate(("TS_1", "TS_2", "TS_10")):
        inside = folder / name
        inside.mkdir(parents=True)
        angles = np.round(generator.uniform((-90, -40, -180), (90, 40, 180), (particles_each, 3)), 1)
        position = random_places(seed + k, particles_each)
        rotation = conventions.slicer_to_matrix(angles)
        volume = density(SIZE, position, rotation)
        write_reconstruction(inside / f"{name}_rec.{'mrc' if k else 'rec'}", volume, extended=k == 1)
        write_tilt_angles(inside / f"{name}.tlt", np.arange(-40, 61, 2) if k == 1 else np.arange(-54, 55, 2))
        write_tilt_angles(inside / f"{name}_fid.tlt", np.arange(-10, 11, 2))
        binning = 2 if k == 2 else 1
        centers = (position + 0.5) * binning - (0.0, 0.0, 0.5)
        model = model_bytes(
            [centers[:1]],
            slicer=angles,
            centers=centers,
            size=(SIZE[0] * binning, SIZE[1] * binning, SIZE[2] * binning),
            pixel_a=10.0 / binning,
        )
        (inside / f"{name}_particles.mod").write_bytes(model)
        (inside / f"{name}_fiducials.fid.mod").write_bytes(model_bytes([[(1, 1, 1)]]))
        (inside / f"{name}.ali").write_bytes(b"not a volume")
        placed.append(Placed(name, position, rotation, np.zeros((particles_each, 3))))
    (folder / "calibration").mkdir()
    (folder / "TS_notes.txt").write_text("a plain file\n")
    return placed


def write_reconstruction(
    path: Path, volume: npt.NDArray[np.float32], voxel_a: float = 10.0, extended: bool = False
) -> None:
    """Write an MRC volume, on request with an extended header of one kilobyte."""
    with mrcfile.new(path, volume, overwrite=True) as file:
        if extended:
            file.set_extended_header(np.zeros(1024, "V1"))
        file.voxel_size = voxel_a
