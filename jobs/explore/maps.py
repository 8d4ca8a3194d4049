"""Single states as maps, and the level at which a map shows the molecule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.latent import LatentModel
from jobs.explore.numbering import claimed, map_name
from jobs.formats.mrc import write_map

MAPS = "maps"
_BINS = 512
_VOXELS_LOOKED_AT = 2_000_000


def write_state(path: Path, model: LatentModel, z: NDArray[np.floating] | None) -> NDArray[np.floating]:
    """Decode a state and write it at its true grey scale, voxel size and place.

    Parameters
    ----------
    path
        Target.
    model
        The model.
    z
        ``(L,)`` state; None for the consensus.

    Returns
    -------
    numpy.ndarray
        The volume ``[z, y, x]``.
    """
    volume = model.decode(None if z is None else np.asarray(z, np.float32))
    write_map(path, volume, model.voxel_size_a, model.origin_a)
    return volume


def save_map(job_dir: Path, half: int, model: LatentModel, z: NDArray[np.floating] | None) -> Path:
    """Write the map of a state as ``maps/mapKKK_halfH.mrc``.

    Raises
    ------
    UserError
        When it cannot be written; nothing is then left.
    """
    with claimed(job_dir / MAPS, map_name, half) as claim:
        write_state(claim.work / f"{claim.name}.mrc", model, z)
        return claim.publish(".mrc")[0]


def contour_level(volume: NDArray[np.floating]) -> float:
    """Return the level that parts molecule and solvent best: that of least variance within both (Otsu's).

    Parameters
    ----------
    volume
        ``[z, y, x]``.
    """
    step = max(1, int(np.ceil(np.cbrt(volume.size / _VOXELS_LOOKED_AT))))
    values = np.asarray(volume[::step, ::step, ::step], np.float64).ravel()
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return high
    count, edges = np.histogram(values, _BINS, (low, high))
    middle = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(count)[:-1]
    above = values.size - below
    mass = np.cumsum(count * middle)
    # an empty side parts nothing
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = mass[:-1] / below - (mass[-1] - mass[:-1]) / above
    between = np.nan_to_num(below * above * apart**2)
    # where nothing lies between both, every level between them is as good: take the middle one
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1 + best].mean())
