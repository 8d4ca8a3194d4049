"""Cut sub-volumes out of tomograms: from files that stay on disk, in parallel, to be taken up after a break.

A particle at voxel p (counted from 0) gets the box around the nearest voxel r, whose centre is voxel N // 2.
What is left, p - r, becomes part of its shift in ``crop.tbl``, so that nothing is interpolated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import BoolArray, FloatArray, IntArray, ParticleTable
from jobs.dynamo_processor.open_volumes import OpenVolume, OpenVolumes
from jobs.formats.em_files import HEADER_BYTES
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map

RECORD: Final = "cropping.json"
_DIGITS: Final = 6
#: Open maps of files are few: a thousand sub-volumes of EMAN2 are a file each.
_MAPS: Final = 64
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CropSettings:
    """How boxes are cut.

    Attributes
    ----------
    box_size
        Side N, px.
    kind
        ``em`` or ``mrc``.
    invert
        Whether values are multiplied by -1.
    fill
        Whether boxes that leave the volume are cut as well, the rest filled with the mean of what is there.
    threads
        How many threads cut.
    """

    box_size: int
    kind: str = "em"
    invert: bool = False
    fill: bool = False
    threads: int = 1


def particle_name(tag: int, kind: str) -> str:
    """Return the file name of a particle, as Dynamo numbers them."""
    return f"particle_{tag:0{_DIGITS}d}.{kind}"


def nearest_voxel(position: FloatArray) -> IntArray:
    """Return the voxels `(n, 3)` that boxes are centred on; halves go up."""
    return np.floor(np.asarray(position, float) + 0.5).astype(np.int64)


def cut_box(volume: OpenVolume, centre: IntArray, box_size: int) -> npt.NDArray[np.float32]:
    """Return the box `(N, N, N)` [z, y, x] around a voxel, filled with its mean where it leaves the volume.

    Parameters
    ----------
    volume
        The volume; only the rows of the box are read of it.
    centre
        `(3,)` x, y, z of the voxel that becomes voxel N // 2.
    box_size
        N.
    """
    first = np.asarray(centre)[::-1] - box_size // 2
    low, high = np.maximum(first, 0), np.minimum(first + box_size, volume.shape)
    if (high <= low).any():
        return np.zeros((box_size,) * 3, np.float32)
    part = volume.part(low, high)
    if part.shape == (box_size,) * 3:
        return part
    whole = np.full((box_size,) * 3, part.mean(dtype=np.float64), np.float32)
    whole[tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))] = part
    return whole


def crop(
    particles: ParticleTable,
    tag: IntArray,
    folder: Path,
    settings: CropSettings,
    *,
    progress: Progress | None = None,
) -> BoolArray:
    """Cut every particle into ``folder``; those that are there already from the same settings are kept.

    Parameters
    ----------
    particles
        The particles; sections of stacks have to be files of their own (see :mod:`unpacking`).
    tag
        `(n,)` their tags.
    folder
        Where files go; made when missing.
    settings
        How.
    progress
        Called with the number done and the whole number.

    Returns
    -------
    numpy.ndarray
        `(n,)` which were cut; False where the box leaves the volume and is not filled.

    Raises
    ------
    UserError
        When a volume cannot be read, or a file not written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outside = particles.outside(settings.box_size)
    wanted = np.ones(len(particles), bool) if settings.fill else ~outside
    same = _same_as_before(folder, particles, tag, settings)
    centre = nearest_voxel(particles.position)
    # by file and depth, so that a tomogram is walked through once
    rows = np.flatnonzero(wanted)
    rows = rows[np.lexsort((centre[rows, 2], particles.tomogram[rows]))]
    maps = OpenVolumes()
    done, of = 0, len(rows)

    def one(row: int) -> None:
        path = folder / particle_name(int(tag[row]), settings.kind)
        if same and path.is_file() and path.stat().st_size == _bytes(settings):
            return
        box = cut_box(maps.volume(str(particles.volume[row])), centre[row], settings.box_size)
        if settings.invert:
            box = -box
        write_particle(path, box, float(particles.voxel_size_a[row]))

    with ThreadPoolExecutor(max(1, settings.threads)) as pool:
        try:
            for start in range(0, of, _MAPS):
                chunk = rows[start : start + _MAPS]
                maps.open(particles.volume[chunk])
                list(pool.map(one, chunk.tolist()))
                done += len(chunk)
                if progress is not None:
                    progress(done, of)
        finally:
            maps.close()
    return wanted


def write_particle(path: Path, box: npt.NDArray[np.float32], voxel_size_a: float) -> None:
    """Write one particle, whole or not at all; EM files have no place for the voxel size.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    if path.suffix == ".mrc":
        write_map(path, box, voxel_size_a)
        return
    beside = path.with_name(f".{path.name}.tmp")
    try:
        # ten thousand small files: they are not forced to the disk one by one as a result would be
        with beside.open("wb") as file:
            file.write(_em_header(box.shape))
            file.write(np.ascontiguousarray(box, "<f4").data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"the particle could not be written: {reason}", path=path) from error


def _em_header(shape: tuple[int, ...]) -> bytes:
    """Head of an EM file of float32 written on a PC: sizes along x, y, z."""
    header = bytearray(HEADER_BYTES)
    header[0], header[3] = 6, 5
    header[4:16] = np.array(shape[::-1], "<i4").tobytes()
    return bytes(header)


def _bytes(settings: CropSettings) -> int:
    return (HEADER_BYTES if settings.kind == "em" else 1024) + 4 * settings.box_size**3


def _same_as_before(folder: Path, particles: ParticleTable, tag: IntArray, settings: CropSettings) -> bool:
    """Whether files in the folder are of the same particles and settings; this is written down for later."""
    digest = hashlib.sha256()
    for array in (tag, particles.position, particles.tomogram):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update("\0".join(map(str, particles.volume)).encode())
    for volume in sorted({str(v) for v in particles.volume}):
        stat = Path(volume).stat()
        digest.update(f"{stat.st_size} {stat.st_mtime_ns}\0".encode())
    record = {
        "box_size": settings.box_size,
        "invert": settings.invert,
        "fill": settings.fill,
        "particles": digest.hexdigest(),
    }
    path = folder / RECORD
    try:
        if json.loads(path.read_text(encoding="utf-8")) == record:
            return True
    except (OSError, ValueError):
        pass
    with replacing(path) as file:
        file.write(json.dumps(record, indent=1).encode())
    return False
