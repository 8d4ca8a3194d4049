"""Sub-volumes of EMAN2 stacks as files of their own, named as the original names them."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from jobs.dynamo_processor.contract import IntArray, ParticleTable
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.mrc import write_map

_MRC_HEADER: Final = 1024
_AT_ONCE: Final = 64


def unpacked_name(stack: Path, section: int, count: int) -> str:
    """Return ``<stack>-<k>.mrc``, k from 1 with as many digits as the number of images in the stack."""
    return f"{stack.stem}-{section + 1:0{len(str(count))}d}.mrc"


def unpack(
    particles: ParticleTable,
    folder: Path,
    *,
    threads: int = 1,
    each: Callable[[int, int], None] | None = None,
) -> ParticleTable:
    """Write the sections of stacks that the particles name into ``folder``, and name the files in the table.

    Files that are there and of the right size stay. Particles of tomograms are left as they are.

    Parameters
    ----------
    particles
        The particles.
    folder
        Where files go; made when there are any.
    threads
        Threads that write; the stack itself is read by one.
    each
        Called with the number done and the whole number.

    Raises
    ------
    UserError
        When a stack cannot be read, or a file not written.
    """
    rows = np.flatnonzero(particles.section >= 0)
    if not len(rows):
        return particles
    folder.mkdir(parents=True, exist_ok=True)
    volume = particles.volume.copy()
    done = 0
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for name in dict.fromkeys(str(v) for v in particles.volume[rows]):
            members = rows[[str(v) == name for v in particles.volume[rows]]]
            source = Path(name)
            with EmanStack(source) as stack:
                count = len(stack)
                for start in range(0, len(members), _AT_ONCE):
                    chunk = members[start : start + _AT_ONCE]
                    waiting = []
                    for row in chunk.tolist():
                        k = int(particles.section[row])
                        target = folder / unpacked_name(source, k, count)
                        volume[row] = str(target)
                        if _is_there(target, stack.shape(k), source):
                            continue
                        box, voxel = stack.image(k), float(particles.voxel_size_a[row])
                        waiting.append(pool.submit(write_map, target, box, voxel))
                    for one in waiting:
                        one.result()
                    done += len(chunk)
                    if each is not None:
                        each(done, len(rows))
    section = np.where(particles.section >= 0, -1, particles.section)
    return replace(particles, volume=volume, section=section)


def _is_there(target: Path, shape: tuple[int, ...], source: Path) -> bool:
    """Whether a file is there, complete and not older than the stack."""
    try:
        stat = target.stat()
    except OSError:
        return False
    return stat.st_size == _MRC_HEADER + 4 * int(np.prod(shape)) and stat.st_mtime >= source.stat().st_mtime


def volume_numbers(particles: ParticleTable, tag: IntArray, is_stack: bool) -> IntArray:
    """Return the number `(n,)` of every particle's volume: its tag where it is a volume of its own."""
    return np.where(is_stack, tag, particles.tomogram)


def volume_index(particles: ParticleTable, number: IntArray, folder: Path) -> dict[int, str]:
    """Return the paths of the volume index by number; those with blanks get a link without any.

    Parameters
    ----------
    particles, number
        Particles, and the numbers of their volumes.
    folder
        Folder of the Dynamo project: links are made in ``tomograms`` and named from there, because the script
        starts by going there.
    """
    found: dict[int, str] = {}
    first = np.unique(number, return_index=True)[1]
    for row in first.tolist():
        path = str(Path(particles.volume[row]).absolute())
        inside = folder / "tomograms"
        if re.search(r"\s", path):
            path = f"tomograms/{_linked(Path(path), int(number[row]), inside)}"
        found[int(number[row])] = path
    return found


def _linked(path: Path, number: int, folder: Path) -> str:
    """Name of a file in ``folder`` that is, or leads to, the file."""
    folder.mkdir(parents=True, exist_ok=True)
    if path.parent == folder.absolute() and not re.search(r"\s", path.name):
        return path.name
    name = f"{number}.mrc"
    link = folder / name
    if link.is_symlink() or not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    return name
