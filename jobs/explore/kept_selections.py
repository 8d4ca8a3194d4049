"""Selections with names, one STAR file each in the job's ``explorer/selections/``, by identity."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

import numpy as np

from jobs.core.errors import FormatError, UserError
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable

FOLDER: Final = "explorer/selections"
_IDENTITY: Final = "rlnImageName"
_NAME: Final = "heteroscopeSelectionName"


def read_kept(job_dir: Path) -> dict[str, list[str]]:
    """Return the identities of the particles of each kept selection by its name, the oldest first.

    Files that are damaged, or of something else, are passed over.
    """
    found: dict[str, list[str]] = {}
    try:
        paths = sorted(
            (job_dir / FOLDER).glob("*.star"), key=lambda path: (path.stat().st_mtime_ns, path.name)
        )
    except OSError:
        return {}
    for path in paths:
        try:
            read = _read(path)
        except (UserError, OSError):
            continue
        if read is not None:
            found[read[0]] = read[1]
    return found


def write_kept(job_dir: Path, name: str, particles: Iterable[str], known: Collection[str] = ()) -> Path:
    """Keep a selection under a name, instead of what was kept under it.

    Parameters
    ----------
    job_dir
        Folder of the job.
    name
        Any words.
    particles
        Identities of the selected particles.
    known
        All particles that could have been selected: others that are kept under this name (those of the other
        half-set) stay.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    path = _path(job_dir, name)
    kept = list(particles)
    if path.is_file():
        try:
            before = _read(path)
        except (UserError, OSError):
            before = None
        if before is not None:
            could = set(known)
            kept += [particle for particle in before[1] if particle not in could]
    path.parent.mkdir(parents=True, exist_ok=True)
    general = StarTable.from_columns("general", {_NAME: np.array([name], object)}, is_loop=False)
    table = StarTable.from_columns("particles", {_IDENTITY: np.array(kept, object)})
    write_star_tables(path, [general, table] if kept else [general])
    return path


def forget_kept(job_dir: Path, name: str) -> None:
    """Delete a kept selection."""
    _path(job_dir, name).unlink(missing_ok=True)


def _path(job_dir: Path, name: str) -> Path:
    """Return the file of a selection: readable, and different for all names."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:40] or "selection"
    return job_dir / FOLDER / f"{words}_{zlib.crc32(name.encode()):08x}.star"


def _read(path: Path) -> tuple[str, list[str]] | None:
    tables = read_star_tables(path)
    general = tables.get("general")
    if general is None or _NAME not in general:
        return None
    particles = tables.get("particles")
    if particles is not None and _IDENTITY not in particles:
        raise FormatError("the selection names no particles", path=path, column=_IDENTITY)
    names = [] if particles is None else [str(name) for name in particles.text(_IDENTITY)]
    return str(general.text(_NAME)[0]), names
