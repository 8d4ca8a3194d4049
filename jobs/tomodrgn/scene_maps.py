"""The maps of a scene: one for all particles, numbered files, or one decoded for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map_header, write_map
from jobs.tomodrgn.scene_order import SceneOrder
from jobs.tomodrgn.scene_particles import SceneParticles
from jobs.tomodrgn.trained_model import load_trained, load_weights

_NUMBERED: Final = re.compile(r"(\d+)\.mrc$")


@dataclass(frozen=True)
class SceneMaps:
    """Maps of particles, all of one size.

    Attributes
    ----------
    paths
        File of each particle.
    sides
        Voxels along x, y, z.
    voxel_size_a
        Å per voxel.
    origin_a
        Place of voxel 0, x, y, z in Å.
    restated
        True: the headers state another voxel size, so that the script has to.
    """

    paths: list[Path]
    sides: tuple[int, int, int]
    voxel_size_a: float
    origin_a: tuple[float, float, float]
    restated: bool = False


#: Called with rows of particles, the script that will show them, and what is told how many are done.
Decoder = Callable[[NDArray[np.int64], Path, Callable[[int], None]], SceneMaps]


def decoder_of(order: SceneOrder, known: SceneParticles, device: str) -> Decoder | None:
    """Return what gives the maps of particles; None for markers.

    Raises
    ------
    UserError
        When something that the mode needs is missing.
    """
    if order.mode == "markers":
        return None
    if order.mode == "volume":
        if order.volume is None:
            raise UserError("the mode 'volume' needs a map", hint="Give --vol-path MAP.mrc")
        volume = order.volume
        return lambda rows, _target, _told: facts_of([volume] * len(rows), order)
    if order.volume_dir is not None:
        return _numbered(order, order.volume_dir, known)
    return _own_volumes(order, known, device)


def prefix_of(target: Path) -> str:
    """Return the beginning of the names of files beside a script; a folder per tomogram needs none."""
    return "" if target.name == "mapback.cxc" else f"{target.stem}_"


def facts_of(paths: list[Path], order: SceneOrder) -> SceneMaps:
    """Return maps that exist, by the header of the first.

    Raises
    ------
    UserError
        When no voxel size is known.
    """
    header = read_map_header(paths[0], permissive=True)
    stated = header.voxel_size_a
    voxel = order.volume_apix or stated
    if not voxel:
        raise UserError("the map states no voxel size", path=paths[0], hint="Give --vol-apix-override")
    nz, ny, nx = header.shape
    restated = not stated or abs(voxel / stated - 1) > 1e-6
    # voxel 0 stays where the start indices have it, in voxels of the right size
    origin = header.origin_a if not restated else (0.0, 0.0, 0.0)
    return SceneMaps(paths, (nx, ny, nz), voxel, origin, restated)


def _numbered(order: SceneOrder, folder: Path, known: SceneParticles) -> Decoder:
    """Volumes that were made before, one for each particle of the file (or of the tomogram), by number."""
    found = [(int(m[1]), p) for p in sorted(folder.glob("*.mrc")) if (m := _NUMBERED.search(p.name))]
    by_number = [path for _number, path in sorted(found)]
    if not by_number:
        raise UserError("there are no volumes with numbers in their names (vol_000.mrc …)", path=folder)

    def maps(rows: NDArray[np.int64], _target: Path, _told: Callable[[int], None]) -> SceneMaps:
        if len(by_number) == len(known.places.name):
            return facts_of([by_number[r] for r in rows.tolist()], order)
        if len(by_number) == len(rows):
            return facts_of(list(by_number), order)
        raise UserError(
            f"there are {len(by_number)} volumes, for {len(rows):,} particles of the tomogram and "
            f"{len(known.places.name)} of the file",
            path=folder,
            hint="Without --vols-dir, the volume of each particle is decoded (-w weights.pkl)",
        )

    return maps


def _own_volumes(order: SceneOrder, known: SceneParticles, device: str) -> Decoder:
    """Decode one volume for each particle, at its own latent place."""
    folder, z, index = order.folder, known.z, known.trained
    assert folder is not None and z is not None and index is not None
    weights = order.weights
    model = load_trained(folder, None, device) if weights is None else load_weights(folder, weights, device)
    box = order.box or model.box
    voxel = model.pixel_size_a * model.box / box

    def maps(rows: NDArray[np.int64], target: Path, told: Callable[[int], None]) -> SceneMaps:
        paths = [target.parent / f"{prefix_of(target)}vol_{i:04d}.mrc" for i in range(1, len(rows) + 1)]
        for start in range(0, len(rows), order.batch):
            piece = rows[start : start + order.batch]
            places = torch.from_numpy(z[index[piece]])
            volumes = model.volumes(
                places, box=order.box, flip=order.flip, invert=order.invert, lowpass_a=order.lowpass_a
            )
            for path, volume in zip(paths[start:], volumes.cpu().numpy(), strict=False):
                write_map(path, volume, voxel)
            told(start + len(piece))
        return SceneMaps(paths, (box, box, box), voxel, (0.0, 0.0, 0.0))

    return maps
